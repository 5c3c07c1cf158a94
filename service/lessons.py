"""What false alarms taught a stream: that what their objects looked like is normal there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from models.scoring.guidance import Taught
from service.contracts.guidance import TaughtOut
from service.store.guidance import GuidanceStore, TaughtRecord


class Lessons:
    """A stream's lessons, stored and in memory. Not thread-safe."""

    def __init__(self, stream_id: str, store: GuidanceStore) -> None:
        """Take up those that are stored."""
        self._stream_id = stream_id
        self._store = store
        self._records: Sequence[TaughtRecord] = store.taught(stream_id)

    def teach(self, alert_id: str, radius: float) -> bool:
        """Learn from an alert that its objects are normal; False if nothing is known of what they looked like.

        Args:
            alert_id: The false alarm.
            radius: Cosine distance within which an object is the same.
        """
        clips = self._store.clips(alert_id)
        if clips is None:
            return False
        self._store.teach(self._stream_id, TaughtRecord(clips, radius, datetime.now(UTC)))
        self._records = self._store.taught(self._stream_id)
        return True

    def unteach(self, alert_id: str) -> None:
        """Take back what an alert taught. Idempotent."""
        self._store.unteach(alert_id)
        self._records = self._store.taught(self._stream_id)

    def modes(self, encoder: str | None) -> Taught | None:
        """Those that say something of the clips of an encoder (the hash of its pack), if any do."""
        fitting = [record for record in self._records if record.clips.encoder == encoder]
        if not fitting:
            return None
        modes = np.concatenate([record.clips.features for record in fitting]).astype(np.float32)
        radii = np.concatenate([np.full(len(record.clips.features), record.radius) for record in fitting])
        return Taught(modes, radii.astype(np.float32))

    def out(self, encoder: str | None) -> list[TaughtOut]:
        """All, oldest first; those of another encoder are not active."""
        return [
            TaughtOut(
                alert_id=record.clips.alert_id,
                taught_at=record.taught_at,
                objects=len(record.clips.features),
                radius=round(record.radius, 4),
                active=record.clips.encoder == encoder,
            )
            for record in self._records
        ]
