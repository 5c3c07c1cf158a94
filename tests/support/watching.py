"""An ingest under observation: every state and every frame it reports, with waits that time out."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from models.observation import SceneChange
from service.contracts.stream import StreamState
from service.frames import PreparedFrame
from service.ingest.ingest import Ingest
from service.ingest.source import Source, parse_source
from service.metrics import Metrics
from service.settings import Settings


def decode_threads() -> list[str]:
    """Names of the threads that belong to ingest."""
    names = ("decode ", "ingest supervisor")
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(names)]


def wait_for(condition: Callable[[], object], what: str, timeout: float = 60.0) -> float:
    """Wait until the condition holds; the seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout, f"expected {what} within {timeout} s"
        time.sleep(0.005)
    return time.monotonic() - began


class Watched:
    """Runs an ingest and takes each frame where it is delivered, in the decode thread.

    Only the newest frame is kept for who takes it: a thread of its own would miss some on a busy machine, and which
    ones a test sees would be a matter of luck.
    """

    def __init__(
        self, source: Source | str, settings: Settings, metrics: Metrics | None = None, name: str = "s", fps: float = 25
    ) -> None:
        self.metrics = metrics or Metrics()
        self.states: list[tuple[StreamState, str | None]] = []
        self.frames: list[PreparedFrame] = []
        self.taken_at: list[float] = []
        if isinstance(source, str):
            source = parse_source(source, "tcp", Path())
        self.ingest = Ingest(
            name, source, fps, settings, self.metrics, self._take, lambda *state: self.states.append(state)
        )

    def __enter__(self) -> Self:
        self.ingest.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ingest.close()

    def _take(self) -> None:
        frame = self.ingest.take()
        if frame is not None:
            self.frames.append(frame)
            self.taken_at.append(time.monotonic())

    @property
    def state(self) -> StreamState:
        """The present state."""
        return self.ingest.status.state

    def wait_state(self, state: StreamState, timeout: float = 60) -> float:
        """Wait for a state; the seconds it took."""
        return wait_for(lambda: self.state is state, f"state {state}, now {self.ingest.status}", timeout)

    def wait_frames(self, count: int = 1, timeout: float = 60) -> float:
        """Wait for so many new frames; the seconds it took."""
        goal = len(self.frames) + count
        return wait_for(lambda: len(self.frames) >= goal, f"{count} frames", timeout)

    def count(self, metric: str, **labels: str) -> float:
        """The present value of a metric, 0 if there is none."""
        return self.metrics.registry.get_sample_value(metric, labels) or 0.0


def breaks(frames: Sequence[PreparedFrame]) -> int:
    """How often the source broke off among frames: epochs that begin otherwise than by a cut in its own picture."""
    following = itertools.pairwise(frames)
    return sum(after.epoch != before.epoch and after.scene_change is not SceneChange.CUT for before, after in following)
