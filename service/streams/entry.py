"""One registered stream, whether what it needs is there or not."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from service.contracts.stream import StreamOut, StreamState, StreamStatus
from service.enrolment.stream_profile import alerts_per_day
from service.errors import STREAM_BROKEN, Conflict
from service.guidance.stream_guidance import StreamGuidance
from service.store.streams import StreamRecord
from service.streams.stream import LiveStream
from service.streams.watching import Standing, not_watching

BROKEN_ADVICE = "Install the pack or put back the file that is missing, or choose another detector or head."


@dataclass(slots=True)
class Entry:
    """A registered stream.

    Attributes:
        record: What is stored of it.
        live: What serves it; None when what it needs is gone (a pack, a file), and ``problem`` says what.
        guidance: Its rules in words; they are there also while it cannot run.
        sequence: Numbers its score messages, also over a rebuild of ``live``: a ``seq`` never comes again.
        problem: Why it cannot run.
        changing: Held while it is changed: one change at a time.
    """

    record: StreamRecord
    live: LiveStream | None
    guidance: StreamGuidance
    sequence: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    problem: str | None = None
    changing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def id(self) -> str:
        """The stream's id."""
        return self.record.id

    def running(self) -> LiveStream:
        """What serves it.

        Raises:
            Conflict: ``stream_broken``.
        """
        if self.live is None:
            msg = f"This stream is not running: it {self.problem or 'is being started'}."
            raise Conflict(STREAM_BROKEN, msg)
        return self.live

    def status(self) -> StreamStatus:
        """What it is doing."""
        if self.live is not None:
            return self.live.status()
        state = StreamState.CONNECTING if self.problem is None else StreamState.FAILED
        detail = "The service is starting." if self.problem is None else f"This camera {self.problem}"
        standing = Standing(state, detail, advice=BROKEN_ADVICE)
        return StreamStatus(
            state=state,
            detail=detail,
            since=self.record.updated_at,
            not_watching=not_watching(standing),
            alerts_per_day=alerts_per_day(self.record.spec),
        )

    def out(self, warnings: Sequence[str]) -> StreamOut:
        """Its settings, and what it is doing.

        Args:
            warnings: What may not be as it was meant in them (``service.streams.hints``).
        """
        record = self.record
        return StreamOut(
            **dict(record.spec),
            warnings=list(warnings),
            id=record.id,
            has_credentials=record.has_credentials,
            created_at=record.created_at,
            updated_at=record.updated_at,
            status=self.status(),
        )
