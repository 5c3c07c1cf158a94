"""The paper's tables, measured through the service's own pipeline.

watchword study svad DATASET... --out OUT               tables 1 and, by kind of anomaly, what is behind them
watchword study cross-scene DATASET... --out OUT        table 2
watchword study clip-lengths DATASET... --out OUT       table 4
watchword study pretraining DATASET... --out OUT        table 3
watchword study redefinition DATASET... --out OUT       figure 5, in numbers
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.guidance.language import Language
from models.packs import Pack, PackLibrary
from service.pipeline.offline import OfflinePipeline, build_language, build_pipeline
from service.pipeline.pool import NOTHING
from service.profiles.profile import Profile
from service.settings import Settings
from training.datasets import Dataset
from training.evaluation.evaluate import Evaluation, Progress, evaluate
from training.evaluation.metrics import auc_without, kind_metrics
from training.evaluation.tables import table
from training.evaluation.truth_detector import detector_of


@dataclass(frozen=True, slots=True)
class Setup:
    """What all studies are run with.

    Attributes:
        settings: The service's.
        detector: Name of a detector pack, path of a graph, or ``truth``.
        heads: Packs of heads.
        fps: Frames looked at per second, at most; None looks at every one.
        alerts_per_day: Picks the threshold, as a stream's does.
        seed: Of every random generator.
        encoder: An encoder pack; None takes the one that the heads need, if any.
        packs: A folder of packs beside the service's own; None for none.
        pose: Finds people's keypoints: a pack's name, the path of an ``.onnx`` file, or ``none``.
        appearance: Says how objects look, likewise.
    """

    settings: Settings
    detector: str
    heads: tuple[str, ...]
    fps: float | None
    alerts_per_day: float
    seed: int
    encoder: str | None = None
    packs: Path | None = None
    pose: str = NOTHING
    appearance: str = NOTHING

    def rate(self, datasets: Sequence[Dataset]) -> float:
        """Frames a second that trackers are built for."""
        own = min(clip.fps for dataset in datasets for clip in dataset.test)
        return min(own, self.fps or own)

    def threshold(self, profile: Profile) -> float:
        """The surprise at which an alert opens."""
        return profile.threshold(self.alerts_per_day)

    @contextmanager
    def pipeline(self, rate: float) -> Iterator[OfflinePipeline]:
        """The service's pipeline; everything is closed at the end.

        Args:
            rate: Frames a second that trackers are built for.
        """
        with build_pipeline(
            self.settings,
            detector_of(self.detector),
            self.heads,
            rate,
            self.encoder,
            self.library,
            pose=self.pose,
            appearance=self.appearance,
        ) as pipeline:
            yield pipeline

    @contextmanager
    def language(self, pipeline: OfflinePipeline) -> Iterator[Language]:
        """What text rules are read with beside a pipeline, while that is open."""
        with build_language(self.settings, pipeline.stages, self.library) as language:
            yield language

    @property
    def library(self) -> PackLibrary:
        """Where packs are looked for."""
        return PackLibrary([self.settings.packs_path, *([] if self.packs is None else [self.packs])])

    def evaluate(
        self, dataset: Dataset, pipeline: OfflinePipeline, progress: Progress | None, profile: Profile | None = None
    ) -> Evaluation:
        """Enrol (or take the profile) and score every test clip."""
        return evaluate(
            dataset,
            pipeline,
            self.settings,
            self.threshold,
            profile=profile,
            fps=self.fps,
            seed=self.seed,
            progress=progress,
        )


@dataclass(frozen=True, slots=True)
class Study:
    """A finished study: figures ready for JSON, and the same as Markdown."""

    figures: Mapping[str, Any]
    text: str

    def save(self, out: Path, origin: Mapping[str, Any]) -> None:
        """Write ``study.json`` with where it comes from, and ``study.md``."""
        out.mkdir(parents=True, exist_ok=True)
        (out / "study.json").write_text(json.dumps({**self.figures, **origin}, indent=2) + "\n")
        (out / "study.md").write_text(self.text)


def study_svad(
    datasets: Sequence[Dataset], setup: Setup, progress: Progress | None = None, left_out: Sequence[str] = ()
) -> Study:
    """Each data set enrolled on its own normal clips; then all test frames together, by kind of anomaly.

    Args:
        datasets: To enrol on and to test on.
        setup: As of every study.
        progress: Told how far the evaluations are.
        left_out: Kinds of anomaly without which the AUC is told as well.
    """
    with setup.pipeline(setup.rate(datasets)) as pipeline:
        evaluations = [setup.evaluate(dataset, pipeline, progress) for dataset in datasets]
    figures = {
        dataset.name: _summary(evaluation, left_out) for dataset, evaluation in zip(datasets, evaluations, strict=True)
    }
    kinds = kinds_of(evaluations)
    rows = [
        (name, *(row[key] for key in ("micro_auc", "auc_without", "macro_auc", "offline_micro_auc")), _noticed(row))
        for name, row in figures.items()
    ]
    without = f"without {', '.join(left_out)}" if left_out else "nothing left out"
    text = table(("data set", "micro AUC", without, "macro AUC", "micro, whole clip", "events noticed"), rows)
    text += "\n" + _kinds_table(kinds)
    return Study({"datasets": figures, "kinds": kinds, "packs": evaluations[0].metrics()["packs"]}, text)


def study_cross_scene(
    datasets: Sequence[Dataset], setup: Setup, progress: Progress | None = None, left_out: Sequence[str] = ()
) -> Study:
    """The paper's table 2: enrolled in one place, tested in another. Rows enrol, columns test.

    Args:
        datasets: To enrol on and to test on, every one with every other.
        setup: As of every study.
        progress: Told how far the evaluations are.
        left_out: Kinds of anomaly without which the AUC in the matrix is told.
    """
    matrix: dict[str, dict[str, float | None]] = {}
    with setup.pipeline(setup.rate(datasets)) as pipeline:
        own = [setup.evaluate(dataset, pipeline, progress) for dataset in datasets]
        for home, evaluation in zip(datasets, own, strict=True):
            profile = next(iter(evaluation.profiles.values()))
            row = matrix.setdefault(home.name, {})
            for place, at_home in zip(datasets, own, strict=True):
                tested = at_home if place is home else setup.evaluate(place, pipeline, progress, profile)
                row[place.name] = _summary(tested, left_out)["auc_without"]
    rows = [(f"enrolled in {home}", *row.values()) for home, row in matrix.items()]
    away = [auc for home, row in matrix.items() for place, auc in row.items() if place != home and auc is not None]
    figures = {
        "micro_auc": matrix,
        "left_out": list(left_out),
        "away_mean": float(np.mean(away)) if away else None,
        "away_least": min(away, default=None),
    }
    return Study(figures, table(("", *(f"tested in {dataset.name}" for dataset in datasets)), rows))


def study_variants(
    variants: Mapping[str, Callable[[], Pack]],
    datasets: Sequence[Dataset],
    setup: Setup,
    progress: Progress | None = None,
) -> Study:
    """The same data sets under variants of the encoder (tables 3 and 4).

    Args:
        variants: By name, what makes the pack of its head; called when its turn comes, which may take a training.
        datasets: To enrol on and to test on.
        setup: As of every study.
        progress: Told how far the evaluations are.
    """
    figures: dict[str, dict[str, Any]] = {}
    for name, make in variants.items():
        head = make()
        chosen = replace(setup, heads=(head.name,), packs=head.path.parent)
        with chosen.pipeline(chosen.rate(datasets)) as pipeline:
            figures[name] = {
                dataset.name: _summary(chosen.evaluate(dataset, pipeline, progress)) for dataset in datasets
            }
    rows = [(name, *(one["micro_auc"] for one in row.values())) for name, row in figures.items()]
    return Study({"variants": figures}, table(("micro AUC", *(dataset.name for dataset in datasets)), rows))


def kinds_of(evaluations: Sequence[Evaluation]) -> dict[str, dict[str, Any]]:
    """Each kind of anomaly over several evaluations: surprises of different profiles are on one scale."""
    clips = [clip for evaluation in evaluations for clip in evaluation.clips]
    figures = kind_metrics(
        [clip.counted for clip in clips], [clip.truth.kinds or () for clip in clips], [clip.surprise for clip in clips]
    )
    return {kind: asdict(one) for kind, one in figures.items()}


def _summary(evaluation: Evaluation, left_out: Sequence[str] = ()) -> dict[str, Any]:
    metrics, clips = evaluation.metrics(), evaluation.clips
    without = auc_without(
        [clip.counted for clip in clips],
        [clip.truth.kinds or () for clip in clips],
        left_out,
        [clip.surprise for clip in clips],
    )
    return {
        **metrics["causal"],
        "auc_without": without if left_out else metrics["causal"]["micro_auc"],
        "offline_micro_auc": metrics["offline"]["micro_auc"],
        "events": metrics["events"]["events"],
        "missed": metrics["events"]["missed"],
        "false_alarms": metrics["events"]["false_alarms"],
        "normal_minutes": 60 * metrics["events"]["normal_hours"],
        "frames": metrics["frames"],
        "failed": metrics["failed"],
        "frames_per_second": metrics["frames_per_second"],
    }


def _noticed(row: Mapping[str, Any]) -> str:
    return f"{row['events'] - row['missed']} of {row['events']}, {row['false_alarms']} false"


def _kinds_table(kinds: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (kind, row["auc"], row["frames"], f"{row['events'] - row['missed']} of {row['events']}")
        for kind, row in kinds.items()
    ]
    return table(("kind of anomaly", "AUC against normal frames", "frames", "events noticed"), rows)
