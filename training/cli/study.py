"""``watchword study``: the paper's tables, and what rules in words do, measured through the service's own pipeline."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import console, fail_clearly
from training.cli.progress import need_extra, task_bars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.datasets import Dataset
    from training.studies.study import Setup, Study
    from training.text.paraphrases import Paraphrases

study_app = typer.Typer(
    name="study",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Measure what the paper's tables and figures show, through the service's own pipeline. "
    "Every study writes study.json with its provenance, and study.md.",
)

Datasets = Annotated[list[Path], typer.Argument(help="Folders of data sets; their layouts are recognised.")]
Out = Annotated[Path, typer.Option(help="Where study.json, study.md and pictures go.")]
DetectorName = Annotated[
    str, typer.Option(help="motion, a detector pack's name, a path to an .onnx file, or truth (virtual footage).")
]
LeaveOut = Annotated[
    list[str] | None, typer.Option(help="A kind of anomaly that the AUC is told without; may come many times.")
]
Heads = Annotated[str, typer.Option(help="Packs whose heads score, with commas between them.")]
Encoder = Annotated[str, typer.Option(help="The encoder pack that sees the objects' clips.")]
PoseName = Annotated[
    str, typer.Option(help="Finds people's keypoints: a pose pack's name, a path to an .onnx file, or none.")
]
AppearanceName = Annotated[
    str, typer.Option(help="Says how objects look: an appearance or encoder pack's name, a path to .onnx, or none.")
]
Fps = Annotated[float | None, typer.Option(min=0.1, help="Look at so many frames a second; else at all.")]
Seed = Annotated[int, typer.Option(help="Of every random generator.")]
ParaphrasesFile = Annotated[
    Path | None,
    typer.Option("--paraphrases", help="Rules and other ways of saying them, as training/text/paraphrases.json."),
]
AlertsPerDay = Annotated[float, typer.Option(min=0.01, help="Picks the threshold, as a stream's does.")]


class Verdicts(Enum):
    """What a rule says of what it names."""

    NORMAL = "normal"
    ANOMALY = "anomaly"


@study_app.command()
@fail_clearly
def svad(
    datasets: Datasets,
    out: Out,
    detector: DetectorName = "motion",
    heads: Heads = "svad",
    pose: PoseName = "none",
    appearance: AppearanceName = "none",
    fps: Fps = None,
    alerts_per_day: AlertsPerDay = 1.0,
    leave_out: LeaveOut = None,
    seed: Seed = 0,
) -> None:
    """Each data set enrolled on its own normal clips (table 1), and each kind of anomaly on its own.

    [dim]watchword study svad runs/plaza runs/station --out results/svad[/dim]
    """
    need_extra()
    from training.provenance import provenance
    from training.studies.study import study_svad

    origin, setup = provenance(), _setup(detector, heads, fps, alerts_per_day, seed, pose=pose, appearance=appearance)
    with task_bars() as progress:
        study = study_svad(_open(datasets), setup, progress, leave_out or ())
    _save(study, origin, out)


@study_app.command()
@fail_clearly
def margin(
    datasets: Datasets,
    out: Out,
    detector: DetectorName = "motion",
    heads: Heads = "attributes",
    fps: Fps = None,
    piece: Annotated[float, typer.Option(min=10, help="Longer clips are cut into pieces of so many seconds.")] = 300.0,
    splits: Annotated[int, typer.Option(min=1, help="Halves that are drawn of shorter clips.")] = 20,
    seed: Seed = 0,
) -> None:
    """How far above its silent level a threshold learned from minutes has to be: normal footage only.

    [dim]watchword study margin ped2 falls --fps 6 --out results/margin[/dim]
    """
    need_extra()
    from training.provenance import provenance
    from training.studies.margin import study_margin

    origin, setup = provenance(), _setup(detector, heads, fps, 1.0, seed)
    with task_bars() as progress:
        study = study_margin(_open(datasets), setup, progress, piece, splits)
    _save(study, origin, out)


@study_app.command("cross-scene")
@fail_clearly
def cross_scene(
    datasets: Datasets,
    out: Out,
    detector: DetectorName = "motion",
    heads: Heads = "svad",
    pose: PoseName = "none",
    appearance: AppearanceName = "none",
    fps: Fps = None,
    alerts_per_day: AlertsPerDay = 1.0,
    leave_out: LeaveOut = None,
    seed: Seed = 0,
) -> None:
    """Enrolled in one place, tested in another (table 2), for all pairs of data sets.

    [dim]watchword study cross-scene runs/plaza runs/station --out results/cross[/dim]
    """
    need_extra()
    from training.provenance import provenance
    from training.studies.study import study_cross_scene

    origin, setup = provenance(), _setup(detector, heads, fps, alerts_per_day, seed, pose=pose, appearance=appearance)
    with task_bars() as progress:
        study = study_cross_scene(_open(datasets), setup, progress, leave_out or ())
    _save(study, origin, out)


@study_app.command()
@fail_clearly
def redefinition(
    datasets: Datasets,
    out: Out,
    detector: DetectorName = "motion",
    heads: Heads = "svad",
    encoder: Encoder = "words",
    pose: PoseName = "none",
    appearance: AppearanceName = "none",
    paraphrases: ParaphrasesFile = None,
    fps: Fps = None,
    alerts_per_day: AlertsPerDay = 1.0,
    seed: Seed = 0,
) -> None:
    """What a rule in words does to the scores (figure 5, in numbers): virtual footage, held-out wording, both methods.

    The footage is scored once; then every rule is tried on what was recorded.

    [dim]watchword study redefinition runs/plaza runs/station --out results/rules
    watchword study redefinition runs/plaza --paraphrases mine.json --out results/mine[/dim]
    """
    need_extra()
    from training.provenance import provenance
    from training.studies.rule_studies import record_scenes, save_curves, study_redefinition
    from training.virtual.actions import ACTIONS

    origin, setup = (
        provenance(),
        _setup(detector, heads, fps, alerts_per_day, seed, encoder, pose=pose, appearance=appearance),
    )
    footage, wording = _open(datasets), _wording(paraphrases)
    wording.check(ACTIONS)
    with (
        setup.pipeline(setup.rate(footage)) as pipeline,
        setup.language(pipeline) as language,
        task_bars("") as progress,
    ):
        scenes = record_scenes(footage, setup, pipeline, progress)
        study = study_redefinition(scenes, language, wording, progress)
        save_curves(scenes, language, wording, out / "plots")
    _save(study, origin, out)


@study_app.command()
@fail_clearly
def footage(
    source: Annotated[Path, typer.Argument(help="A data set's folder, or a video file.")],
    out: Out,
    rule: Annotated[
        list[str] | None, typer.Option(help='Such as "normal: bicycles are normal here"; may come many times.')
    ] = None,
    paraphrases: ParaphrasesFile = None,
    verdict: Annotated[Verdicts, typer.Option(help="What the rules of --paraphrases say.")] = Verdicts.NORMAL,
    learn: Annotated[
        float | None, typer.Option(min=1, help="Of a video file: so many seconds at its beginning are normal.")
    ] = None,
    detector: DetectorName = "motion",
    heads: Heads = "attributes",
    encoder: Encoder = "words",
    pose: PoseName = "none",
    appearance: AppearanceName = "none",
    fps: Fps = None,
    alerts_per_day: AlertsPerDay = 1.0,
    seed: Seed = 0,
) -> None:
    """What rules in words move on real footage: event by event, and by the detector's classes.

    [dim]watchword study footage ped2 --detector yolox_nano.onnx --rule "normal: bicycles are normal here" --out OUT
    watchword study footage road.mp4 --learn 20 --rule "normal: cars are normal here" --out OUT
    watchword study footage falls --paraphrases mine.json --verdict anomaly --out OUT[/dim]
    """
    need_extra()
    from training.datasets.footage import frame_rate
    from training.provenance import provenance
    from training.studies.footage import (
        WrittenRule,
        record_dataset,
        record_file,
        save_curves,
        study_footage,
        study_wording,
    )

    rules = [WrittenRule.parse(line) for line in rule or ()]
    if not rules and paraphrases is None:
        raise typer.BadParameter("give one, or --paraphrases", param_hint="--rule")
    wording = None if paraphrases is None else _wording(paraphrases)
    if source.is_dir() == (learn is not None):
        raise typer.BadParameter("give it with a video file, and not with a data set", param_hint="--learn")
    origin, setup = (
        provenance(),
        _setup(detector, heads, fps, alerts_per_day, seed, encoder, pose=pose, appearance=appearance),
    )
    datasets = _open([source]) if source.is_dir() else []
    rate = setup.rate(datasets) if datasets else min(frame_rate(source), fps or frame_rate(source))
    with setup.pipeline(rate) as pipeline, setup.language(pipeline) as language, task_bars() as progress:
        if learn is None:
            recorded = record_dataset(datasets[0], setup, pipeline, progress)
        else:
            recorded = record_file(source, learn, setup, pipeline, progress)
        study, curves = study_footage(recorded, rules, language)
        if wording is not None:
            study += study_wording(recorded, wording, verdict.value, language, progress)
    save_curves(curves, out / "plots")
    _save(study, origin, out)


@study_app.command()
@fail_clearly
def culprits(
    datasets: Datasets,
    out: Out,
    detector: DetectorName = "motion",
    heads: Heads = "attributes",
    encoder: Encoder = "none",
    pose: PoseName = "none",
    appearance: AppearanceName = "none",
    fps: Fps = None,
    alerts_per_day: AlertsPerDay = 1.0,
    cut: Annotated[
        bool, typer.Option("--cut", help="Clips are cut to their event: their first seconds, unsettled, count too.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """Whether the object marked in an alert's picture is the one that the truth marks; writes the pictures as a sheet.

    [dim]watchword study culprits ped2 runs/plaza --out results/culprits[/dim]
    """
    need_extra()
    from training.provenance import provenance
    from training.studies.culprits import study_culprits

    origin, setup = (
        provenance(),
        _setup(detector, heads, fps, alerts_per_day, seed, encoder, pose=pose, appearance=appearance),
    )
    with task_bars() as progress:
        study = study_culprits(_open(datasets), setup, out, progress, cut=cut)
    _save(study, origin, out)


@study_app.command()
@fail_clearly
def names(
    datasets: Datasets,
    out: Out,
    usual: Annotated[str, typer.Option(help="Parts of words of right names of usual things, with commas between.")],
    anomalous: Annotated[str, typer.Option(help="The same of anomalies.")],
    detector: DetectorName = "motion",
    encoder: Encoder = "words",
    fps: Fps = None,
    seed: Seed = 0,
) -> None:
    """Whether what the encoder calls objects on real footage is right, and from which likeness on.

    [dim]watchword study names ped2 --usual walk,stand --anomalous rid,cart,skate --out results/names[/dim]
    """
    need_extra()
    from training.provenance import provenance
    from training.studies.names import study_names

    origin, setup = provenance(), _setup(detector, "attributes", fps, 1.0, seed, encoder)
    words = [[part.strip() for part in given.split(",") if part.strip()] for given in (usual, anomalous)]
    with task_bars() as progress:
        study = study_names(_open(datasets), setup, words[0], words[1], progress)
    _save(study, origin, out)


@study_app.command()
@fail_clearly
def ablation(
    dataset: Annotated[Path, typer.Argument(help="A data set's folder; its layout is recognised.")],
    out: Out,
    variant: Annotated[
        list[str] | None,
        typer.Option(help='NAME=PACK or NAME={"PARAMETER": VALUE}; may come many times. Else the paper\'s attributes.'),
    ] = None,
    detector: DetectorName = "motion",
    head: Annotated[str, typer.Option(help="The pack whose head is varied.")] = "attributes",
    pose: PoseName = "none",
    appearance: AppearanceName = "none",
    fps: Fps = None,
    alerts_per_day: AlertsPerDay = 1.0,
    seed: Seed = 0,
) -> None:
    """What each part of a head adds: AUC, events, false alerts and milliseconds of its variants on one data set.

    A variant has the pack's parameters with some others in their place; "inputs"
    among them lists which of pose and appearance it looks at, all by default.

    [dim]watchword study ablation falls --fps 6 --pose movenet_multipose.onnx --out results/ablation
    watchword study ablation ped2 --variant 'all={}' --variant 'no looks={"appearance_weight": 0}' --out OUT[/dim]
    """
    need_extra()
    from training.provenance import provenance
    from training.studies.ablation import DEFAULT, HeadVariant, study_ablation

    variants = [HeadVariant.parse(line) for line in variant or ()] or DEFAULT
    origin = provenance()
    setup = _setup(detector, head, fps, alerts_per_day, seed, pose=pose, appearance=appearance)
    with task_bars() as progress:
        study = study_ablation(_open([dataset])[0], variants, setup, progress)
    _save(study, origin, out)


Postures = Annotated[
    list[str],
    typer.Option(
        "--posture",
        help='What people do, such as "a08*=sitting", "test:2390-2719=lying" (frames from 1), "a01*:event+2=lying" '
        '(from two seconds into each labelled event), "a01*:event=-" (left out); may come many times, the last counts.',
    ),
]
Learn = Annotated[str, typer.Option(help="Pattern of the names of training clips that are learned from.")]


@study_app.command()
@fail_clearly
def postures(
    dataset: Annotated[Path, typer.Argument(help="A data set's folder.")],
    out: Out,
    posture: Postures,
    learn: Learn = "*",
    detector: DetectorName = "motion",
    pose: PoseName = "none",
    fps: Fps = None,
    seed: Seed = 0,
) -> None:
    """What captions say of people's postures on real footage, posture by posture.

    [dim]watchword study postures falls --posture "a07*=standing" --posture "a08*=sitting" --out OUT[/dim]
    """
    need_extra()
    from training.provenance import provenance
    from training.studies.posture_truth import PostureTruth
    from training.studies.postures import study_postures, watch_dataset

    given = [PostureTruth.parse(text) for text in posture]
    origin, setup = provenance(), _setup(detector, "attributes", fps, 1.0, seed, "none", pose=pose)
    opened = _open([dataset])
    with setup.pipeline(setup.rate(opened)) as pipeline, task_bars() as progress:
        study = study_postures(list(watch_dataset(opened[0], given, setup, pipeline, progress, learn)))
    _save(study, origin, out)


@study_app.command("posture-rules")
@fail_clearly
def posture_rules(
    dataset: Annotated[Path, typer.Argument(help="A data set's folder.")],
    out: Out,
    posture: Postures,
    paraphrases: Annotated[
        Path | None, typer.Option(help="Of rules about postures; the half that words were chosen by if not given.")
    ] = None,
    learn: Learn = "*",
    detector: DetectorName = "motion",
    pose: PoseName = "none",
    encoder: Encoder = "none",
    fps: Fps = None,
    alerts_per_day: AlertsPerDay = 1.0,
    seed: Seed = 0,
) -> None:
    """What rules about postures move on real footage: frames of those who do what they name, and of the others.

    [dim]watchword study posture-rules falls --posture "a08*=sitting" --posture "a0[1-4]*:event+2=lying" --out OUT[/dim]
    """
    need_extra()
    from training.provenance import provenance
    from training.studies.posture_truth import PostureTruth
    from training.studies.postures import study_posture_rules, watch_dataset
    from training.text.paraphrases import POSTURES_CHOSEN, Paraphrases

    given = [PostureTruth.parse(text) for text in posture]
    wording = Paraphrases.load(paraphrases or POSTURES_CHOSEN)
    origin, setup = provenance(), _setup(detector, "attributes", fps, alerts_per_day, seed, encoder, pose=pose)
    opened = _open([dataset])
    with (
        setup.pipeline(setup.rate(opened)) as pipeline,
        setup.language(pipeline) as language,
        task_bars() as progress,
    ):
        watched = list(watch_dataset(opened[0], given, setup, pipeline, progress, learn))
        study = study_posture_rules(watched, language, wording, progress)
    _save(study, origin, out)


Clips = Annotated[Path, typer.Option(help="Object clips, as `watchword train clips` writes them.")]
Text = Annotated[Path, typer.Option(help="Folder of the text tower: text_tower.pt and tokenizer.json.")]
Cache = Annotated[Path | None, typer.Option(help="Keeps the sentence encoder's vectors between runs.")]
Steps = Annotated[int, typer.Option(min=1, help="Batches of each variant's training: a small budget, equal for all.")]
Batch = Annotated[int, typer.Option(min=2, help="Clips a step.")]


@study_app.command("clip-lengths")
@fail_clearly
def clip_lengths(
    datasets: Datasets,
    out: Out,
    clips: Clips,
    text: Text,
    cache: Cache = None,
    steps: Steps = 300,
    batch: Batch = 256,
    detector: DetectorName = "motion",
    fps: Fps = None,
    seed: Seed = 0,
) -> None:
    """Clips of 5, 7, 9 and 11 crops (table 4): each trained anew, then measured. Needs the extra `train`.

    [dim]watchword study clip-lengths runs/plaza --clips runs/clips --text runs/text --out results/lengths[/dim]
    """
    _variants("clip_lengths", datasets, out, clips, text, cache, steps, batch, detector, fps, seed)


@study_app.command()
@fail_clearly
def pretraining(
    datasets: Datasets,
    out: Out,
    clips: Clips,
    text: Text,
    cache: Cache = None,
    steps: Steps = 300,
    batch: Batch = 256,
    detector: DetectorName = "motion",
    fps: Fps = None,
    seed: Seed = 0,
) -> None:
    """With and without pre-training (table 3): each trained anew, then measured. Needs the extra `train`.

    [dim]watchword study pretraining runs/plaza --clips runs/clips --text runs/text --out results/pretraining[/dim]
    """
    _variants("pretraining", datasets, out, clips, text, cache, steps, batch, detector, fps, seed)


def _variants(
    which: str,
    datasets: Sequence[Path],
    out: Path,
    clips: Path,
    text: Path,
    cache: Path | None,
    steps: int,
    batch: int,
    detector: str,
    fps: float | None,
    seed: int,
) -> None:
    need_extra()
    from training.provenance import provenance
    from training.studies import variants
    from training.studies.study import study_variants
    from training.svad.trainer import Pretraining
    from training.text.teacher import Teacher

    origin, setup = provenance(), _setup(detector, "svad", fps, 1.0, seed)
    settings = Pretraining(steps=steps, batch=batch, seed=seed)
    with Teacher(cache=cache) as teacher, task_bars() as progress:
        recipe = variants.Recipe(clips, text, out, settings, teacher.encode)
        made = variants.clip_lengths(recipe) if which == "clip_lengths" else variants.pretraining(recipe)
        study = study_variants(made, _open(datasets), setup, progress)
    _save(study, origin, out)


def _wording(path: Path | None) -> Paraphrases:
    from training.text.paraphrases import PARAPHRASES, Paraphrases

    return Paraphrases.load(path or PARAPHRASES)


def _setup(
    detector: str,
    heads: str,
    fps: float | None,
    alerts_per_day: float,
    seed: int,
    encoder: str | None = None,
    *,
    pose: str = "none",
    appearance: str = "none",
) -> Setup:
    from service.settings import Settings
    from training.studies.study import Setup

    packs = tuple(name.strip() for name in heads.split(","))
    return Setup(Settings(), detector, packs, fps, alerts_per_day, seed, encoder, pose=pose, appearance=appearance)


def _open(paths: Sequence[Path]) -> list[Dataset]:
    from training.datasets import open_dataset

    return [open_dataset(path) for path in paths]


def _save(study: Study, origin: dict[str, object], out: Path) -> None:
    from rich.markdown import Markdown

    study.save(out, origin)
    console.print(Markdown(study.text))
    console.print(f"saved to {out}", markup=False)
