"""What became of a stream's frames over the last seconds, by the service's own counts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

from prometheus_client import Counter

from service.metrics import Metrics

WINDOW_S = 20.0
"""Over so long: two lots of the ten seconds after which a disturbed picture is learned anew, so that a camera that
shakes all the time is found out and one whose light was switched is not."""

LEAST_FRAMES = 10
"""Of fewer frames no share is told."""

MUCH = 0.5
"""Half of the frames lost, or disturbed, are too many. What lasts half a second is still seen in two of its frames at
10 a second then; tracks and speeds are measured from frame to frame and do not suffer before."""

# Not "skipped": those were let go undecoded, due or not, after a network that stood; of a machine that is too slow so
# many frames are stale besides that it is told all the same.
_LOST = ("superseded", "stale")
_KEPT = ("scored", "enrolled", "disturbed")


@dataclass(frozen=True, slots=True)
class _Counts:
    at: float
    lost: float
    kept: float
    disturbed: float


class Throughput:
    """Reads the counters of one stream about once a second. Not thread-safe beyond single calls."""

    def __init__(self, metrics: Metrics, stream_id: str) -> None:
        """Count from now on.

        Args:
            metrics: Where the frames of the stream are counted.
            stream_id: Whose.
        """
        self._frames = {outcome: metrics.frames.labels(stream_id, outcome) for outcome in (*_LOST, *_KEPT)}
        self._looks: deque[_Counts] = deque(maxlen=round(WINDOW_S) + 1)

    def look(self, now: float) -> None:
        """Read the counters, unless they were read within the last second.

        Args:
            now: Monotonic time.
        """
        if self._looks and now - self._looks[-1].at < 1.0:
            return
        counts = {outcome: _value(counter) for outcome, counter in self._frames.items()}
        lost, kept = (sum(counts[outcome] for outcome in outcomes) for outcomes in (_LOST, _KEPT))
        self._looks.append(_Counts(now, lost, kept, counts["disturbed"]))

    @property
    def lost(self) -> float:
        """Share of the frames that were due for which there was no time, in [0, 1]."""
        return self._share("lost")

    @property
    def overloaded(self) -> bool:
        """Whether those are too many."""
        return self.lost > MUCH

    @property
    def disturbed(self) -> bool:
        """Whether the picture was changing as a whole in most of them."""
        return self._share("disturbed") > MUCH

    def _share(self, what: Literal["lost", "disturbed"]) -> float:
        looks = [look for look in list(self._looks) if look.at >= self._looks[-1].at - WINDOW_S]
        if len(looks) < 2:
            return 0.0
        first, last = looks[0], looks[-1]
        kept, lost = last.kept - first.kept, last.lost - first.lost
        part, whole = (lost, kept + lost) if what == "lost" else (last.disturbed - first.disturbed, kept)
        return part / whole if whole >= LEAST_FRAMES else 0.0


def _value(counter: Counter) -> float:
    return next(sample.value for metric in counter.collect() for sample in metric.samples)
