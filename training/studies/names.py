"""Whether what an encoder says of real footage can be believed: its names of objects, against the truth.

    watchword study names ../shared/data/ped2 --usual walk,stand,wait --anomalous rid,cart,skate --out results/names

Nothing is enrolled. Every object that is followed long enough has a clip; of each the phrase that it resembles most is
held against what the truth says of its place and time, at several bars of likeness. What is right is told by parts of
words: "rid" is in "a person riding a bicycle".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from models.boxes import iou_table
from models.guidance.vocabulary import PERSON, RIDDEN
from models.heads.likeness import BankActions
from service.contracts.stream import Detection
from service.errors import InvalidInput, declare
from service.ingest.listing import count_frames
from service.pipeline.context import StreamContext
from service.pipeline.offline import OfflinePipeline
from training.datasets import Clip, Dataset, Truth
from training.evaluation.evaluate import Progress, Silent, decoded
from training.evaluation.metrics import REGION_IOU
from training.evaluation.tables import percent, table
from training.studies.study import Setup, Study

BARS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75)
"""Cosines from which on a name would be said."""

GOOD = 0.9
"""Of the names that are said, usual things and anomalies each, so many must be right for a bar to be good."""

NO_ENCODER_TO_ASK = declare("encoder_to_ask", InvalidInput, "expected an encoder, got --encoder none")


@dataclass(frozen=True, slots=True)
class Named:
    """One object in one frame: the phrase that it resembles most, how much, and what is true of it."""

    name: str
    similarity: float
    anomalous: bool


def name_objects(
    dataset: Dataset, setup: Setup, pipeline: OfflinePipeline, progress: Progress | None = None
) -> Iterator[Named]:
    """Name what is seen in all clips of a data set.

    Of an anomalous frame those objects count alone of which the truth says what they are: those that a true region
    overlaps, or all where the data set knows no regions.

    Raises:
        InvalidInput: ``encoder_to_ask``, without an encoder.
    """
    progress = progress or Silent()
    if pipeline.stages.encoder is None:
        msg = "expected an encoder whose names are to be looked at, got none"
        raise InvalidInput(NO_ENCODER_TO_ASK, msg)
    bank = BankActions(pipeline.stages.encoder.bank)
    truths: list[tuple[Clip, Truth | None]] = [(clip, None) for clip in dataset.train]
    truths += [(clip, clip.truth()) for clip in dataset.test]
    for clip, truth in truths:
        progress.begin(f"naming: {clip.name}", count_frames(clip.source))
        yield from _name_clip(clip, truth, setup, pipeline, bank, progress)


def _name_clip(
    clip: Clip, truth: Truth | None, setup: Setup, pipeline: OfflinePipeline, bank: BankActions, progress: Progress
) -> Iterator[Named]:
    stages = pipeline.stages
    context = StreamContext(clip.name, min(clip.fps, setup.fps or clip.fps), Detection(), [], stages.buffers())
    with closing(decoded(clip, setup.settings, setup.fps, pipeline.windows)) as frames:
        for frame in frames:
            (scored,) = stages.process([(context, frame)])
            progress.advance()
            objects = scored.objects
            if objects.embeddings is None:
                continue
            likeness = bank.likeness(objects.embeddings)
            for row, label in enumerate(objects.labels):
                known = likeness.actions[row, 0] >= 0
                person = not stages.detector.recognises or label == PERSON or label in RIDDEN
                what = _true(truth, frame.frame.index, objects.boxes[row : row + 1])
                if known and person and what is not None:
                    name = likeness.phrases[int(likeness.actions[row, 0])]
                    yield Named(name, float(likeness.similarities[row, 0]), what)


def _true(truth: Truth | None, index: int, box: np.ndarray) -> bool | None:
    """Whether an object is anomalous; None where that is not known."""
    if truth is None or not truth.labels[index]:
        return False
    if truth.regions is None:
        return True
    return True if (iou_table(box, truth.regions[index].boxes) >= REGION_IOU).any() else None


def study_names(
    datasets: Sequence[Dataset],
    setup: Setup,
    usual: Sequence[str],
    anomalous: Sequence[str],
    progress: Progress | None = None,
) -> Study:
    """How often the names are right, by bar, for usual things and for anomalies; each data set by itself.

    Args:
        datasets: With truth.
        setup: As of every study; its encoder is asked.
        usual: Parts of words of which a right name of something usual has one.
        anomalous: The same of an anomaly.
        progress: Told how far it is.
    """
    figures: dict[str, list[_Row]] = {}
    parts = []
    with setup.pipeline(setup.rate(datasets)) as pipeline:
        for dataset in datasets:
            named = list(name_objects(dataset, setup, pipeline, progress))
            rows = figures[dataset.name] = [_at_bar(named, bar, usual, anomalous) for bar in BARS]
            parts.append(f"## {dataset.name}: {len(named)} objects\n\n{_bars_table(rows)}")
    good = [bar for index, bar in enumerate(BARS) if all(_good(rows[index]) for rows in figures.values())]
    verdict = f"good on all: {', '.join(f'{bar:g}' for bar in good)}" if good else "no bar is good on all of them"
    return Study({"datasets": figures, "good": good}, "\n".join([*parts, f"\nOf the bars: {verdict}.\n"]))


_Row = dict[str, float | str | None]
"""What comes of one bar."""


def _at_bar(named: Sequence[Named], bar: float, usual: Sequence[str], anomalous: Sequence[str]) -> _Row:
    said = [one for one in named if one.similarity >= bar]
    right = {
        kind: [any(word in one.name for word in words) for one in said if one.anomalous == kind]
        for kind, words in ((False, usual), (True, anomalous))
    }
    wrong = Counter(one.name for one in said if not one.anomalous and not any(word in one.name for word in usual))
    return {
        "bar": bar,
        "named": len(said) / max(len(named), 1),
        "usual_right": float(np.mean(right[False])) if right[False] else None,
        "anomalous_right": float(np.mean(right[True])) if right[True] else None,
        "most_often_wrong": wrong.most_common(1)[0][0] if wrong else None,
    }


def _good(row: _Row) -> bool:
    shares = (row["usual_right"], row["anomalous_right"])
    return all(isinstance(share, float) and share >= GOOD for share in shares)


def _bars_table(rows: Sequence[_Row]) -> str:
    def share(value: float | str | None) -> str:
        return percent(value) if isinstance(value, float) else "-"

    shares = ("named", "usual_right", "anomalous_right")
    cells = [
        (f"{row['bar']:g}", *(share(row[name]) for name in shares), row["most_often_wrong"] or "-") for row in rows
    ]
    headers = ("from", "named", "right of usual things", "right of anomalies", "wrong of usual things, most often")
    return table(headers, cells)
