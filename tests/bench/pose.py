"""What poses cost: the stages with and without a pose estimator, turn by turn over the same frames of one run.

    python -m tests.bench pose --pose ../shared/weights/movenet_multipose.onnx [--pose ANOTHER]
        [--detector ../shared/weights/yolox_nano.onnx] [--clip ../shared/data/falls/a07_t1.mp4] [--fps 10]

With one person, and with six: the clip six times in one picture. Told are milliseconds a frame, by the clock and of
processor time over all threads (which other work on the machine disturbs less), their ratio to the stages without, the
share of frames of tracked people that have keypoints, and the memory of what a stream keeps.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import tracemalloc
from contextlib import ExitStack, closing
from pathlib import Path

import av
import numpy as np

from models.inputs import Keypoints
from models.observation import Observation
from models.packs import PackLibrary
from service.contracts.stream import Detection
from service.engine.detectors import load_detector
from service.engine.heads import open_head
from service.engine.pose import load_pose
from service.frames import PreparedFrame
from service.ingest.playback import read_all
from service.ingest.source import local_source
from service.pipeline.context import StreamContext
from service.pipeline.inputs.keypoints import KeypointsProvider, possible_people
from service.pipeline.stages import Stages
from service.settings import Settings

SHARED = Path(__file__).parents[3] / "shared"
COLUMNS, ROWS = 3, 2


class Watched(Stages):
    """Stages that note how long each took, and what the heads saw."""

    def __init__(self, *given, **named) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []
        self.seen: list[Observation] = []
        super().__init__(*given, **named)

    def _observations(self, *given):
        observations = super()._observations(*given)
        self.seen += observations
        return observations

    def timed(self, context: StreamContext, frame: PreparedFrame) -> None:
        """One frame through all stages."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.process([(context, frame)])
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pose", type=str, action="append", required=True)
    parser.add_argument("--detector", default=str(SHARED / "weights" / "yolox_nano.onnx"))
    parser.add_argument("--clip", type=Path, default=SHARED / "data" / "falls" / "a07_t1.mp4")
    parser.add_argument("--fps", type=float, default=10.0)
    options = parser.parse_args()
    if not options.clip.is_file():
        raise SystemExit(f"needs footage at {options.clip}")
    settings = Settings()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        library = PackLibrary([settings.packs_path])
        head = stack.enter_context(closing(open_head(library.get("attributes"), settings.threads)))
        detector = stack.enter_context(closing(load_detector(options.detector, library, settings.threads)))
        poses = [stack.enter_context(closing(load_pose(name, library, settings.threads))) for name in options.pose]
        for people, path in ((1, options.clip), (COLUMNS * ROWS, mosaic(options.clip, Path(folder) / "six.mp4"))):
            frames = list(read_all("bench", local_source(path), options.fps, settings))
            ways = [None, *poses]
            stages = [Watched(detector, {"attributes": head}, pose=pose) for pose in ways]
            contexts = [StreamContext("bench", options.fps, Detection(), (), each.buffers()) for each in stages]
            for frame in frames:
                for each, context in zip(stages, contexts, strict=True):
                    each.timed(context, frame)
            print(f"\n{path.name}: {len(frames)} frames, {people} at a time")
            for pose, each in zip(ways, stages, strict=True):
                tell("without" if pose is None else pose.name, each, stages[0])
    for pose in poses:
        print(f"{pose.name}: {memory(KeypointsProvider(pose, True)):.1f} kB of a stream with 50 people")


def tell(name: str, stages: Watched, without: Watched) -> None:
    """One line of figures."""
    wall, cpu = (1e3 * statistics.mean(values) for values in (stages.wall, stages.cpu))
    less = [1e3 * statistics.mean(values) for values in (without.wall, without.cpu)]
    said = f"{name:22} {wall:6.1f} ms a frame, {cpu:6.1f} ms of processors"
    if stages is not without:
        said += (
            f"; {wall - less[0]:+5.1f} and {cpu - less[1]:+5.1f}, ratio {cpu / less[1]:.2f}; {found(stages):.0%} known"
        )
    print(said)


def found(stages: Watched) -> float:
    """Share of the frames of tracked people in which their keypoints are known."""
    known = people = 0
    for each in stages.seen:
        points = each.keypoints(Keypoints())
        assert points is not None
        tracked = possible_people(each.objects, each.recognised) & (each.objects.track_ids >= 0)
        people += int(tracked.sum())
        known += int((tracked & np.isfinite(points[:, 0, 0])).sum())
    return known / max(people, 1)


def memory(provider: KeypointsProvider) -> float:
    """Kilobytes of a stream's buffer with 50 people in it."""
    from models.observation import Objects

    count = 50
    boxes = np.random.default_rng(0).random((count, 4), np.float32) * np.float32(0.5)
    ids = np.arange(count, dtype=np.int64)
    crowd = Objects(boxes, np.ones(count, np.float32), np.zeros(count, np.int32), ids, ("person",))
    points = np.ones((17, 3), np.float32)
    tracemalloc.start()
    buffer = provider.buffer()
    buffer.see(crowd, np.arange(count), [points.copy() for _ in range(count)], 0.0)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(buffer) == count
    return size / 1e3


def mosaic(clip: Path, target: Path) -> Path:
    """The clip six times beside itself, each in its full size."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        stream = None
        for frame in source.decode(video=0):
            picture = np.tile(frame.to_ndarray(format="bgr24"), (ROWS, COLUMNS, 1))[::2, ::2]
            if stream is None:
                stream = out.add_stream("libx264", rate=source.streams.video[0].average_rate)
                stream.width, stream.height, stream.pix_fmt = picture.shape[1], picture.shape[0], "yuv420p"
                stream.options = {"crf": "18"}
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")))
        assert stream is not None
        out.mux(stream.encode())
    return target


if __name__ == "__main__":
    main()
