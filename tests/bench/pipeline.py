"""Speed of the pipeline: UCSD Ped2 end to end, decode to score, stage by stage, and against the floor.

    python -m tests.bench pipeline [--detector motion|../shared/weights/yolox_nano.onnx] [--rounds 3]
        [--pack attributes --pack svad] [--encoder words] [--clip ../shared/data/clips/cars.mp4]

Three measurements in one run, on the same frames:

- end to end: as ``watchword evaluate`` runs it, reading ahead in a thread of its own; the median of the rounds
- stages: the same work one step after the other with nothing beside it, so that the processor time (of all threads)
  between two points belongs to one stage
- floor: what no pipeline of these parts can do without: decoding, flow, and the detector's graph, each alone

With ``--clip`` one recording without labels takes the place of the data set: it is learned, and its stages are timed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from models.packs import PackLibrary
from service.engine.detectors import load_detector
from service.engine.heads import open_head
from service.engine.session import Session
from service.frames import PreparedFrame
from service.ingest.flow import DenseFlow
from service.ingest.reader import open_reader
from service.ingest.sampler import Sampler
from service.ingest.source import local_source
from service.ingest.timeline import Timeline
from service.pipeline.offline import OFFLINE_FPS, OfflinePipeline
from service.pipeline.pool import load_encoder
from service.pipeline.stages import Stages, needed_encoders
from service.profiles.profile import Profile
from service.settings import Settings
from training.datasets import Clip, Dataset, open_dataset
from training.evaluation.evaluate import evaluate
from training.provenance import provenance

PED2 = Path(__file__).parents[3] / "shared" / "data" / "ped2"


class Stopwatch:
    """Wall and processor seconds by stage, from one mark to the next."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = defaultdict(float)
        self.cpu: dict[str, float] = defaultdict(float)
        self.mark()

    def mark(self) -> None:
        """What came before belongs to no stage."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def lap(self, stage: str) -> None:
        """What came since the last mark belongs to this stage."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.wall[stage] += wall - self._wall
        self.cpu[stage] += cpu - self._cpu
        self._wall, self._cpu = wall, cpu


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--detector", default="motion")
    parser.add_argument("--dataset", type=Path, default=PED2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pack", action="append", help="Heads' packs; attributes by default.")
    parser.add_argument("--encoder", help="Encoder pack; by default the one that the heads need.")
    parser.add_argument("--clip", type=Path)
    options = parser.parse_args()
    needed = options.clip or options.dataset
    if not needed.exists():
        raise SystemExit(f"needs footage at {needed}")
    settings, watch = Settings(), Stopwatch()
    library = PackLibrary([settings.packs_path])
    with ExitStack() as stack:
        heads = {
            name: stack.enter_context(closing(open_head(library.get(name), settings.threads)))
            for name in options.pack or ["attributes"]
        }
        chosen = options.encoder or next(iter(needed_encoders(heads)), None)
        detector = stack.enter_context(closing(load_detector(options.detector, library, settings.threads)))
        encoder = None
        if chosen is not None:
            encoder = stack.enter_context(closing(load_encoder(library.get(chosen), settings)))
        stages = Stages(detector, heads, encoder)
        watched = Stages(detector, heads, encoder, observe=lambda stage, _: watch.lap(stage))
        if options.clip is not None:
            time_clip(options.clip, stages, watched, settings, watch)
        else:
            time_dataset(options, stages, watched, settings, watch)


def time_clip(path: Path, stages: Stages, watched: Stages, settings: Settings, watch: Stopwatch) -> None:
    """Learn a recording, run it again stage by stage, and print."""
    clip = Clip(path.stem, path, OFFLINE_FPS)  # of a video, its own clock counts
    profile = OfflinePipeline(stages).enrol([read_slowly(clip, settings, Stopwatch())])
    scored = list(OfflinePipeline(watched).score(read_slowly(clip, settings, watch), profile))
    objects = sum(int((~frame.objects.regions).sum()) for frame in scored) / len(scored)
    tracked = sum(int((frame.objects.track_ids >= 0).sum()) for frame in scored) / len(scored)
    print(f"\n{path.name}: {len(scored)} frames, {objects:.2f} objects a frame, {tracked:.2f} of them tracked")
    print(table("Stage, alone", watch, len(scored)))


def time_dataset(
    options: argparse.Namespace, stages: Stages, watched: Stages, settings: Settings, watch: Stopwatch
) -> None:
    """Score a data set end to end, then stage by stage, then its floor, and print."""
    dataset = open_dataset(options.dataset)
    fps = dataset.test[0].fps
    pipeline = OfflinePipeline(stages, fps=fps)
    first = evaluate(dataset, pipeline, settings, Profile.threshold)
    profile = first.profiles[dataset.test[0].scene]
    again = [
        evaluate(dataset, pipeline, settings, Profile.threshold, profile=profile) for _ in range(options.rounds - 1)
    ]
    speeds = [run.metrics()["frames_per_second"] for run in (first, *again)]
    with graph_runs() as batches:
        frames = replay(dataset, OfflinePipeline(watched, fps=fps), profile, settings, watch)
    floor = Stopwatch()
    decode_alone(dataset, floor)
    flow_alone(dataset, settings, floor)
    if Path(options.detector).is_file():
        graph_alone(Path(options.detector), batches, settings, floor)
    report(options.detector, speeds, frames, watch, floor)


def replay(dataset: Dataset, pipeline: OfflinePipeline, profile: Profile, settings: Settings, watch: Stopwatch) -> int:
    """Run every test clip through the pipeline, one step after the other; returns the number of frames."""
    frames = 0
    for clip in dataset.test:
        prepared = read_slowly(clip, settings, watch)
        frames += sum(1 for _ in pipeline.score(prepared, profile))
    return frames


def read_slowly(clip: Clip, settings: Settings, watch: Stopwatch) -> Iterator[PreparedFrame]:
    """As ``read_all``, but in this thread."""
    source = local_source(clip.source, rate=clip.fps)
    with open_reader(source, settings.stall_s, settings.stall_s) as reader:
        sampler = Sampler(clip.name, None, settings, Timeline(live=False))
        decoded_frames = iter(reader)
        while True:
            watch.mark()
            decoded = next(decoded_frames, None)
            watch.lap("decode")
            if decoded is None:
                return
            moment = sampler.stamp(decoded.pts, decoded.arrived)
            prepared = None if moment is None else sampler.prepare(decoded, moment, decoded.captured_at)
            watch.lap("prepare")
            if prepared is not None:
                yield prepared


def decode_alone(dataset: Dataset, watch: Stopwatch) -> None:
    """Decode all test clips and look at nothing."""
    for clip in dataset.test:
        with av.open(str(clip.source)) as container:
            container.streams.video[0].thread_count = 1
            watch.mark()
            for _ in container.decode(video=0):
                pass
            watch.lap("decode")


def flow_alone(dataset: Dataset, settings: Settings, watch: Stopwatch) -> None:
    """Flow between neighbouring frames of all test clips, at the analysis resolution."""
    for clip in dataset.test:
        with av.open(str(clip.source)) as container:
            planes = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        scale = min(1.0, settings.analysis_side / max(planes[0].shape))
        greys = [
            np.asarray(cv2.resize(plane, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
            for plane in planes
        ]
        flow = DenseFlow()
        watch.mark()
        for earlier, later in pairwise(greys):
            flow.compute(earlier, later)
        watch.lap("flow")


def graph_alone(path: Path, batches: Sequence[tuple[int, ...]], settings: Settings, watch: Stopwatch) -> None:
    """Run the detector's graph on batches of these shapes, all of one made-up picture."""
    if not batches:
        raise SystemExit("expected the detector to run its graph, saw no run of it: the floor would lack it")
    with closing(Session(path, settings.threads)) as session:
        pictures = {shape: np.full(shape, 114, np.float32) for shape in set(batches)}
        for picture in pictures.values():
            session.first(picture)
        watch.mark()
        for shape in batches:
            session.first(pictures[shape])
        watch.lap("detector graph")


@contextmanager
def graph_runs() -> Iterator[list[tuple[int, ...]]]:
    """The shapes of all batches that the detector's graph is run on meanwhile."""
    shapes: list[tuple[int, ...]] = []
    first = Session.first

    def noting(session: Session, batch: NDArray[Any]) -> NDArray[Any]:
        if batch.dtype == np.float32:  # the encoder's crops and tokens are of other types
            shapes.append(batch.shape)
        return first(session, batch)

    with mock.patch.object(Session, "first", noting):
        yield shapes


def report(detector: str, speeds: Sequence[float], frames: int, watch: Stopwatch, floor: Stopwatch) -> None:
    """Print everything as Markdown, ready for docs/performance.md."""
    origin = provenance()
    machine = origin["machine"]
    commit = f"{(origin['commit'] or 'unknown')[:7]}{' with changes' if origin['dirty'] else ''}"
    print(f"\n{machine['cpu']}, {machine['cores']} cores; {commit}; detector {Path(detector).name}; {frames} frames\n")
    print(
        f"End to end: {statistics.median(speeds):.1f} frames/s, rounds {', '.join(f'{speed:.1f}' for speed in speeds)}"
    )
    print(table("Stage, alone", watch, frames))
    print(table("Floor, alone", floor, frames))
    cpu, least = (sum(stopwatch.cpu.values()) / frames * 1000 for stopwatch in (watch, floor))
    wall = 1000 / statistics.median(speeds)
    print(f"Processor time is {cpu / least:.2f} times the floor's ({cpu:.2f} ms against {least:.2f} ms a frame).")
    cores = machine["cores"]
    print(
        f"End to end a frame takes {wall:.2f} ms; the floor's work shared evenly by {cores} cores would take "
        f"{least / cores:.2f} ms ({wall * cores / least:.2f} times)."
    )


def table(title: str, watch: Stopwatch, frames: int) -> str:
    """Milliseconds a frame by stage."""
    rows = [f"\n| {title} | wall ms | processor ms |", "|---|---:|---:|"]
    rows += [
        f"| {stage} | {watch.wall[stage] / frames * 1000:.2f} | {watch.cpu[stage] / frames * 1000:.2f} |"
        for stage in watch.wall
    ]
    wall, cpu = (sum(times.values()) / frames * 1000 for times in (watch.wall, watch.cpu))
    return "\n".join([*rows, f"| sum | {wall:.2f} | {cpu:.2f} |\n"])
