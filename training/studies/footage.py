"""Text rules on real footage: what they move, event by event and class by class of the detector.

    watchword study footage ../shared/data/ped2 --detector yolox_nano.onnx --rule "normal: bicycles are normal here"

Nothing is known of what real objects do, but the detector says what they are. So beside each event's peak stands how
many objects of each class a rule moved: those it names, and the rest. Where the data set marks anomalous regions, the
study also says how many of them the detector sees at all, and as what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.arrays import Mask
from models.boxes import iou_table
from models.guidance.language import Language
from models.guidance.rules import Method, Verdict
from service.errors import InvalidInput, declare
from service.frames import PreparedFrame
from service.ingest.listing import count_frames
from service.pipeline.offline import OfflinePipeline
from service.pipeline.scored import display
from training.datasets import Clip, Dataset, Truth
from training.datasets.base import runs
from training.datasets.footage import frame_rate
from training.evaluation.evaluate import Progress, Silent, decoded
from training.evaluation.metrics import REGION_IOU, Interval
from training.evaluation.tables import percent, table
from training.studies.redefinition import QUIET, Drift, measure_drift
from training.studies.replay import Recording, Replayed, record, replay
from training.studies.rule_studies import record_tests
from training.studies.rules import Rulebook
from training.studies.study import Setup, Study
from training.text.paraphrases import Paraphrases

OTHERS = 0.01
"""Of the objects that a rule does not move, a paraphrase that does the same moves at most this share."""

UNREADABLE_RULE = declare("rule", InvalidInput, 'expected "normal: TEXT" or "anomaly: TEXT", got "bicycles"')


@dataclass(frozen=True, slots=True)
class WrittenRule:
    """A rule as it is given on a command line: ``normal: bicycles are normal here``."""

    verdict: Verdict
    text: str

    @classmethod
    def parse(cls, line: str) -> WrittenRule:
        """Read one.

        Raises:
            InvalidInput: If it is not a verdict, a colon and a text.
        """
        verdict, colon, text = (part.strip() for part in line.partition(":"))
        if colon and text and verdict == "normal":
            return cls("normal", text)
        if colon and text and verdict == "anomaly":
            return cls("anomaly", text)
        msg = f'expected "normal: TEXT" or "anomaly: TEXT", got {line!r}'
        raise InvalidInput(UNREADABLE_RULE, msg)


@dataclass(frozen=True, slots=True)
class Footage:
    """A recording, and what is known of it: the truth of its frames, or nothing."""

    recording: Recording
    truth: Truth | None


def record_dataset(
    dataset: Dataset, setup: Setup, pipeline: OfflinePipeline, progress: Progress | None = None
) -> list[Footage]:
    """The test clips of a data set with their truth, under a profile from its training clips."""
    truths = [clip.truth() for clip in dataset.test]
    recordings = record_tests(dataset, setup, pipeline, progress)
    return [Footage(recording, truth) for recording, truth in zip(recordings, truths, strict=True)]


def record_file(
    video: Path,
    learn_s: float,
    setup: Setup,
    pipeline: OfflinePipeline,
    progress: Progress | None = None,
) -> list[Footage]:
    """A single recording of which nothing is known: its first seconds are learned from, the rest is scored.

    Args:
        video: The file.
        learn_s: Seconds of normal footage that it begins with.
        setup: As of every study.
        pipeline: The service's.
        progress: Told how far it is.

    Raises:
        service.profiles.fit.EnrolmentError: If they do not suffice.
    """
    progress = progress or Silent()
    clip = Clip(video.stem, video, frame_rate(video))
    progress.begin(f"enrolment: {video.name}", round(learn_s * clip.fps))
    with closing(decoded(clip, setup.settings, setup.fps, pipeline.windows)) as frames:
        profile = pipeline.enrol([_until(frames, learn_s)], f"{learn_s:g} s of {video.name}", progress.advance)
    profile = replace(profile, samples=None)
    progress.begin(f"recording: {video.name}", count_frames(video) - round(learn_s * clip.fps))
    with closing(decoded(clip, setup.settings, setup.fps, pipeline.windows)) as frames:
        rest = (frame for frame in frames if frame.frame.pts >= learn_s)
        threshold = setup.threshold(profile)
        recording = record(clip.name, rest, pipeline, profile, threshold, progress.advance)
    return [Footage(recording, None)]


def _until(frames: Iterator[PreparedFrame], seconds: float) -> Iterator[PreparedFrame]:
    for frame in frames:
        if frame.frame.pts >= seconds:
            return
        yield frame


@dataclass(frozen=True, slots=True)
class Event:
    """An event under a rule: its peaks as displayed scores, in [0, 1].

    Attributes:
        clip: In which.
        start_s: Of the clip.
        end_s: Of the clip.
        before: Peak without the rule.
        after: Peak with it.
        alerts_before: Whether it reaches the threshold without the rule.
        alerts_after: And with it.
    """

    clip: str
    start_s: float
    end_s: float
    before: float
    after: float
    alerts_before: bool
    alerts_after: bool


def events_of(footage: Footage, replayed: Replayed) -> list[Event]:
    """The events of the truth; where nothing is known, the stretches that alert without the rule or with it."""
    recording = footage.recording
    before, after, threshold = recording.surprise, replayed.surprise, recording.threshold
    return [
        Event(
            recording.name,
            float(recording.pts[start]),
            float(recording.pts[end - 1]),
            display(float(before[start:end].max())),
            display(float(after[start:end].max())),
            bool((before[start:end] >= threshold).any()),
            bool((after[start:end] >= threshold).any()),
        )
        for start, end in _stretches(footage, np.maximum(before, after) >= threshold)
    ]


def _stretches(footage: Footage, alerting: NDArray[np.bool_]) -> Sequence[Interval]:
    if footage.truth is None:
        return runs(alerting.astype(np.uint8))
    index = footage.recording.index
    found = [
        (int(np.searchsorted(index, start)), int(np.searchsorted(index, end))) for start, end in footage.truth.events
    ]
    return [(start, end) for start, end in found if end > start]


@dataclass(frozen=True, slots=True)
class Moved:
    """Objects of one class of the detector in all frames, and those of them whose score a rule moved."""

    seen: int
    moved: int


def moved_by_class(footage: Sequence[Footage], replayed: Sequence[Replayed]) -> dict[str, Moved]:
    """By class, most frequent first, how many objects there were and how many a rule moved."""
    seen: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    for one, after in zip(footage, replayed, strict=True):
        touched = _moved(one, after)
        for label, changed in zip(one.recording.labels, touched.tolist(), strict=True):
            seen[label] += 1
            moved[label] += changed
    return {label: Moved(count, moved[label]) for label, count in seen.most_common()}


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a detector makes of the true anomalous regions of a data set.

    Attributes:
        regions: All of them, over all frames.
        height_px: Median height of a region, in pixels.
        by_class: Share of the regions that a detection of this class overlaps by an IoU of ``REGION_IOU``; a region
            may be overlapped by several.
        unseen: Share of the regions that no detection overlaps so.
    """

    regions: int
    height_px: float
    by_class: dict[str, float]
    unseen: float


