"""What text rules do over whole data sets. Footage is scored once; then every rule is tried on what was recorded.

watchword study redefinition DATASET... --out OUT        virtual footage, whose truth names every object's action
watchword study footage DATASET --rule "normal: bicycles are normal here" --out OUT
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.guidance.language import Language
from models.guidance.rules import Method, Verdict
from service.ingest.listing import count_frames
from service.pipeline.offline import OfflinePipeline
from training.datasets import Dataset, DatasetError
from training.datasets.base import runs
from training.datasets.virtual import KIND as VIRTUAL
from training.evaluation.evaluate import Progress, Silent, decoded
from training.evaluation.tables import cell, percent, table
from training.studies.redefinition import (
    Alarm,
    Drift,
    RecordedScene,
    Relief,
    RuleJudge,
    measure_alarm,
    measure_drift,
    measure_relief,
)
from training.studies.replay import Recording, record, replay
from training.studies.rules import Rulebook
from training.studies.study import Setup, Study
from training.text.paraphrases import Paraphrases
from training.virtual.truth import ClipTruth

METHODS: tuple[Method, ...] = ("contrastive", "equation10")
MIN_FRAMES = 25
"""Frames of an action in the footage for a rule about it to be measured: a second of one cyclist."""


def record_tests(
    dataset: Dataset, setup: Setup, pipeline: OfflinePipeline, progress: Progress | None = None
) -> Iterator[Recording]:
    """Enrol on a data set's normal clips, and record each test clip under that profile."""
    progress = progress or Silent()
    progress.begin(f"enrolment: {dataset.name}", sum(count_frames(clip.source) for clip in dataset.train))
    footage = (decoded(clip, setup.settings, setup.fps, pipeline.windows) for clip in dataset.train)
    profile = replace(pipeline.enrol(footage, dataset.name, progress.advance), samples=None)
    for clip in dataset.test:
        progress.begin(f"recording: {clip.name}", count_frames(clip.source))
        with closing(decoded(clip, setup.settings, setup.fps, pipeline.windows)) as frames:
            threshold = setup.threshold(profile)
            yield record(clip.name, frames, pipeline, profile, threshold, progress.advance)


