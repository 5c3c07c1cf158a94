"""Frames in the order of time, clips as mp4 with their truth, and whole datasets."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av

from models.arrays import Image
from training.virtual.director import Director
from training.virtual.renderer import Rendered, Renderer
from training.virtual.scene import Scene
from training.virtual.truth import ClipTruth, TruthRecorder

RenderProgress = Callable[[int], None]
"""Called with the number of frames done so far."""

# No B-frames: an RTSP server sends packets as they lie in the file. A second between keyframes: a client that joins
# sees a picture within it. One thread: more save no processor time, and the cores are wanted by others.
H264_OPTIONS = {"preset": "veryfast", "crf": "23", "bf": "0", "threads": "1"}


class World:
    """A scene that runs: pictures and truth at a steady rate. The same arguments give the same bytes."""

    def __init__(
        self,
        scene: Scene,
        seed: int,
        *,
        size: tuple[int, int] = (640, 360),
        fps: float = 25.0,
        normal_until: float = 0.0,
    ) -> None:
        """Start the world.

        Args:
            scene: what is there.
            seed: 0 or more; who comes when.
            size: width and height in pixels, even, from 64 up.
            fps: frames a second, 1 to 120.
            normal_until: seconds without any anomaly; ``math.inf`` for never.

        Raises:
            ValueError: size, rate, seed or time outside these bounds.
        """
        width, height = size
        if min(size) < 64 or width % 2 or height % 2:
            raise ValueError(f"size: expected even numbers from 64 up, got {width}x{height}")
        if not 1.0 <= fps <= 120.0:
            raise ValueError(f"fps: expected 1 to 120, got {fps}")
        if seed < 0:
            raise ValueError(f"seed: expected 0 or more, got {seed}")
        if not normal_until >= 0.0:
            raise ValueError(f"normal_until: expected 0 or more seconds, got {normal_until}")
        self.scene, self.seed, self.size, self.fps = scene, seed, size, fps
        self._director = Director(scene, seed, normal_until=normal_until)
        self._renderer = Renderer(scene, seed, size)
        self._index = 0

    @property
    def time(self) -> float:
        """Seconds of the frame to come."""
        return self._index / self.fps

    def begin_anomalies(self, after: float = 0.0) -> None:
        """End a normal stretch without end, ``after`` seconds from now."""
        self._director.begin_anomalies(self.time + after)

    def skip(self) -> None:
        """Let the time of one frame pass without drawing it."""
        self._director.advance(1.0 / self.fps)
        self._index += 1

    def render(self) -> Rendered:
        """The next frame."""
        frame = self._renderer.render(self._director, self._index)
        self.skip()
        return frame

    def frames(self, count: int) -> Iterator[Rendered]:
        """The next ``count`` frames."""
        for _ in range(count):
            yield self.render()


class VideoWriter:
    """Writes BGR or grey frames to a file. A context manager; an unfinished file is removed on an error."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float, *, lossless_grey: bool = False) -> None:
        """Open the file.

        Args:
            path: ``.mp4`` (H.264), or ``.mkv`` with ``lossless_grey`` (FFV1).
            size: Width and height in pixels.
            fps: Frames a second.
            lossless_grey: Whether frames are grey, and kept to the bit.
        """
        self._path = path
        self._container = av.open(str(path), "w")
        rate = Fraction(fps).limit_denominator(1001)
        self._format = "gray" if lossless_grey else "bgr24"
        if lossless_grey:
            stream = self._container.add_stream("ffv1", rate=rate)
            stream.pix_fmt = "gray"
        else:
            stream = self._container.add_stream("libx264", rate=rate, options=H264_OPTIONS)
            stream.pix_fmt = "yuv420p"
            stream.codec_context.gop_size = max(1, round(fps))
        stream.width, stream.height = size
        self._stream = stream

    def write(self, image: Image) -> None:
        """Append a frame: (H, W, 3) BGR, or (H, W) grey."""
        frame = av.VideoFrame.from_ndarray(image, format=self._format)
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        if error is not None:
            self._path.unlink(missing_ok=True)


def truth_path(video: Path) -> Path:
    """Where the truth of a clip lies."""
    return video.with_suffix(".truth.json")


def masks_path(video: Path) -> Path:
    """Where the instance masks of a clip lie."""
    return video.with_suffix(".masks.mkv")


def render_clip(
    world: World, path: Path, seconds: float, *, masks: bool = False, progress: RenderProgress | None = None
) -> ClipTruth:
    """Write the next ``seconds`` of ``world`` to ``path`` (.mp4), with the truth, and if wanted the masks, beside it.

    Raises:
        ValueError: less than one frame, or a path that is not .mp4.
    """
    count = round(seconds * world.fps)
    if count < 1:
        raise ValueError(f"seconds: expected at least one frame ({1.0 / world.fps:.3f} s), got {seconds}")
    if path.suffix != ".mp4":
        raise ValueError(f"expected a path that ends in .mp4, got {path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    recorder = TruthRecorder(world.scene.name, world.seed, world.fps, world.size)
    with ExitStack() as files:
        video = files.enter_context(VideoWriter(path, world.size, world.fps))
        instances = None
        if masks:
            instances = files.enter_context(VideoWriter(masks_path(path), world.size, world.fps, lossless_grey=True))
        for done, frame in enumerate(world.frames(count), start=1):
            video.write(frame.image)
            recorder.add(frame.truth)
            if instances is not None:
                instances.write(frame.truth.instances)
            if progress is not None:
                progress(done)
    truth = recorder.finish()
    truth.save(truth_path(path))
    return truth


def render_dataset(
    scene: Scene,
    folder: Path,
    *,
    train: int,
    test: int,
    seconds: float,
    seed: int = 0,
    size: tuple[int, int] = (640, 360),
    fps: float = 25.0,
    masks: bool = False,
    progress: RenderProgress | None = None,
) -> None:
    """Write a dataset as `truth` describes it: normal clips to learn from, clips with anomalies to be tested on.

    Every clip has a seed of its own, ``seed + i``: first those of train, then those of test.

    Raises:
        ValueError: no clips, or a folder that holds something else.
    """
    if train < 1 or test < 1:
        raise ValueError(f"expected at least one clip each, got train {train} and test {test}")
    marker = folder / "dataset.json"
    if folder.exists() and any(folder.iterdir()) and not marker.is_file():
        raise ValueError(f"{folder.name}: expected an empty folder or a dataset, found other files")
    count, done = round(seconds * fps), 0
    for index in range(train + test):
        part, number = ("train", index) if index < train else ("test", index - train)
        world = World(scene, seed + index, size=size, fps=fps, normal_until=math.inf if part == "train" else 0.0)
        base = done

        def tell(clip: int, base: int = base) -> None:
            if progress is not None:
                progress(base + clip)

        render_clip(world, folder / part / f"{number + 1:03d}.mp4", seconds, masks=masks, progress=tell)
        done += count
    # Last, so that a folder with this file is whole.
    about = {"format": 1, "kind": "virtual", "scene": scene.name, "seed": seed}
    marker.write_text(json.dumps(about) + "\n", encoding="utf-8")
