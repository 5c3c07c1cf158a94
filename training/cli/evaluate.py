"""``watchword evaluate``: measure the service on a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import console, errors, fail_clearly
from training.cli.progress import need_extra, task_bars

if TYPE_CHECKING:
    from rich.table import Table

    from training.evaluation.evaluate import Evaluation
    from training.evaluation.result_folder import ResultFolder


@fail_clearly
def evaluate(
    dataset: Annotated[Path, typer.Argument(help="The data set's folder; its layout is recognised.")],
    out: Annotated[Path, typer.Option(help="Where metrics.json, scores and plots go.")],
    heads: Annotated[str, typer.Option(help="Packs whose heads score, with commas between them.")] = "attributes",
    detector: Annotated[
        str, typer.Option(help="motion, a detector pack's name, a path to an .onnx file, or truth (virtual footage).")
    ] = "motion",
    pose: Annotated[
        str, typer.Option(help="Finds people's keypoints: a pose pack's name, a path to an .onnx file, or none.")
    ] = "none",
    appearance: Annotated[
        str, typer.Option(help="Says how objects look: an appearance or encoder pack's name, a path to .onnx, or none.")
    ] = "none",
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
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the clips that a stopped evaluation left in OUT.")
    ] = False,
) -> None:
    """Measure the service on a data set: learn from its normal clips, score its test clips, compare with the truth.

    The service's own pipeline runs, over every frame, as fast as they decode.
    Causal scores (what a live camera would have got) come first, beside them
    scores smoothed over the whole clip (what papers report). Nothing is learned
    from test clips. Scores and the figures so far are written clip by clip, so
    that an evaluation that is stopped loses none; a clip that cannot be scored
    is named at the end, and the figures are of the others.

    Known layouts: UCSD Ped1 and Ped2, CUHK Avenue, ShanghaiTech, UBnormal,
    UCF-Crime, what `watchword simulate` writes, and a folder of your own videos
    with a labels.json or labels.csv. docs/evaluation.md has them all.

    [dim]watchword evaluate UCSD_Anomaly_Dataset.v1p2/UCSDped2 --out results/ped2
    watchword evaluate avenue --detector yolox_nano.onnx --out results/avenue
    watchword evaluate gate --profile gate.npz --fps 5 --no-plots --out results/gate
    watchword evaluate office --fps 5 --out results/office --resume[/dim]
    """
    need_extra()
    from models.packs import file_hash
    from service.pipeline.offline import build_pipeline
    from service.profiles.profile import Profile
    from service.settings import Settings
    from training.datasets import open_dataset
    from training.evaluation.evaluate import evaluate as run
    from training.evaluation.result_folder import ResultFolder
    from training.evaluation.truth_detector import detector_of
    from training.provenance import provenance

    origin = provenance()  # of the code that runs, not of what a later commit made of it
    settings = Settings()
    footage = open_dataset(dataset, kind)
    rate = min(clip.fps for clip in footage.test)
    packs = [name.strip() for name in heads.split(",")]
    graphs = _graphs(detector=detector, pose=pose, appearance=appearance)
    with (
        build_pipeline(
            settings, detector_of(detector), packs, min(rate, fps or rate), pose=pose, appearance=appearance
        ) as pipeline,
        task_bars() as progress,
    ):
        of_run = {
            "dataset": str(dataset.resolve()),
            "packs": {name: loaded.pack_hash for name, loaded in pipeline.stages.heads.items()},
            **graphs,
            "profile": None if profile is None else file_hash(profile),
            "fps": fps,
            "alerts_per_day": alerts_per_day,
            "seed": seed,
        }
        results = ResultFolder(out, of_run, resume=resume)
        evaluation = run(
            footage,
            pipeline,
            settings,
            lambda learned: learned.threshold(alerts_per_day),
            profile=None if profile is None else Profile.load(profile, samples=False),
            fps=fps,
            seed=seed,
            progress=progress,
            on_clip=results.keep,
            so_far=lambda figures: results.write(
                figures.metrics() | graphs | _promises(figures, alerts_per_day) | origin
            ),
            kept=results.kept,
            promised_per_day=alerts_per_day,
        )
    _save(evaluation, graphs | _promises(evaluation, alerts_per_day) | origin, out, results, plots)
    if evaluation.failed:
        _tell_failed(evaluation)
        raise typer.Exit(1)


def _graphs(**chosen: str) -> dict[str, Any]:
    """What each graph was, by its option: the name of a pack, or a file's name and its hash."""
    from models.packs import file_hash

    figures: dict[str, Any] = {}
    for role, graph in chosen.items():
        model = Path(graph)
        figures |= {role: model.name, f"{role}_sha256": file_hash(model) if model.is_file() else None}
    return figures


