"""One stream's enrolment while it runs: gathers normal frames live or from files, then fits, in its own thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from datetime import UTC, datetime

from service.contracts.enrolment import EnrolmentOut, EnrolmentSpec, EnrolmentState
from service.enrolment.length import frames_wanted, share_done
from service.frames import PreparedFrame
from service.pipeline.context import StreamContext
from service.pipeline.offline import OfflinePipeline
from service.pipeline.recordings import NormalRecording, sound
from service.profiles.fit import EnrolmentError
from service.profiles.profile import Profile
from service.profiles.rehearsal import Rehearsal
from service.profiles.samples import Samples

logger = logging.getLogger(__name__)


class CancelledError(Exception):
    """The enrolment was given up; nothing of it is kept."""


class Enrolment:
    """From the first frame gathered to the profile kept. Thread-safe.

    The present profile stays in force until the new one is there, and for good if this one fails.
    """

    def __init__(
        self,
        spec: EnrolmentSpec | None,
        pipeline: OfflinePipeline,
        executor: Executor,
        extended: Profile | None,
        fps: float,
        keep: Callable[[Enrolment, Profile], None],
        changed: Callable[[], None],
        origin: str | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            spec: What to learn from; None to learn anew from the samples that there are.
            pipeline: The stream's detector and heads.
            executor: Where files are read and profiles are fitted; it outlives the enrolment.
            extended: The profile that is extended or learned anew, with its samples, or None.
            fps: Frames a second of the stream, at most.
            keep: Called with this enrolment and its profile, from the executor's thread.
            changed: Called after each change of state, from any thread.
            origin: Where the samples come from, in words; None for what ``spec`` says.
        """
        self.spec = spec
        self._origin_said = origin
        self._pipeline = pipeline
        self._executor = executor
        samples = None if extended is None else extended.samples
        self._samples = Samples() if samples is None else samples
        # Files are read by the executor itself, and wait for what is fitted in between.
        beside = executor if spec is not None and spec.sources is None else None
        self._rehearsal = Rehearsal(self._samples, pipeline.stages.heads, beside, extended)
        self._before = (0, 0.0) if spec is None else (self._samples.frames, self._samples.seconds)
        self._fps = fps
        self._keep = keep
        self._changed = changed
        self._context: StreamContext | None = None
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._state = EnrolmentState.COLLECTING
        self._error: str | None = None
        self._files_done = 0
        self._damaged: list[str] = []
        self._started_at = datetime.now(UTC)
        self._finished_at: datetime | None = None

    def learn_live(self, context: StreamContext) -> None:
        """Gather the stream's own frames from now on; ``watch`` then says when it is enough."""
        self._context = context
        self._samples.begin("")
        context.collect(self._samples)

    def learn_files(self, recordings: Iterable[NormalRecording]) -> None:
        """Gather the frames of recordings, then fit, in the executor. What is damaged of them is left out."""
        self._executor.submit(self._run, list(recordings))

    def learn_anew(self) -> None:
        """Fit the samples that there are once more, in the executor."""
        self._become(EnrolmentState.FITTING)
        self._executor.submit(self._run, [])

    def watch(self) -> None:
        """Called after each live frame: goes on to fitting once enough was gathered."""
        if self._context is None or self._seconds is None or self.state is not EnrolmentState.COLLECTING:
            return
        frames, seconds = self._gathered
        if share_done(self._seconds, frames, seconds) >= 1:
            self._context.collect(None)
            self._become(EnrolmentState.FITTING)
            self._executor.submit(self._run, [])

    def cancel(self) -> None:
        """Give it up; idempotent. Nothing is kept, also if it is fitting at this moment."""
        self._cancelled.set()
        if self._context is not None:
            self._context.collect(None)
        self._rehearsal.close()

    @property
    def cancelled(self) -> bool:
        """Whether it was given up."""
        return self._cancelled.is_set()

    @property
    def state(self) -> EnrolmentState:
        """Where it stands."""
        with self._lock:
            return self._state

    def out(self) -> EnrolmentOut:
        """As the API speaks of it; profiles are the caller's to add."""
        frames, seconds = self._gathered
        wanted = self._seconds
        with self._lock:
            return EnrolmentOut(
                state=self._state,
                progress=self._progress(frames, seconds),
                frames=frames,
                frames_wanted=None if wanted is None else frames_wanted(wanted, self._fps, frames, seconds),
                seconds=round(seconds, 2),
                left_out_s=round(self._samples.left_out_s, 2),
                started_at=self._started_at,
                finished_at=self._finished_at,
                error=self._error,
                damaged=list(self._damaged),
            )

    @property
    def _seconds(self) -> float | None:
        """How long a live enrolment is to last; None for any other."""
        return None if self.spec is None else self.spec.seconds

    @property
    def _gathered(self) -> tuple[int, float]:
        """Frames and seconds of this enrolment alone."""
        return self._samples.frames - self._before[0], self._samples.seconds - self._before[1]

    def _progress(self, frames: int, seconds: float) -> float:
        if self._state is EnrolmentState.READY or self.spec is None:
            return 1.0
        if self.spec.seconds is not None:
            return share_done(self.spec.seconds, frames, seconds)
        return self._files_done / len(self.spec.sources or [None])

    def _run(self, recordings: list[NormalRecording]) -> None:
        try:
            self._pipeline.gather(self._named(recordings), self._samples, self._stop_if_cancelled)
            self._become(EnrolmentState.FITTING)
            profile = self._pipeline.fit(self._samples, self._origin())
            self._stop_if_cancelled()
            self._keep(self, profile)
            self._become(EnrolmentState.READY)
        except CancelledError:
            logger.info("an enrolment was given up")
        except EnrolmentError as error:
            self._become(EnrolmentState.FAILED, str(error))
        except Exception as error:
            logger.exception("an enrolment failed")
            self._become(EnrolmentState.FAILED, f"{type(error).__name__}: {error}")

    def _named(self, recordings: list[NormalRecording]) -> Iterator[Iterator[PreparedFrame]]:
        """What can be read of each recording, under its name."""
        # In this order: what follows the last recording in `sound` runs when it is asked for another.
        for frames, recording in zip(sound(recordings, self._read_one), recordings, strict=False):
            self._samples.begin(recording.name)
            yield frames

    def _read_one(self, damage: str | None) -> None:
        with self._lock:
            self._files_done += 1
            if damage is not None:
                self._damaged.append(damage)

    def _origin(self) -> str:
        if self._origin_said is not None:
            return self._origin_said
        return "live" if self.spec is None or self.spec.sources is None else ", ".join(self.spec.sources)

    def _stop_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise CancelledError

    def _become(self, state: EnrolmentState, error: str | None = None) -> None:
        with self._lock:
            self._state, self._error = state, error
            if state in (EnrolmentState.READY, EnrolmentState.FAILED):
                self._finished_at = datetime.now(UTC)
        if not self._cancelled.is_set():
            self._changed()