def coverage_of(footage: Sequence[Footage]) -> Coverage | None:
    """How far the detector sees what is anomalous; None where no regions are known."""
    classes: Counter[str] = Counter()
    heights: list[float] = []
    unseen = 0
    for one in footage:
        if one.truth is None or one.truth.regions is None:
            continue
        recording = one.recording
        for frame, index in enumerate(recording.index.tolist()):
            true = one.truth.regions[index].boxes
            rows = recording.rows(frame)
            overlap = iou_table(true, recording.seen.boxes[rows]) >= REGION_IOU
            heights += (true[:, 3] * recording.size[1]).tolist()
            for hits in overlap:
                labels = {label for label, hit in zip(recording.labels[rows], hits, strict=True) if hit}
                labels.discard("motion")  # a moving region says nothing of what the detector sees
                classes.update(labels)
                unseen += not labels
    if not heights:
        return None
    shares = {label: count / len(heights) for label, count in classes.most_common()}
    return Coverage(len(heights), float(np.median(heights)), shares, unseen / len(heights))


Curves = tuple[Footage, Mapping[str, NDArray[np.float64]]]
"""A recording, and by rule its scores under it."""


def study_footage(
    footage: Sequence[Footage],
    rules: Sequence[WrittenRule],
    language: Language,
    method: Method = "contrastive",
) -> tuple[Study, list[Curves]]:
    """Try each rule on its own.

    Args:
        footage: Recorded.
        rules: To be tried.
        language: To read them with.
        method: By which they are matched.
    """
    book = Rulebook(language)
    figures, parts = {}, []
    curves: list[dict[str, NDArray[np.float64]]] = [{} for _ in footage]
    for rule in rules:
        after = [replay(one.recording, book.judge(one.recording, rule.text, rule.verdict, method)) for one in footage]
        events = [event for one, replayed in zip(footage, after, strict=True) for event in events_of(one, replayed)]
        moved = moved_by_class(footage, after)
        name = f"{rule.verdict}: {rule.text}"
        figures[name] = {
            "events": [asdict(event) for event in events],
            "objects": {label: asdict(count) for label, count in moved.items()},
        }
        parts += [f"## {name}\n", _events_table(events), _moved_table(moved)]
        for series, replayed in zip(curves, after, strict=True):
            series[name] = replayed.surprise
    coverage = coverage_of(footage)
    if coverage is not None:
        parts.append(_coverage_table(coverage))
    study = Study({"rules": figures, "coverage": None if coverage is None else asdict(coverage)}, "\n".join(parts))
    return study, list(zip(footage, curves, strict=True))