def record_scenes(
    datasets: Sequence[Dataset],
    setup: Setup,
    pipeline: OfflinePipeline,
    progress: Progress | None = None,
) -> list[RecordedScene]:
    """The test clips of virtual data sets with their truth.

    Raises:
        DatasetError: If a data set is of another kind: only the virtual world names every object's action.
    """
    for dataset in datasets:
        if dataset.kind != VIRTUAL:
            msg = f"{dataset.root}: expected a data set of kind {VIRTUAL}, got {dataset.kind}"
            raise DatasetError(msg)
    return [
        RecordedScene(recording, ClipTruth.load(clip.source.with_suffix(".truth.json")))
        for dataset in datasets
        for clip, recording in zip(dataset.test, record_tests(dataset, setup, pipeline, progress), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Redefinition:
    """What rules of one method did.

    Attributes:
        reliefs: By action that is an anomaly somewhere in the footage, the rule that calls it normal.
        paraphrases: By action, each held-out way of saying it, that did the same or not.
        alarms: By action that is normal somewhere, the rule that calls it an anomaly.
        drifts: By sentence that names nothing.
    """

    reliefs: dict[str, Relief]
    paraphrases: dict[str, dict[str, Relief]]
    alarms: dict[str, Alarm]
    drifts: dict[str, Drift]


def redefine(
    scenes: Sequence[RecordedScene],
    language: Language,
    wording: Paraphrases,
    method: Method,
    progress: Progress | None = None,
) -> Redefinition:
    """Try every rule of the held-out wording on the scenes."""
    progress = progress or Silent()
    book = Rulebook(language)
    recordings = [scene.recording for scene in scenes]

    def rule(text: str, verdict: Verdict = "normal") -> RuleJudge:
        progress.advance()
        return lambda recording: book.judge(recording, text, verdict, method)

    unusual = [action for action in wording.actions if _frames(scenes, action, anomalous=True) >= MIN_FRAMES]
    usual = [action for action in wording.actions if _frames(scenes, action, anomalous=False) >= MIN_FRAMES]
    ways = {action: wording.actions[action].paraphrases for action in unusual}
    total = len(unusual) + sum(map(len, ways.values())) + len(usual) + len(wording.unrelated)
    progress.begin(f"rules: {method}", total)
    return Redefinition(
        {action: measure_relief(scenes, action, rule(wording.actions[action].rule)) for action in unusual},
        {action: {text: measure_relief(scenes, action, rule(text)) for text in ways[action]} for action in unusual},
        {action: measure_alarm(scenes, action, rule(wording.actions[action].rule, "anomaly")) for action in usual},
        {text: measure_drift(recordings, rule(text)) for text in wording.unrelated},
    )


def study_redefinition(
    scenes: Sequence[RecordedScene], language: Language, wording: Paraphrases, progress: Progress | None = None
) -> Study:
    """The paper's figure 5 in numbers, equation 10 and the contrastive rule side by side."""
    results = {method: redefine(scenes, language, wording, method, progress) for method in METHODS}
    figures = {method: _figures(result) for method, result in results.items()}
    parts = []
    for method, result in results.items():
        parts += [f"## {method}\n", _reliefs(result), _alarms(result), _drifts(result)]
    return Study({"methods": figures}, "\n".join(parts))


def _frames(scenes: Sequence[RecordedScene], action: str, *, anomalous: bool) -> int:
    return sum(int(scene.doing(action, anomalous=anomalous).sum()) for scene in scenes)


def _figures(result: Redefinition) -> dict[str, Any]:
    return {
        "normal": {
            action: {
                **_relief(relief),
                "paraphrases": {
                    text: {**_relief(one), "same": one.same_as(relief)}
                    for text, one in result.paraphrases[action].items()
                },
            }
            for action, relief in result.reliefs.items()
        },
        "anomaly": {action: asdict(alarm) for action, alarm in result.alarms.items()},
        "unrelated": {text: asdict(drift) for text, drift in result.drifts.items()},
    }


def _relief(relief: Relief) -> dict[str, Any]:
    return {**asdict(relief), "share": relief.share, "fall": relief.fall, "holds": relief.holds}


def _reliefs(result: Redefinition) -> str:
    headers = (
        "normal by a rule",
        "frames that alerted",
        "of them quiet",
        "of those with a clip",
        "AUC of the others",
        "falls by",
        "beside: still alert",
        "paraphrases that do the same",
    )
    rows = []
    for action, relief in result.reliefs.items():
        same = [one.same_as(relief) for one in result.paraphrases[action].values()]
        rows.append(
            (
                action,
                relief.alerted,
                percent(relief.share),
                percent(relief.visible_quiet / relief.visible if relief.visible else None),
                cell(relief.others_before),
                f"{relief.fall:.4f}",
                f"{relief.beside_kept} of {relief.beside}",
                f"{sum(same)} of {len(same)}",
            )
        )
    return table(headers, rows)


def _alarms(result: Redefinition) -> str:
    headers = ("an anomaly by a rule", "frames", "alert", "with a clip: alert", "other frames: alert", "AUC")
    rows = [
        (
            action,
            alarm.frames,
            percent(alarm.alerting / alarm.frames if alarm.frames else None),
            percent(alarm.visible_alerting / alarm.visible if alarm.visible else None),
            f"{alarm.rest_before} -> {alarm.rest_alerting} of {alarm.rest}",
            f"{cell(alarm.auc_before)} -> {cell(alarm.auc)}",
        )
        for action, alarm in result.alarms.items()
    ]
    return table(headers, rows)


def _drifts(result: Redefinition) -> str:
    headers = ("sentence that names nothing", "moves a frame's score by", "an object's by")
    return table(headers, [(text, drift.frames, drift.objects) for text, drift in result.drifts.items()])


def save_curves(scenes: Sequence[RecordedScene], language: Language, wording: Paraphrases, folder: Path) -> list[Path]:
    """Draw, for each action that is an anomaly somewhere, the clip that shows it for longest, under both methods."""
    from training.evaluation.plots import rule_curves, save

    book = Rulebook(language)
    paths = []
    for action, words in wording.actions.items():
        if _frames(scenes, action, anomalous=True) < MIN_FRAMES:
            continue
        scene = max(scenes, key=lambda one: int(one.doing(action, anomalous=True).sum()))
        recording = scene.recording
        after = {
            f"{words.rule}: normal, {method}": replay(recording, book.judge(recording, words.rule, "normal", method))
            for method in METHODS
        }
        shaded = {
            action: _spans(recording, scene.doing(action, anomalous=True)),
            "other anomalies": _spans(recording, scene.others(action)),
        }
        figure = rule_curves(
            f"{scene.truth.scene} {recording.name}",
            recording.pts,
            recording.surprise,
            {name: replayed.surprise for name, replayed in after.items()},
            recording.threshold,
            shaded,
        )
        paths.append(save(figure, folder / f"{action}.png"))
    return paths


def _spans(recording: Recording, mask: NDArray[np.bool_]) -> list[tuple[float, float]]:
    last = len(mask) - 1
    return [(recording.pts[start], recording.pts[min(end, last)]) for start, end in runs(mask.astype(np.uint8))]
