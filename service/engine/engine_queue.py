"""Engines in the background: one thread builds what sessions ask for, while they serve with ONNX Runtime."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from models.runtime import Batch

_log = logging.getLogger(__name__)


class RunningEngine(Protocol):
    """A loaded engine; ``service.engine.tensorrt.Engine`` is one."""

    @property
    def batches(self) -> tuple[int, ...]:
        """The batch sizes that it runs."""

    def run(self, inputs: Batch) -> Batch:
        """All outputs of a batch of one of these sizes."""

    def close(self) -> None:
        """Free it. Idempotent."""


class EngineSource(Protocol):
    """Where serialised engines come from; ``service.cli.engines`` finds it."""

    def cached(self, graph: Path) -> bytes | None:
        """The engine of a graph that was built before."""

    def forget(self, graph: Path) -> None:
        """Drop an engine that cannot be loaded."""

    def build(self, graph: Path, report: Callable[[float], None], cancelled: threading.Event) -> bytes:
        """Build it; raises RuntimeError with the reason if that cannot be."""


class BuildState(StrEnum):
    """Where a request is. A refused one stays with ONNX Runtime for good."""

    WAITING = "waiting"
    BUILDING = "building"
    READY = "ready"
    REFUSED = "refused"


class EngineRequest:
    """One session's request for an engine. The session asks ``take`` now and then."""

    def __init__(self, graph: Path) -> None:
        """Ask; nothing is built yet.

        Args:
            graph: An ONNX file.
        """
        self.graph = graph
        self.name = f"{graph.parent.name}/{graph.name}"
        self.state = BuildState.WAITING
        self.share = 0.0
        self.reason = ""
        self.withdrawn = threading.Event()
        self._lock = threading.Lock()
        self._engine: RunningEngine | None = None

    def take(self) -> RunningEngine | None:
        """The engine, once; it is the caller's to close. None before it is there and after it was taken."""
        if self._engine is None:  # without the lock on every run
            return None
        with self._lock:
            engine, self._engine = self._engine, None
            return engine

    def refuse(self, reason: str) -> None:
        """The engine is of no use to the session, which stays with ONNX Runtime."""
        self.state, self.reason = BuildState.REFUSED, reason
        _log.warning("ONNX Runtime goes on serving %s: %s", self.name, reason)

    def withdraw(self) -> None:
        """The session is closed: end the build, and close an engine that nobody took. Idempotent."""
        self.withdrawn.set()
        engine = self.take()
        if engine is not None:
            engine.close()

    def deliver(self, engine: RunningEngine) -> None:
        """Put the engine there to be taken; one that comes too late is closed."""
        with self._lock:
            self._engine, self.state = engine, BuildState.READY
        if self.withdrawn.is_set():
            self.withdraw()

    def report(self, share: float) -> None:
        """How far the build is, 0 to 1."""
        self.share = share


@dataclass(frozen=True, slots=True)
class EngineProgress:
    """How far the engines are.

    Attributes:
        total: Engines that open sessions asked for.
        ready: How many of them are there.
        refused: Names of graphs that stay with ONNX Runtime, and why.
        building: Name of the graph whose engine is being built, if any.
        share: Of that build, 0 to 1.
    """

    total: int
    ready: int
    refused: dict[str, str]
    building: str | None = None
    share: float = 0.0

    @property
    def done(self) -> bool:
        """Whether there is nothing left to build."""
        return self.ready + len(self.refused) == self.total

    def __str__(self) -> str:
        """A sentence for people, such as ``building engine 2 of 4 (words/image.onnx, 35 %)``."""
        if self.building is not None:
            number = min(self.total, self.ready + len(self.refused) + 1)
            return f"building engine {number} of {self.total} ({self.building}, {self.share:.0%})"
        refused = f", {len(self.refused)} stay with ONNX Runtime" if self.refused else ""
        return f"{self.ready} of {self.total} engines ready{refused}"


class EngineQueue:
    """Owns the thread that builds and loads engines, from the first request to ``close``. Thread-safe."""

    def __init__(self, source: EngineSource, load: Callable[[bytes], RunningEngine]) -> None:
        """Prepare; the thread begins with the first request.

        Args:
            source: Finds and builds serialised engines.
            load: Makes one ready to run.
        """
        self._source = source
        self._load = load
        self._changed = threading.Condition()
        self._requests: list[EngineRequest] = []
        self._waiting: deque[EngineRequest] = deque()
        self._thread: threading.Thread | None = None
        self._closed = False

    def request(self, graph: Path) -> EngineRequest:
        """Ask for the engine of a graph. Returns at once.

        Raises:
            RuntimeError: If the queue is closed.
        """
        request = EngineRequest(graph)
        with self._changed:
            if self._closed:
                msg = "expected an open queue of engines, got a closed one"
                raise RuntimeError(msg)
            self._requests = [one for one in self._requests if not one.withdrawn.is_set()]
            self._requests.append(request)
            self._waiting.append(request)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="engines", daemon=True)
                self._thread.start()
            self._changed.notify()
        return request

    def progress(self) -> EngineProgress:
        """How far the engines are that open sessions asked for."""
        with self._changed:
            asked = [request for request in self._requests if not request.withdrawn.is_set()]
        building = next((request for request in asked if request.state is BuildState.BUILDING), None)
        return EngineProgress(
            total=len(asked),
            ready=sum(request.state is BuildState.READY for request in asked),
            refused={request.name: request.reason for request in asked if request.state is BuildState.REFUSED},
            building=None if building is None else building.name,
            share=0.0 if building is None else building.share,
        )

    def close(self) -> None:
        """End a build in progress and the thread, and close engines that nobody took. Idempotent."""
        with self._changed:
            self._closed = True
            requests, thread = self._requests, self._thread
            self._changed.notify()
        for request in requests:
            request.withdraw()
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                request = self._waiting.popleft()
            if not request.withdrawn.is_set():
                self._serve(request)

    def _serve(self, request: EngineRequest) -> None:
        request.state = BuildState.BUILDING
        try:
            request.deliver(self._cached(request) or self._built(request))
        except Exception as error:  # a build that fails in any way must not end the thread that others wait for
            if not request.withdrawn.is_set():
                request.refuse(" ".join(str(error).split())[:300] or type(error).__name__)

    def _cached(self, request: EngineRequest) -> RunningEngine | None:
        """The engine that was built before; None if there is none, or it does not load and is dropped."""
        serialized = self._source.cached(request.graph)
        if serialized is None:
            return None
        try:
            return self._load(serialized)
        except RuntimeError as error:
            _log.warning("the engine of %s is built anew: %s", request.name, error)
            self._source.forget(request.graph)
            return None

    def _built(self, request: EngineRequest) -> RunningEngine:
        _log.info("building the engine of %s", request.name)
        return self._load(self._source.build(request.graph, request.report, request.withdrawn))
