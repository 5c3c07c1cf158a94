"""What false alarms taught a stream: that what their objects looked like is normal there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.guidance.feedback import Feedback
from service.contracts.guidance import TaughtOut
from service.store.feedback import FeedbackRecord, FeedbackStore


class StreamFeedback:
    """What false alarms taught a stream, stored and in memory. Not thread-safe."""

    def __init__(self, stream_id: str, store: FeedbackStore) -> None:
        """Take up those that are stored."""
        self._stream_id = stream_id
        self._store = store
        self._records: Sequence[FeedbackRecord] = store.list(stream_id)

    def reload(self) -> None:
        """Take up what is stored now."""
        self._records = self._store.list(self._stream_id)

    def modes(self, encoder: str | None) -> Feedback | None:
        """Those that say something of the embeddings of an encoder (the hash of its pack), if any do."""
        fitting = [record for record in self._records if record.embeddings.encoder == encoder]
        if not fitting:
            return None
        modes = np.concatenate([record.embeddings.vectors for record in fitting]).astype(np.float32)
        radii = np.concatenate([np.full(len(record.embeddings.vectors), record.radius) for record in fitting])
        alerts = tuple(record.embeddings.alert_id for record in fitting for _ in record.embeddings.vectors)
        return Feedback(modes, radii.astype(np.float32), alerts)

    def out(self, encoder: str | None) -> list[TaughtOut]:
        """All, oldest first; those of another encoder are not active."""
        return [
            TaughtOut(
                alert_id=record.embeddings.alert_id,
                taught_at=record.taught_at,
                objects=len(record.embeddings.vectors),
                radius=round(record.radius, 4),
                active=record.embeddings.encoder == encoder,
            )
            for record in self._records
        ]