@dataclass(frozen=True, slots=True)
class SameMoves:
    """A paraphrase on footage, against the rule that it is to say.

    Attributes:
        moved: Of the objects whose score the rule moves, the share that it moves as well; None where the rule moves
            none, and there is nothing to do the same as.
        others: Of those that the rule does not move, the share that it moves; 0 where there are none.
        events: Of the events (where nothing is known, of the stretches that alert without the rule or with it), those
            that alert under the paraphrase just if they do under the rule.
        of_events: All of them.
    """

    moved: float | None
    others: float
    events: int
    of_events: int

    @property
    def same(self) -> bool:
        """Whether it does the same: nearly all of the objects, hardly any others, and every event."""
        if self.moved is None:
            return False
        return self.moved >= QUIET and self.others <= OTHERS and self.events == self.of_events


def same_moves(footage: Sequence[Footage], rule: Sequence[Replayed], other: Sequence[Replayed]) -> SameMoves:
    """How far a paraphrase does what a rule does.

    Args:
        footage: Recorded.
        rule: Each recording under the rule.
        other: Each recording under the paraphrase.
    """
    by_rule = np.concatenate([_moved(one, each) for one, each in zip(footage, rule, strict=True)])
    by_other = np.concatenate([_moved(one, each) for one, each in zip(footage, other, strict=True)])
    alike = [
        (now[start:end] >= limit).any() == (then[start:end] >= limit).any()
        for one, each, paraphrased in zip(footage, rule, other, strict=True)
        for limit, then, now in [(one.recording.threshold, each.surprise, paraphrased.surprise)]
        for start, end in _stretches(one, np.maximum(one.recording.surprise, then) >= limit)
    ]
    moved = float(by_other[by_rule].mean()) if by_rule.any() else None
    others = 0.0 if by_rule.all() else float(by_other[~by_rule].mean())
    return SameMoves(moved, others, int(sum(alike)), len(alike))


def _moved(footage: Footage, after: Replayed) -> Mask:
    """``(N,)`` which objects a rule moved."""
    return ~np.isclose(np.nan_to_num(after.objects), np.nan_to_num(footage.recording.seen.surprise))


