"""Object clips to train on: what the service would show its encoder of each object, with the action beside it.

A folder of shards, one a source video or virtual world:

    clips.json            what is in it, with the sha256 of every shard, and one of all
    NAME.crops.npy        (N, RUN, S, S, 3) uint8, runs of crops of one object, memory-mapped
    NAME.runs.npz         boxes (N, RUN, 4), times (N, RUN), actions (N, RUN), sources (N,), aspect ()

A run is longer than a clip, so that clips of several rates and moments are drawn from it. Objects of the virtual
world are taken twice: by the boxes that the world knows, shaken as a detector's are, and as the service's own `motion`
detector and tracker find them, where a blob may hold a shadow, two people, or half a bicycle.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.crops import crop, geometry
from models.observation import UNTRACKED, Objects
from models.packs import file_hash
from service.engine.detectors.motion import NAMES, regions
from service.ingest.background import Background
from service.pipeline.track import Tracker
from training.virtual.actions import ACTIONS
from training.virtual.clip import World
from training.virtual.randomise import random_scene
from training.virtual.scene import Scene, load_scene
from training.virtual.truth import ObjectTruth

RUN: Final = 17
"""Crops a run: a clip of nine at every one, or at every second one."""

CONTEXT: Final = 1.25
"""Side of a crop over the longer side of the box: an eighth around it shows what is ridden or carried."""

UNKNOWN: Final = 255
"""The action of a crop that shows none for certain."""

TRUTH, MOTION = 0, 1
"""Where a run's boxes are from."""

MAX_RUNS = 12
"""Of one action and source that are kept of a world: people walk far more often than they do anything else."""

SETTLED_S = 4.0
"""After which the background is known and the motion detector's boxes count."""

ALIKE = {"against_stream": "walk"}
"""Actions that crops cannot tell from another one: who walks the wrong way only walks."""

LABELS = tuple(name for name in ACTIONS if name not in ALIKE)
"""The actions of the virtual world that are recorded."""

MIN_SIDE = 0.05
"""Of the picture's height, an object's longer side: smaller ones are a few pixels, and who lies is not high."""

MIN_VISIBLE = 0.4
"""Of an object's pixels: a slit between a tree and a post shows no action."""

ANALYSIS_SIDE = 360
"""Pixels, as in the service's settings: what the motion detector looks at. Flow, which it has no need of, is half the
work of the service's `Preparer`, so only the background is learned here."""

_RATES = (8.0, 13.0)  # frames a second: steps of 0.08 to 0.125 s, and of 0.15 to 0.25 s at every second one
_SIZES = ((480, 270), (640, 360), (640, 360), (800, 450))
_LABEL_TAIL = 5  # of the entries of a clip that must show its action, counted from the newest
_MAX_GAP_S = 0.5


class ClipsError(ValueError):
    """A folder that holds no object clips, or damaged ones; the message says what."""


@dataclass(frozen=True, slots=True)
class Runs:
    """``N`` runs of one source.

    Attributes:
        crops: ``(N, RUN, S, S, 3)`` uint8 BGR.
        boxes: ``(N, RUN, 4)`` float32, left, top, width, height as shares of the picture.
        times: ``(N, RUN)`` float64 seconds.
        actions: ``(N, RUN)`` uint8, indices of actions, or ``UNKNOWN``.
        sources: ``(N,)`` uint8, ``TRUTH`` or ``MOTION``.
        aspect: Width of the picture over its height.
    """

    crops: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    times: NDArray[np.float64]
    actions: NDArray[np.uint8]
    sources: NDArray[np.uint8]
    aspect: float

    def __len__(self) -> int:
        return len(self.sources)


