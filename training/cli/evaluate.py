"""``watchword evaluate``: measure the service on a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import console, errors, fail_clearly
from training.cli.progress import need_extra, task_bars

if TYPE_CHECKING:
    from training.evaluation.evaluate import Evaluation


@fail_clearly
def evaluate(
    dataset: Annotated[Path, typer.Argument(help="The data set's folder; its layout is recognised.")],
    out: Annotated[Path, typer.Option(help="Where metrics.json, scores and plots go.")],
    heads: Annotated[str, typer.Option(help="Packs whose heads score, with commas between them.")] = "attributes",
    detector: Annotated[
        str, typer.Option(help="motion, a detector pack's name, a path to an .onnx file, or truth (virtual footage).")
    ] = "motion",
    kind: Annotated[
        str | None, typer.Option(help="The layout, if it is not to be recognised: ucsd, avenue, ...")
    ] = None,
    profile: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="From `watchword enrol`; else enrol.")
    ] = None,
    fps: Annotated[float | None, typer.Option(min=0.1, help="Look at so many frames a second; else at all.")] = None,
    alerts_per_day: Annotated[float, typer.Option(min=0.01, help="Picks the threshold, as a stream's does.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of every random generator.")] = 0,
    plots: Annotated[bool, typer.Option(help="Draw each clip's score curve and the ROC.")] = True,
) -> None:
    """Measure the service on a data set: learn from its normal clips, score its test clips, compare with the truth.

    The service's own pipeline runs, over every frame, as fast as they decode.
    Causal scores (what a live camera would have got) come first, beside them
    scores smoothed over the whole clip (what papers report). Nothing is learned
    from test clips. Scores are written clip by clip; a clip that cannot be
    scored is named at the end, and the figures are of the others.

    Known layouts: UCSD Ped1 and Ped2, CUHK Avenue, ShanghaiTech, UBnormal,
    UCF-Crime, what `watchword simulate` writes, and a folder of your own videos
    with a labels.json or labels.csv. docs/evaluation.md has them all.

    [dim]watchword evaluate UCSD_Anomaly_Dataset.v1p2/UCSDped2 --out results/ped2
    watchword evaluate avenue --detector yolox_nano.onnx --out results/avenue
    watchword evaluate gate --profile gate.npz --fps 5 --no-plots --out results/gate[/dim]
    """
    need_extra()
    from service.pipeline.offline import build_pipeline
    from service.profiles.profile import Profile
    from service.settings import Settings
    from training.datasets import open_dataset
    from training.evaluation.evaluate import evaluate as run
    from training.evaluation.truth_detector import detector_of
    from training.provenance import provenance

    origin = provenance()  # of the code that runs, not of what a later commit made of it
    settings = Settings()
    footage = open_dataset(dataset, kind)
    rate = min(clip.fps for clip in footage.test)
    packs = [name.strip() for name in heads.split(",")]
    scores = out / "scores"
    with (
        build_pipeline(settings, detector_of(detector), packs, min(rate, fps or rate)) as pipeline,
        task_bars() as progress,
    ):
        evaluation = run(
            footage,
            pipeline,
            settings,
            lambda learned: learned.threshold(alerts_per_day),
            profile=None if profile is None else Profile.load(profile, samples=False),
            fps=fps,
            seed=seed,
            progress=progress,
            on_clip=lambda clip: clip.save_scores(scores),
        )
    _save(evaluation, detector, alerts_per_day, origin, out, plots)
    if evaluation.failed:
        _tell_failed(evaluation)
        raise typer.Exit(1)


def _save(
    evaluation: Evaluation, detector: str, alerts_per_day: float, origin: dict[str, Any], out: Path, plots: bool
) -> None:
    from models.packs import file_hash

    model = Path(detector)
    figures = evaluation.metrics() | {
        "promises": {
            scene: profile.promised(alerts_per_day).to_json() for scene, profile in evaluation.profiles.items()
        },
        "detector": model.name,
        "detector_sha256": file_hash(model) if model.is_file() else None,
        **origin,
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n")
    _show(figures)
    if plots:
        from training.evaluation.plots import save_plots

        save_plots(evaluation, out / "plots")
    console.print(f"saved to {out}", markup=False)


def _tell_failed(evaluation: Evaluation) -> None:
    """Which clips no figure speaks of, and why."""
    count, failed = len(evaluation.clips) + len(evaluation.failed), evaluation.failed
    errors.print(f"[red]{len(failed)} of {count} test clips could not be scored. No figure speaks of them:[/red]")
    for name, why in failed.items():
        errors.print(f"  {name}: {why}", markup=False, soft_wrap=True)


def _show(figures: dict[str, Any]) -> None:
    """The figures as tables: over all clips, at the threshold, and clip by clip."""
    from rich.table import Table

    total = Table("", "micro AUC", "macro AUC", "AUPRC", "max F1", "EER", title=figures["dataset"]["name"])
    for name in ("causal", "offline"):
        row = figures[name]
        total.add_row(name, *(_number(row[key]) for key in ("micro_auc", "macro_auc", "auprc", "max_f1", "eer")))
    events = figures["events"]
    found = f"{events['events'] - events['missed']} of {events['events']}"
    rest = Table(show_header=False)
    rest.add_row("RBDC / TBDC", f"{_number(figures['rbdc'])} / {_number(figures['tbdc'])}")
    rest.add_row("events noticed", f"{found}, {_number(figures['detection_delay_s'], 2)} s after onset on average")
    rest.add_row(
        "false alarms",
        f"{events['false_alarms']} in {60 * events['normal_hours']:.1f} min of normal footage, "
        f"{_number(figures['false_alarms_per_hour'], 1)} an hour",
    )
    rest.add_row("threshold", _threshold(figures))
    rest.add_row("promised", "\n".join(_promised(scene, made) for scene, made in figures["promises"].items()))
    rest.add_row("measured", _measured(events["false_alarms"], events["normal_hours"]))
    if figures["unscored_frames"]:
        rest.add_row("nothing to be seen", f"{figures['unscored_frames']} frames, which count as calm")
    rest.add_row("speed", f"{figures['frames']} frames, {figures['frames_per_second']:.1f} a second, decode to score")
    clips = Table("clip", "frames", "anomalous", "causal AUC", "offline AUC", "false alarms", "missed")
    for name, clip in figures["per_clip"].items():
        aucs = (_number(clip["causal_auc"]), _number(clip["offline_auc"]))
        counts = (str(clip[key]) for key in ("false_alarms", "missed"))
        clips.add_row(name, str(clip["frames"]), str(clip["anomalous_frames"]), *aucs, *counts)
    for table in (clips, total, rest):
        console.print(table)
    for sentence in figures["damaged"]:
        console.print(sentence, markup=False, soft_wrap=True)


def _threshold(figures: dict[str, Any]) -> str:
    """On the scale of the service's scores; the scores of a figure are surprises, which have no upper end."""
    if figures["threshold"] is None:
        return "each scene has its own"
    return f"score {figures['threshold_score']:.2f} (surprise {figures['threshold']:.2f})"


def _promised(scene: str, made: dict[str, Any]) -> str:
    """What enrolment promised of a scene."""
    return f"{scene}: {made['sentence']}" if scene else str(made["sentence"])


def _measured(false_alarms: int, hours: float) -> str:
    """Beside what was promised, what came of it: it is right if both intervals have something in common."""
    from models.scoring.promise import poisson_interval

    if not hours:
        return "nothing: there was no normal footage"
    low, high = (24 / hours * end for end in poisson_interval(false_alarms))
    rate = f"{24 / hours * false_alarms:.1f} false alarms a day"
    return f"{rate}, 95 % sure that between {low:.1f} and {high:.1f} ({hours:.2g} hours of normal footage)"


def _number(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