def study_wording(
    footage: Sequence[Footage],
    wording: Paraphrases,
    verdict: Verdict,
    language: Language,
    progress: Progress | None = None,
    method: Method = "contrastive",
) -> Study:
    """Whether other ways of saying a rule do what it does, and whether sentences that name nothing do nothing.

    Args:
        footage: Recorded.
        wording: The rules and their paraphrases.
        verdict: That all of them give.
        language: To read them with.
        progress: Told how far it is.
        method: By which they are matched.
    """
    progress = progress or Silent()
    book = Rulebook(language)

    def under(text: str) -> list[Replayed]:
        progress.advance()
        return [replay(one.recording, book.judge(one.recording, text, verdict, method)) for one in footage]

    ways = sum(1 + len(each.paraphrases) for each in wording.actions.values())
    progress.begin(f"wording: {verdict}", ways + len(wording.unrelated))
    found: dict[str, dict[str, SameMoves]] = {}
    counts: dict[str, dict[str, Moved]] = {}
    for action, each in wording.actions.items():
        rule = under(each.rule)
        counts[action] = moved_by_class(footage, rule)
        found[action] = {text: same_moves(footage, rule, under(text)) for text in each.paraphrases}
    drifts = {text: _drift(footage, book, text, verdict, method, progress) for text in wording.unrelated}
    figures = {
        "verdict": verdict,
        "wording": {
            action: {
                "rule": wording.actions[action].rule,
                "objects": {label: asdict(count) for label, count in counts[action].items()},
                "paraphrases": {text: {**asdict(one), "same": one.same} for text, one in ways.items()},
            }
            for action, ways in found.items()
        },
        "unrelated": {text: asdict(drift) for text, drift in drifts.items()},
    }
    return Study(figures, _wording_table(wording, verdict, counts, found) + "\n" + _drifts_table(drifts))


def _drift(
    footage: Sequence[Footage], book: Rulebook, text: str, verdict: Verdict, method: Method, progress: Progress
) -> Drift:
    progress.advance()
    return measure_drift([one.recording for one in footage], lambda one: book.judge(one, text, verdict, method))


def _wording_table(
    wording: Paraphrases,
    verdict: Verdict,
    counts: Mapping[str, Mapping[str, Moved]],
    found: Mapping[str, Mapping[str, SameMoves]],
) -> str:
    rows = []
    for action, ways in found.items():
        of_classes = counts[action].values()
        told = f"{sum(one.moved for one in of_classes)} of {sum(one.seen for one in of_classes)}"
        judged = f"{sum(one.same for one in ways.values())} of {len(ways)}"
        if any(one.moved is None for one in ways.values()):
            judged = "-"  # the rule moves nothing here
        rows.append((f"{verdict}: {wording.actions[action].rule}", told, judged))
    return table(("rule", "objects moved", "paraphrases that do the same"), rows)


def _drifts_table(drifts: Mapping[str, Drift]) -> str:
    rows = [(text, drift.frames, drift.objects) for text, drift in drifts.items()]
    return table(("sentence that names nothing", "moves a frame's score by", "an object's by"), rows) if rows else ""


def save_curves(curves: Sequence[Curves], folder: Path) -> list[Path]:
    """Draw ``CLIP.png`` for every recording: its scores without rules and under each, and where the truth is."""
    from training.evaluation.plots import rule_curves, save

    paths = []
    for footage, after in curves:
        recording = footage.recording
        last = len(recording.pts) - 1
        shaded = {}
        if footage.truth is not None:
            stretches = _stretches(footage, np.zeros(len(recording.pts), bool))
            shaded["anomalous"] = [(recording.pts[start], recording.pts[min(end, last)]) for start, end in stretches]
        figure = rule_curves(recording.name, recording.pts, recording.surprise, after, recording.threshold, shaded)
        paths.append(save(figure, folder / f"{recording.name}.png"))
    return paths


def _events_table(events: Sequence[Event]) -> str:
    rows = [
        (
            f"{event.clip}, {event.start_s:.1f} to {event.end_s:.1f} s",
            f"{event.before:.2f}{' alerts' if event.alerts_before else ''}",
            f"{event.after:.2f}{' alerts' if event.alerts_after else ''}",
        )
        for event in events
    ]
    return table(("event", "highest score without", "with the rule"), rows)


def _moved_table(moved: Mapping[str, Moved]) -> str:
    rows = [(label, one.seen, one.moved, percent(one.moved / one.seen)) for label, one in moved.items()]
    return table(("detector's class", "objects in all frames", "moved by the rule", "share"), rows)


def _coverage_table(coverage: Coverage) -> str:
    rows = [(label, percent(share)) for label, share in coverage.by_class.items()]
    rows.append(("no detection", percent(coverage.unseen)))
    headers = (f"of {coverage.regions} anomalous regions, median {coverage.height_px:.0f} pixels high", "seen as")
    return table(headers, rows)
