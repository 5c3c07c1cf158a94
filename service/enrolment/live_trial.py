"""The hours since an enrolment that a stream was scored live: they say how many alerts a threshold lets pass, too."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from models.scoring.trial import QUIET_S, NormalTrial, TrialRecorder

logger = logging.getLogger(__name__)

SETTLE_S = 3600
"""The threshold is looked at again after so many scored seconds: no more often than a person could follow."""

MAX_CONFIRMED, MAX_CHANGES = 2_000, 50
"""Alerts that are remembered as true, and changes of the threshold that are told, the newest of each."""

BEFORE_S = 5.0
"""What a true alert is of began so long before it opened: an excursion lasts a quarter of a second first, smoothing
takes another, and the rest is to be sure."""


@dataclass(frozen=True, slots=True)
class ThresholdChange:
    """That the threshold of a stream followed what was seen of it.

    Attributes:
        at: When, Unix seconds.
        before: The surprise at which alerts opened until then.
        threshold: And since.
        hours: Hours of normal footage that it is from, live ones among them.
    """

    at: float
    before: float
    threshold: float
    hours: float


class LiveTrial:
    """Kept beside a profile and of use with that profile alone. Thread-safe."""

    def __init__(self, path: Path, learned_at: datetime) -> None:
        """Read what was kept; begin anew where that is of another profile, or cannot be read.

        Args:
            path: The file.
            learned_at: When the profile was fitted.
        """
        self._path = path
        self._learned_at = learned_at.isoformat()
        self._lock = threading.Lock()
        self._recorder = TrialRecorder()
        self._trial = NormalTrial()
        self._confirmed: dict[str, tuple[float, float]] = {}
        self._changes: list[ThresholdChange] = []
        self._load()

    def observe(self, surprise: float, pts: float, epoch: int, captured_at: float) -> bool:
        """Take the next scored frame; arguments as for ``TrialRecorder.add``.

        Returns:
            Whether it is time for ``settle``; said once.
        """
        with self._lock:
            before = len(self._recorder)
            self._recorder.add(surprise, pts, epoch, captured_at)
            return before < SETTLE_S <= len(self._recorder)

    def settle(self) -> None:
        """Count what was seen since the last time."""
        with self._lock:
            self._trial = self._trial.joined(self._recorder.taken())

    def judge(self, alert_id: str, span: tuple[float, float] | None) -> bool:
        """Note that an alert was true, from its opening to its end (Unix seconds), or that it was not, with None.

        Returns:
            Whether that is news.
        """
        with self._lock:
            if self._confirmed.get(alert_id) == span:
                return False
            self._confirmed.pop(alert_id, None)
            if span is not None:
                self._confirmed[alert_id] = span
            while len(self._confirmed) > MAX_CONFIRMED:
                self._confirmed.pop(next(iter(self._confirmed)))
            return True

    def note(self, before: float, threshold: float, hours: float) -> None:
        """Note that the threshold has changed, with the hours that it is from."""
        with self._lock:
            change = ThresholdChange(datetime.now(UTC).timestamp(), before, threshold, hours)
            self._changes = [*self._changes, change][-MAX_CHANGES:]

    @property
    def trial(self) -> NormalTrial:
        """The hours that are over, without what people called true."""
        with self._lock:
            spans = [(first - BEFORE_S, last + QUIET_S) for first, last in self._confirmed.values()]
            return self._trial.without(spans)

    @property
    def changes(self) -> Sequence[ThresholdChange]:
        """Of the threshold, the oldest first."""
        with self._lock:
            return tuple(self._changes)

    def save(self) -> None:
        """Keep it over a restart. A disk that takes nothing costs what came since the last time."""
        with self._lock:
            arrays = {f"trial/{name}": values for name, values in self._trial.to_arrays().items()}
            header = {
                "learned_at": self._learned_at,
                "confirmed": self._confirmed,
                "changes": [asdict(change) for change in self._changes],
            }
        arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self._path.parent, suffix=".tmp")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    np.savez(file, **arrays)  # type: ignore[arg-type]  # as in profile.py
                Path(temporary).replace(self._path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            logger.warning("%s is not written now: %s", self._path.name, error)

    def _load(self) -> None:
        if not self._path.exists():
            return
        try:
            with self._path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                header = json.loads(file["header"].tobytes())
                if header["learned_at"] != self._learned_at:
                    return
                self._trial = NormalTrial.from_arrays(
                    {name: file[f"trial/{name}"] for name in NormalTrial().to_arrays()}
                )
                confirmed = header["confirmed"].items()
                self._confirmed = {name: (float(first), float(last)) for name, (first, last) in confirmed}
                self._changes = [ThresholdChange(**change) for change in header["changes"]]
        except Exception as error:  # whatever is wrong with it: the hours are gone, the profile is not
            logger.warning("%s cannot be read, its hours do not count: %s", self._path.name, type(error).__name__)
