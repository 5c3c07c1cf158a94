"""The picture that an alert shows: of the frames around an incident's peak that in which its culprit is seen best."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from models.arrays import Float32
from models.boxes import common_areas, cut_off
from service.alerts.compose import AlertEvidence
from service.alerts.incident_machine import RISE
from service.contracts.score import ScoredObject
from service.pipeline.culprit import NOBODY
from service.pipeline.scored import ScoredFrame, display

NEAR_S = 1.5
"""From the peak, seconds within which the picture is of what made the peak: a walker goes two metres in it, one who
falls still lies there. Longer shows more of who comes nearer, and less of what happened."""

CUT = 0.25
"""What a box counts for that the border cuts off: what enters is seen whole within a second, four times as large."""

GROWN = 1.5
"""A box this many times as large as it lately was (the median of ``LATELY`` whole ones) holds something else too: who
walks towards a camera grows by a tenth a second."""

MERGED = 0.5
"""What such a box counts for, of that usual size: the picture of two people that stand together still shows both."""

LATELY = 15
"""Whole boxes over which it was lately so large: a second and a half at ten frames a second."""

AS_GOOD = 0.9
"""Of the best so far, from which the picture of a higher peak is taken instead: it says more of what happened."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """The picture chosen so far: of which frame (epoch, seconds), of which suspect, and how well that is seen."""

    evidence: AlertEvidence
    at: tuple[int, float]
    suspect: int
    clearness: float


class _Word:
    """A word for the culprit: the first good one, for as long as the alert is about that one thing.

    Detectors and encoders waver, and people read a message while it changes. Where the peak has passed to another
    thing, of another word, none is said.
    """

    def __init__(self) -> None:
        self._suspect = NOBODY
        self._heard: Counter[str] = Counter()
        self._first: tuple[int, str] | None = None

    def turn_to(self, suspect: int) -> None:
        """From now on it is about another one."""
        self._suspect = suspect
        self._heard.clear()

    def hear(self, word: str | None) -> None:
        """What it is called in one frame; None for nothing."""
        if word is not None:
            self._heard[word] += 1

    def told(self) -> str | None:
        """The word to say: of what was heard until it is first said, what was heard most."""
        most = next(iter(self._heard.most_common(1)), (None, 0))[0]
        if self._first is None:
            self._first = None if most is None else (self._suspect, most)
            return most
        about, word = self._first
        return word if about == self._suspect or most == word else None


class IncidentView:
    """One incident's picture and what is said of it, from the first frame above the threshold on. Not thread-safe.

    It holds one picture, whatever the incident lasts, and looks at no pixel of it.
    """

    def __init__(self) -> None:
        self._shown: _Shown | None = None
        self._suspect = NOBODY
        self._said: ScoredObject | None = None
        self._peak = -math.inf, 0.0
        self._peak_at = (0, 0.0)
        self._peaked_at = 0.0
        self._heads: Mapping[str, float] = {}
        self._threshold = 0.0
        self._areas: deque[float] = deque(maxlen=LATELY)
        self._embedding: Float32 | None = None
        self._name = _Word()
        self._looks = _Word()

    def observe(self, frame: ScoredFrame, objects: Sequence[ScoredObject], *, peak: bool) -> None:
        """Take the next frame.

        Args:
            frame: Scored.
            objects: What it holds, as messages say it.
            peak: Whether it is the highest so far, as the first one is. Of frames that are as high as each other,
                which smoothing makes of all that is beyond one in a million, the one counts that is highest by itself.
        """
        at = frame.source.epoch, frame.source.frame.pts
        surprise, unsmoothed = frame.surprise or 0.0, frame.unsmoothed or 0.0
        # As high, as far as smoothing can tell: then what the single frames say decides.
        peak = peak or (surprise >= self._peak[0] - RISE and unsmoothed > self._peak[1])
        if peak:
            self._peak = max(surprise, self._peak[0]), unsmoothed
            self._peaked_at = frame.source.frame.captured_at
            self._take_peak(frame, objects, at)
        row = None if self._suspect == NOBODY else frame.blame.row(self._suspect)
        clearness = 0.0 if row is None else self._clearness(objects, row)
        if row is not None:
            self._know(frame, objects[row], row)
        if self._is_better(clearness, at, peak=peak):
            evidence = AlertEvidence.of(frame, _marked(objects, row))
            self._shown = _Shown(evidence, at, self._suspect, clearness)

    def told(self) -> AlertEvidence:
        """What an alert says and shows now. Its picture is given once, and then when there is a better one.

        Raises:
            RuntimeError: If nothing was observed.
        """
        shown = self._shown
        if shown is None:
            msg = "expected an incident with a peak, got none"
            raise RuntimeError(msg)
        self._shown = replace(shown, evidence=replace(shown.evidence, image=None))
        return replace(
            shown.evidence,
            heads=self._heads,
            threshold=self._threshold,
            embeddings=self._embeddings(shown.evidence),
            peaked_at=self._peaked_at,
            said=self._said,
            name=self._name.told(),
            looks=self._looks.told(),
        )

    def _take_peak(self, frame: ScoredFrame, objects: Sequence[ScoredObject], at: tuple[int, float]) -> None:
        if frame.blame.leader != self._suspect:
            self._suspect, self._said, self._embedding = frame.blame.leader, None, None
            self._areas.clear()
            self._name.turn_to(self._suspect)
            self._looks.turn_to(self._suspect)
        # What made the peak may be out of sight in this one frame: then it is what it was a moment ago.
        row = frame.blame.culprit
        self._said = self._said if row is None else objects[row]
        self._peak_at, self._heads = at, frame.heads
        self._threshold = 0.0 if frame.threshold is None else display(frame.threshold)

    def _is_better(self, clearness: float, at: tuple[int, float], *, peak: bool) -> bool:
        """Whether the frame at hand is the one to show."""
        shown = self._shown
        if shown is None or shown.suspect != self._suspect or not self._is_near(shown.at):
            return True
        if peak and clearness >= AS_GOOD * shown.clearness:
            return True
        return clearness > shown.clearness and self._is_near(at)

    def _is_near(self, at: tuple[int, float]) -> bool:
        """Whether a frame is near the peak."""
        return at[0] == self._peak_at[0] and abs(at[1] - self._peak_at[1]) <= NEAR_S

    def _clearness(self, objects: Sequence[ScoredObject], row: int) -> float:
        """How well an object is seen: its area, at most halved by what may hide it, as a bicycle its rider."""
        box = np.array(objects[row].box, np.float32)
        area = float(box[2] * box[3])
        cut = cut_off(objects[row].box)
        if not cut:
            self._areas.append(area)
        followed = [one.box for index, one in enumerate(objects) if index != row and one.track_id is not None]
        others = np.array(followed, np.float32).reshape(-1, 4)
        hidden = float(common_areas(others, box).max(initial=0.0)) / max(area, 1e-12)
        usual = median(self._areas) if self._areas else area
        shown = area if area <= GROWN * usual else MERGED * usual
        return shown / (1.0 + hidden) * (CUT if cut else 1.0)

    def _know(self, frame: ScoredFrame, shown: ScoredObject, row: int) -> None:
        """Remember what the culprit is called and what it looks like."""
        self._name.hear(shown.label if shown.recognised else None)
        self._looks.hear(next((action.text for action in shown.actions if action.alike), None))
        embeddings = frame.objects.embeddings
        if embeddings is not None and not np.isnan(embeddings[row]).any():
            self._embedding = embeddings[row]

    def _embeddings(self, evidence: AlertEvidence) -> Float32 | None:
        """Those of the picture's objects; the culprit's of another moment where its clip was not whole then."""
        rows = [row for row, one in enumerate(evidence.objects) if one.culprit]
        if evidence.embeddings is None or self._embedding is None or not rows:
            return evidence.embeddings
        embeddings = evidence.embeddings.copy()
        if np.isnan(embeddings[rows]).any():
            embeddings[rows] = self._embedding
        return embeddings


def _marked(objects: Sequence[ScoredObject], culprit: int | None) -> list[ScoredObject]:
    """The objects of a frame, that one marked which made the peak."""
    return [
        one if one.culprit == (row == culprit) else one.model_copy(update={"culprit": row == culprit})
        for row, one in enumerate(objects)
    ]
