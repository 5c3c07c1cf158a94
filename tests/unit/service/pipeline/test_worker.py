"""The worker with a real thread, streams that hand out frames by hand, and stages that record their batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from models.observation import Objects
from service.contracts.stream import Detection
from service.frames import Frame, PreparedFrame
from service.metrics import Metrics
from service.pipeline.context import StreamContext
from service.pipeline.scored import ScoredFrame
from service.pipeline.stages import Stages
from service.pipeline.worker import Worker

NAMES = ("person",)


class RecordingDetector:
    name = "recording"
    names: tuple[str, ...] = NAMES
    recognises = True

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.bad: set[str] = set()

    def detect(self, frames: Sequence[PreparedFrame]) -> list[Objects]:
        if bad := self.bad & {frame.stream_id for frame in frames}:
            msg = f"cannot detect in {bad}"
            raise RuntimeError(msg)
        self.batches.append([frame.stream_id for frame in frames])
        return [Objects.empty(NAMES) for _ in frames]

    def close(self) -> None:
        pass


class HandStream:
    def __init__(self, stream_id: str, stages: Stages) -> None:
        self.stream_id = stream_id
        self.stages = stages
        self.context = StreamContext(stream_id, 10.0, Detection(), [])
        self.got: list[ScoredFrame] = []
        self.arrived = threading.Event()
        self._next: PreparedFrame | None = None

    def put(self, age: float = 0.0, epoch: int = 0) -> None:
        image = np.zeros((36, 64, 3), np.uint8)
        frame = Frame(0, len(self.got) * 0.1, time.time(), time.monotonic() - age, image)
        self._next = PreparedFrame(self.stream_id, epoch, frame, None)

    def take(self) -> PreparedFrame | None:
        frame, self._next = self._next, None
        return frame

    def scored(self, frame: ScoredFrame) -> None:
        self.got.append(frame)
        self.arrived.set()


@pytest.fixture
def detector() -> RecordingDetector:
    return RecordingDetector()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def worker(metrics: Metrics):
    worker = Worker(metrics, staleness_s=0.5)
    yield worker
    worker.close()


def outcomes(metrics: Metrics, stream: str, outcome: str) -> float:
    return metrics.registry.get_sample_value("watchword_frames_total", {"stream": stream, "outcome": outcome}) or 0.0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def wait_for(stream: HandStream) -> None:
    assert stream.arrived.wait(60), f"no frame of {stream.stream_id} was scored"


def test_frames_of_several_streams_share_one_batch(worker: Worker, detector: RecordingDetector) -> None:
    stages = Stages(detector, {})
    streams = [HandStream(name, stages) for name in "abc"]
    for stream in streams:
        worker.add(stream)
        stream.put()
    worker.notify()
    worker.start()
    for stream in streams:
        wait_for(stream)
    assert detector.batches == [["a", "b", "c"]]
    assert [len(stream.got) for stream in streams] == [1, 1, 1]
    assert streams[0].got[0].surprise is None


def test_a_stale_frame_is_dropped_and_counted(worker: Worker, detector: RecordingDetector, metrics: Metrics) -> None:
    stages = Stages(detector, {})
    old, new = HandStream("old", stages), HandStream("new", stages)
    for stream, age in ((old, 1.0), (new, 0.0)):
        worker.add(stream)
        stream.put(age)
    worker.start()
    worker.notify()
    wait_for(new)
    assert old.got == []
    assert outcomes(metrics, "old", "stale") == 1
    assert outcomes(metrics, "new", "enrolled") == 1


def test_one_bad_stream_does_not_cost_the_others_theirs(
    worker: Worker, detector: RecordingDetector, metrics: Metrics
) -> None:
    stages = Stages(detector, {})
    detector.bad = {"bad"}
    bad, good = HandStream("bad", stages), HandStream("good", stages)
    for stream in (bad, good):
        worker.add(stream)
        stream.put()
    worker.start()
    worker.notify()
    wait_until(lambda: outcomes(metrics, "good", "error") == 1)
    for stream in (bad, good):
        stream.put()
    worker.notify()
    wait_for(good)
    wait_until(lambda: outcomes(metrics, "bad", "error") == 2)
    assert bad.got == []
    assert outcomes(metrics, "good", "error") == 1


def test_nothing_of_a_removed_stream_is_scored(worker: Worker, detector: RecordingDetector) -> None:
    stages = Stages(detector, {})
    gone, kept = HandStream("gone", stages), HandStream("kept", stages)
    worker.start()
    for stream in (gone, kept):
        worker.add(stream)
    worker.remove("gone")
    for stream in (gone, kept):
        stream.put()
    worker.notify()
    wait_for(kept)
    assert gone.got == []


def test_load_is_what_was_measured(worker: Worker, detector: RecordingDetector) -> None:
    assert worker.load == 0.0
    stream = HandStream("a", Stages(detector, {}))
    worker.add(stream)
    worker.start()
    stream.put()
    worker.notify()
    wait_for(stream)
    worker.close()
    assert 0.0 < worker.load < 0.5
