"""What false alarms taught a stream: that what their objects looked like is normal there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.guidance.feedback import Feedback
from service.contracts.alert import Verdict
from service.contracts.guidance import TaughtOut
from service.store.guidance import FeedbackRecord, GuidanceStore


class StreamFeedback:
    """What false alarms taught a stream, stored and in memory. Not thread-safe."""

    def __init__(self, stream_id: str, store: GuidanceStore) -> None:
        """Take up those that are stored."""
        self._stream_id = stream_id
        self._store = store
        self._records: Sequence[FeedbackRecord] = store.feedback(stream_id)

    def judge_alert(self, alert_id: str, verdict: Verdict | None, radius: float) -> None:
        """Note what a person says of an alert, and learn from it; as ``GuidanceStore.judge_alert``."""
        self._records = self._store.judge_alert(self._stream_id, alert_id, verdict, radius)

    def modes(self, encoder: str | None) -> Feedback | None:
        """Those that say something of the clips of an encoder (the hash of its pack), if any do."""
        fitting = [record for record in self._records if record.clips.encoder == encoder]
        if not fitting:
            return None
        modes = np.concatenate([record.clips.features for record in fitting]).astype(np.float32)
        radii = np.concatenate([np.full(len(record.clips.features), record.radius) for record in fitting])
        alerts = tuple(record.clips.alert_id for record in fitting for _ in record.clips.features)
        return Feedback(modes, radii.astype(np.float32), alerts)

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