def _promises(evaluation: Evaluation, alerts_per_day: float) -> dict[str, Any]:
    """What each scene's threshold promises."""
    profiles = evaluation.profiles.items()
    return {"promises": {scene: profile.promised(alerts_per_day).to_json() for scene, profile in profiles}}


def _save(evaluation: Evaluation, origin: dict[str, Any], out: Path, results: ResultFolder, plots: bool) -> None:
    figures = evaluation.metrics() | origin
    results.write(figures)
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
    events, found = figures["events"], figures["event_detection"]
    rest = Table(show_header=False)
    rest.add_row("RBDC / TBDC", f"{_number(figures['rbdc'])} / {_number(figures['tbdc'])}")
    within = figures["within_clips"]["causal"]
    if within["clips"]:
        pairs = f"{_number(within['mean_auc'])} mean of {within['clips']} clips, {_number(within['pair_auc'])} of pairs"
        rest.add_row("causal AUC within clips", pairs)
    rest.add_row(
        "events noticed",
        f"{found['noticed']} of {found['events']}{_interval(found)}, "
        f"{_number(figures['detection_delay_s'], 2)} s after onset on average; "
        f"{found['noticed_in_time']} within {found['deadline_s']:g} s",
    )
    for least, overlap in found["tiou"].items():
        shares = (_number(overlap[key], 2) for key in ("precision", "recall", "f1"))
        rest.add_row(f"alerts at tIoU {least}", "precision {}, recall {}, F1 {}".format(*shares))
    rest.add_row("latency-aware AP", _number(found["latency_aware_ap"]))
    rest.add_row(
        "false alarms",
        f"{events['false_alarms']} in {60 * events['normal_hours']:.1f} min of normal footage, "
        f"{_number(figures['false_alarms_per_hour'], 1)} an hour",
    )
    for where, alerts in figures["false_alerts"].items():
        rest.add_row(f"false alerts, {where.replace('_', ' ')}", _false_alerts(alerts))
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
    for table in (clips, *_groups(figures["groups"]), total, rest):
        console.print(table)
    for sentence in figures["damaged"]:
        console.print(sentence, markup=False, soft_wrap=True)


def _interval(found: dict[str, Any]) -> str:
    """Between which shares the true one lies, where there are events."""
    return "" if found["recall"] is None else f" ({found['recall_low']:.0%} to {found['recall_high']:.0%})"


def _false_alerts(figures: dict[str, Any]) -> str:
    """How many in how long, what that says of a day, and how much footage a promise would take."""
    if figures["per_day"] is None:
        return "no such footage"
    said = (
        f"{figures['alerts']} in {_span(figures['hours'])}: {_rate(figures['per_day'])} a day, "
        f"{_rate(figures['per_day_low'])} to {_rate(figures['per_day_high'])} at 95 %"
    )
    if figures["promised_per_day"] is None:
        return said
    promise = f"at most {figures['promised_per_day']:g} a day"
    if figures["holds"]:
        return f"{said}; {promise} holds"
    return f"{said}; {promise} would take {figures['hours_needed']:.0f} h in all with no further one"


def _groups(groups: dict[str, dict[str, Any]]) -> list[Table]:
    """A table of the groups of clips, where there are any."""
    from rich.table import Table

    if not groups:
        return []
    table = Table("clips of", "clips", "causal AUC", "noticed", "in time", "false alerts")
    for name, row in groups.items():
        noticed, in_time = (f"{row[key]} of {row['events']}" for key in ("noticed", "noticed_in_time"))
        false = f"{row['false_alerts']['alerts']} in {_span(row['false_alerts']['hours'])}"
        table.add_row(name, str(row["clips"]), _number(row["micro_auc"]), noticed, in_time, false)
    return [table]


def _rate(per_day: float) -> str:
    return f"{per_day:,.0f}" if per_day >= 100 else f"{per_day:.3g}"


def _span(hours: float) -> str:
    """A time as people say it."""
    return f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.1f} min"


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
    from models.scoring.poisson import poisson_interval

    if not hours:
        return "nothing: there was no normal footage"
    low, high = (24 / hours * end for end in poisson_interval(false_alarms))
    rate = f"{24 / hours * false_alarms:.1f} false alarms a day"
    return f"{rate}, 95 % sure that between {low:.1f} and {high:.1f} ({hours:.2g} hours of normal footage)"


def _number(value: float | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