@dataclass(slots=True)
class _Track:
    crops: list[NDArray[np.uint8]] = field(default_factory=list)
    boxes: list[NDArray[np.float32]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    actions: list[int] = field(default_factory=list)


class RunRecorder:
    """Gathers the crops of tracked objects into runs; a fair sample of at most so many an action. Bounded."""

    def __init__(self, size: int, rng: np.random.Generator, *, most: int = MAX_RUNS, context: float = CONTEXT) -> None:
        """Begin without a run.

        Args:
            size: Side of a crop in pixels.
            rng: For the sample.
            most: Runs kept of an action and source.
            context: Of crops.
        """
        self._size, self._rng, self._most, self._context = size, rng, most, context
        self._tracks: dict[tuple[int, int], _Track] = {}
        self._kept: dict[tuple[int, int], list[_Track]] = defaultdict(list)
        self._seen: dict[tuple[int, int], int] = defaultdict(int)

    def add(
        self, source: int, track: int, image: NDArray[np.uint8], box: NDArray[np.float32], time: float, action: int
    ) -> None:
        """One more moment of an object."""
        entry = self._tracks.setdefault((source, track), _Track())
        if entry.times and time - entry.times[-1] > _MAX_GAP_S:
            entry = self._tracks[source, track] = _Track()
        entry.crops.append(crop(image, box, self._size, self._context))
        entry.boxes.append(np.asarray(box, np.float32))
        entry.times.append(time)
        entry.actions.append(action)
        if len(entry.times) == RUN:
            del self._tracks[source, track]
            self._keep(source, entry)

    def forget(self, before: float) -> None:
        """Drop objects not seen since a time."""
        self._tracks = {key: track for key, track in self._tracks.items() if track.times[-1] >= before}

    def _keep(self, source: int, run: _Track) -> None:
        key = source, run.actions[-1]
        if key[1] == UNKNOWN:
            return
        self._seen[key] += 1
        if len(self._kept[key]) < self._most:
            self._kept[key].append(run)
        elif (place := int(self._rng.integers(self._seen[key]))) < self._most:
            self._kept[key][place] = run

    def finish(self, aspect: float) -> Runs:
        """What was kept, of a picture of this aspect."""
        runs = [(source, run) for (source, _), kept in sorted(self._kept.items()) for run in kept]
        size = self._size
        return Runs(
            np.array([run.crops for _, run in runs], np.uint8).reshape(-1, RUN, size, size, 3),
            np.array([run.boxes for _, run in runs], np.float32).reshape(-1, RUN, 4),
            np.array([run.times for _, run in runs], np.float64).reshape(-1, RUN),
            np.array([run.actions for _, run in runs], np.uint8).reshape(-1, RUN),
            np.array([source for source, _ in runs], np.uint8),
            aspect,
        )


def record_world(scene: Scene, seed: int, actions: Sequence[str], *, seconds: float, size: int) -> Runs:
    """Run a scene and record its objects, with the picture degraded as a camera's stream is.

    Args:
        scene: What is there.
        seed: Of the world, and of what is chosen by chance here.
        actions: By index; others are not recorded.
        seconds: How long.
        size: Side of a crop in pixels.
    """
    rng = np.random.default_rng([seed, 0xC11B5])
    picture = _SIZES[int(rng.integers(len(_SIZES)))]
    fps = float(rng.uniform(*_RATES))
    world = World(scene, seed, size=picture, fps=fps)
    quality = int(rng.integers(30, 96))
    aspect = picture[0] / picture[1]
    recorder, shaker = RunRecorder(size, rng), _Shaker(rng)
    background, tracker = Background(), Tracker(fps)
    analysed = round(ANALYSIS_SIDE / picture[0] * picture[1])
    for rendered in world.frames(round(seconds * fps)):
        time = rendered.truth.index / fps
        _, packed = cv2.imencode(".jpg", rendered.image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
        grey = cv2.resize(
            cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (ANALYSIS_SIDE, analysed), interpolation=cv2.INTER_AREA
        )
        foreground, disturbed = background.update(np.asarray(grey, np.uint8), time)
        found = Objects.empty(NAMES) if disturbed else regions(foreground)
        known = rendered.truth.objects
        for one in known:
            action = _number(one.action, actions)
            if action != UNKNOWN and can_be_told(one, aspect):
                box = shaker(one.track_id, np.array(one.box, np.float32))
                recorder.add(TRUTH, one.track_id, image, box, time, action)
        objects = tracker.update(found, time)
        if time >= SETTLED_S:
            for index in np.flatnonzero(objects.track_ids != UNTRACKED):
                box = objects.boxes[index]
                action = _number(shown_action(box, known), actions)
                recorder.add(MOTION, int(objects.track_ids[index]), image, box, time, action)
        recorder.forget(time - _MAX_GAP_S)
    return recorder.finish(aspect)


def _number(action: str | None, actions: Sequence[str]) -> int:
    name = ALIKE.get(action or "", action)
    return actions.index(name) if name in actions else UNKNOWN


def can_be_told(one: ObjectTruth, aspect: float) -> bool:
    """Whether enough of an object can be seen to tell what it does; aspect, the picture's width over its height."""
    return max(one.box[2] * aspect, one.box[3]) >= MIN_SIDE and one.visible >= MIN_VISIBLE


class _Shaker:
    """Boxes as a detector would give them: each object a little off in its own way, and from frame to frame."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._own: dict[int, NDArray[np.float64]] = {}

    def __call__(self, track: int, box: NDArray[np.float32]) -> NDArray[np.float32]:
        if track not in self._own:
            grown = self._rng.uniform(0.92, 1.25, 2)
            self._own[track] = np.concatenate([self._rng.normal(0.0, 0.04, 2), grown])
        own, loose = self._own[track], self._rng.normal(0.0, 0.015, 4)
        sides = box[2:] * (own[2:] + loose[2:])
        centre = box[:2] + box[2:] / 2 + box[2:] * (own[:2] + loose[:2])
        return np.concatenate([centre - sides / 2, sides]).astype(np.float32)


def shown_action(box: NDArray[np.float32], objects: Sequence[ObjectTruth]) -> str | None:
    """What the objects in a detected box do: all those that lie mostly in it must do the same and fill enough of it.

    Args:
        box: ``(4,)`` of the detector.
        objects: What is known of the frame.
    """
    if not objects:
        return None
    boxes = np.array([one.box for one in objects])
    low = np.maximum(boxes[:, :2], box[:2])
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], box[:2] + box[2:])
    common = np.prod(np.maximum(high - low, 0.0), axis=1)
    within = common >= 0.5 * np.prod(boxes[:, 2:], axis=1)
    share = common / float(box[2] * box[3])
    # Half a bicycle: one object that is cut by the blob's edge, and fills it.
    within |= share >= 0.5
    actions = {ALIKE.get(one.action, one.action) for one, inside in zip(objects, within, strict=True) if inside}
    if len(actions) != 1 or float(share[within].sum()) < 0.3:
        return None
    return actions.pop()


# Writing


@dataclass(frozen=True, slots=True)
class WorldJob:
    """One world to record: see `record_world`."""

    name: str
    scene: Scene
    seed: int
    seconds: float


def world_jobs(count: int, seed: int, seconds: float, scene: str | None = None) -> list[WorldJob]:
    """Worlds of ``seconds`` each, with seeds from ``seed`` on: of a built-in scene, or each of a scene by chance."""
    if scene is not None:
        return [WorldJob(f"{scene}-{own:06d}", load_scene(scene), own, seconds) for own in range(seed, seed + count)]
    return [
        WorldJob(f"random-{own:06d}", random_scene(np.random.default_rng([own, 7])), own, seconds)
        for own in range(seed, seed + count)
    ]


def write_worlds(
    folder: Path,
    jobs: Sequence[WorldJob],
    *,
    size: int,
    workers: int = 1,
    progress: Callable[[], object] | None = None,
) -> None:
    """Record worlds into a folder, each into its own shard; those already there are kept, so that it resumes and grows.

    Args:
        folder: Where to; made if need be.
        jobs: What to record. Their seeds say all: the number of workers changes nothing.
        size: Side of a crop.
        workers: Processes at work.
        progress: Called after each world.
    """
    folder.mkdir(parents=True, exist_ok=True)
    left = [job for job in jobs if not (folder / f"{job.name}.runs.npz").is_file()]
    for _ in range(len(jobs) - len(left)):
        if progress is not None:
            progress()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        done = [pool.submit(_record, folder, job, size) for job in left]
        for future in done:
            future.result()
            if progress is not None:
                progress()
    whole = sorted(path.name.removesuffix(".runs.npz") for path in folder.glob("*.runs.npz"))
    finish(folder, whole, LABELS, size)


def _record(folder: Path, job: WorldJob, size: int) -> None:
    cv2.setNumThreads(1)
    write_shard(folder, job.name, record_world(job.scene, job.seed, LABELS, seconds=job.seconds, size=size))


def write_shard(folder: Path, name: str, runs: Runs) -> None:
    """Store runs. The small file comes last: a shard that has one is whole."""
    np.save(folder / f"{name}.crops.npy", runs.crops)
    with (folder / f"{name}.part").open("wb") as file:
        np.savez(
            file,
            boxes=runs.boxes,
            times=runs.times,
            actions=runs.actions,
            sources=runs.sources,
            aspect=np.float64(runs.aspect),
        )
    (folder / f"{name}.part").replace(folder / f"{name}.runs.npz")


def finish(folder: Path, names: Iterable[str], actions: Sequence[str], size: int) -> None:
    """Write ``clips.json``: the folder is whole then."""
    shards = {
        name: {"crops": file_hash(folder / f"{name}.crops.npy"), "runs": file_hash(folder / f"{name}.runs.npz")}
        for name in names
    }
    about = {
        "format": 1,
        "size": size,
        "run": RUN,
        "context": CONTEXT,
        "actions": list(actions),
        "shards": shards,
        "sha256": hashlib.sha256(json.dumps(shards, sort_keys=True).encode()).hexdigest(),
    }
    (folder / "clips.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


# Reading


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """``B`` clips of ``T`` crops.

    Attributes:
        crops: ``(B, T, S, S, 3)`` uint8 BGR, oldest first.
        geometry: ``(B, T, 5)`` float32, see `models.crops.geometry`.
        actions: ``(B,)`` int64, indices.
        sources: ``(B,)`` uint8, ``TRUTH`` or ``MOTION``.
    """

    crops: NDArray[np.uint8]
    geometry: NDArray[np.float32]
    actions: NDArray[np.int64]
    sources: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.actions)


class ObjectClips:
    """The clips of a folder: every stretch of a run, at every rate, that shows one action.

    The crops stay on the disk, memory-mapped; the rest, a hundredth of it, is in memory.

    Attributes:
        actions: By index.
        size: Side of a crop.
        hash: sha256 over all shards.
        labels: ``(W,)`` uint8, the action of each clip.
        sources: ``(W,)`` uint8.
        shards: ``(W,)`` int, the shard of each clip, by ``names``.
    """

    def __init__(self, folder: Path, frames: int, *, names: Sequence[str] | None = None) -> None:
        """Open a folder.

        Args:
            folder: As written here.
            frames: T, crops a clip, up to ``RUN``.
            names: The shards to use; all if None.

        Raises:
            ClipsError: There is no such folder, or a shard is missing.
        """
        about = _about(folder)
        self.frames = frames
        self.actions: tuple[str, ...] = tuple(about["actions"])
        self.size, self.hash = int(about["size"]), str(about["sha256"])
        self.names = tuple(sorted(about["shards"]) if names is None else names)
        self._crops: list[NDArray[np.uint8]] = []
        boxes, times, actions, sources, aspects, shards = [], [], [], [], [], []
        self._first = [0]
        for number, name in enumerate(self.names):
            try:
                with np.load(folder / f"{name}.runs.npz", allow_pickle=False) as stored:
                    count = len(stored["sources"])
                    boxes.append(stored["boxes"])
                    times.append(stored["times"])
                    actions.append(stored["actions"])
                    sources.append(stored["sources"])
                    aspects.append(np.full(count, float(stored["aspect"])))
                self._crops.append(np.load(folder / f"{name}.crops.npy", mmap_mode="r", allow_pickle=False))
            except (OSError, KeyError) as error:
                msg = f"{folder.name}: shard {name}: {error}"
                raise ClipsError(msg) from error
            shards.append(np.full(count, number))
            self._first.append(self._first[-1] + count)
        self._boxes, self._times = np.concatenate(boxes), np.concatenate(times)
        self._actions, self._aspects = np.concatenate(actions), np.concatenate(aspects)
        self._windows = _windows(self._actions, self._times, frames)
        runs = self._windows[:, 0]
        self.labels = self._actions[runs, self._windows[:, 1]]
        self.sources = np.concatenate(sources)[runs]
        self.shards = np.concatenate(shards)[runs]

    def __len__(self) -> int:
        return len(self._windows)

    def batch(self, indices: NDArray[np.integer]) -> ClipBatch:
        """The clips of these indices."""
        crops = np.empty((len(indices), self.frames, self.size, self.size, 3), np.uint8)
        shapes = np.empty((len(indices), self.frames, 5), np.float32)
        for place, index in enumerate(indices):
            run, end, step = (int(value) for value in self._windows[index])
            shard = int(self.shards[index])
            entries = np.arange(end - step * (self.frames - 1), end + 1, step)
            crops[place] = self._crops[shard][run - self._first[shard], entries]
            shapes[place] = geometry(self._boxes[run, entries], self._times[run, entries], float(self._aspects[run]))
        return ClipBatch(crops, shapes, self.labels[indices].astype(np.int64), self.sources[indices])


def _about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / "clips.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"expected a folder of object clips: {error}"
        raise ClipsError(msg) from error
    if about.get("format") != 1 or about.get("run") != RUN:
        msg = f"{folder.name}: expected object clips of format 1 in runs of {RUN}, got {about.get('format')}"
        raise ClipsError(msg)
    return dict(about)


def _windows(actions: NDArray[np.uint8], times: NDArray[np.float64], frames: int) -> NDArray[np.int32]:
    """``(W, 3)`` run, last entry and step of every clip whose newest entries show one action, without a gap."""
    found = []
    tail = min(_LABEL_TAIL, frames)
    for step in range(1, (RUN - 1) // max(frames - 1, 1) + 1):
        for end in range(step * (frames - 1), RUN):
            newest = actions[:, end - step * (tail - 1) : end + 1 : step]
            moments = times[:, end - step * (frames - 1) : end + 1 : step]
            good = (newest == newest[:, -1:]).all(axis=1) & (newest[:, -1] != UNKNOWN)
            good &= (np.diff(moments, axis=1) <= _MAX_GAP_S).all(axis=1)
            runs = np.flatnonzero(good)
            found.append(np.stack([runs, np.full_like(runs, end), np.full_like(runs, step)], axis=1))
    windows = np.concatenate(found).astype(np.int32)
    return windows[np.lexsort((windows[:, 2], windows[:, 1], windows[:, 0]))]
