"""The last minutes of a stream as rules see them, in memory, so that a rule can be tried before it is saved."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Index
from models.guidance.captions import Caption
from models.guidance.rules import Seen
from service.pipeline.context import UnguidedFrame

T = TypeVar("T")

SECONDS = 600.0
"""How far back it reaches, if there is room."""

SAME = 0.999
"""Cosine from which a track's embedding counts as the one before. Those of people who do something have
0.9976 (median) with those of a frame before, and 0.96 with those of a second before; what stands still is then stored
once."""

THUMBNAIL_SIDE = 96
_THUMBNAIL_QUALITY = 75
_MARGIN = 0.15  # of the box's size around it: a thumbnail shows a little of where it is
_ARRAY = 112  # bytes of a numpy array beside its data
_ROW = 160  # bytes of an object beside its embedding: box, surprise, track, references
_CAPTION = 500  # bytes of a caption with its facts
_CAPTIONS = 4096  # shared among frames; beyond that sharing starts anew
_FRAME = 600  # bytes of a frame beside its objects
_FORGOTTEN_S = 5.0  # a track that was not seen for so long is compared with no more


@dataclass(frozen=True, slots=True)
class HistoryFrame:
    """One frame, with ``N`` objects and moving regions. Immutable; shares embeddings and captions with other frames.

    Attributes:
        at: Capture time, Unix seconds.
        pts: Presentation time, seconds.
        epoch: Changes at a gap, after which smoothing starts anew.
        surprise: Of the frame without rules, before smoothing; NaN if nothing could be said.
        calm: What it counts as where nothing was said yet.
        boxes: ``(N, 4)`` float32.
        surprises: ``(N,)`` float32, without rules; NaN where nothing is known.
        tracks: ``N`` track ids, negative for none.
        labels: ``N`` class names.
        embeddings: ``N`` times ``(D,)`` float16, or None.
        captions: ``N`` captions, or None.
        thumbnails: JPEGs by track, about one a second for each.
        size: Bytes that this frame brought.
    """

    at: float
    pts: float
    epoch: int
    surprise: float
    calm: float
    boxes: Float32
    surprises: Float32
    tracks: tuple[int, ...]
    labels: tuple[str, ...]
    embeddings: tuple[NDArray[np.float16] | None, ...]
    captions: tuple[Caption | None, ...]
    thumbnails: Mapping[int, bytes]
    size: int
    believable: bool = True


@dataclass(frozen=True, slots=True)
class Rows:
    """The objects of many frames as one table of ``N`` rows.

    Attributes:
        seen: All of them.
        frame: ``(N,)`` intp, the frame each row is of.
        which: ``(N,)`` intp, which of ``embeddings`` is each row's, -1 for none: most rows share theirs with others.
        embeddings: ``(U, D)`` float32.
    """

    seen: Seen
    frame: Index
    which: Index
    embeddings: Float32


class History:
    """The last frames of a stream, bounded in time and bytes. Thread-safe; one thread adds."""

    def __init__(self, max_bytes: int, seconds: float = SECONDS) -> None:
        """Begin without a past.

        Args:
            max_bytes: Memory for it; the oldest frames go beyond that.
            seconds: Its length; they go beyond this age as well.
        """
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._lock = threading.Lock()
        self._frames: deque[HistoryFrame] = deque()
        self._bytes = 0
        self._newest: dict[int, tuple[float, NDArray[np.float16]]] = {}
        self._pictured: dict[int, float] = {}
        self._captions: dict[Caption, Caption] = {}

    @property
    def size(self) -> int:
        """Bytes in use, about."""
        return self._bytes

    def clear(self) -> None:
        """Forget everything, as when features come from another encoder."""
        with self._lock:
            self._frames.clear()
            self._newest.clear()
            self._pictured.clear()
            self._captions.clear()
            self._bytes = 0

    def frames(self, seconds: float = SECONDS) -> Sequence[HistoryFrame]:
        """Those of the last so many seconds before the newest, oldest first."""
        with self._lock:
            frames = list(self._frames)
        since = frames[-1].at - seconds if frames else 0.0
        return [frame for frame in frames if frame.at >= since]

    def add(self, frame: UnguidedFrame) -> None:
        """Remember a frame."""
        remembered, at = self._remembered(frame), frame.at
        with self._lock:
            self._frames.append(remembered)
            self._bytes += remembered.size
            while self._frames and (self._bytes > self._max_bytes or not 0 <= at - self._frames[0].at <= self._seconds):
                self._bytes -= self._frames.popleft().size
        self._forget(at)

    def sample(self, count: int) -> tuple[Float32, NDArray[np.float64]]:
        """About ``count`` embeddings, ``(M, D)`` float32, and surprises of objects, spread evenly over the past."""
        with self._lock:
            step = max(1, len(self._frames) // count)
            frames = [self._frames[index] for index in range(0, len(self._frames), step)]
        unique = {id(one): one for frame in frames for one in frame.embeddings if one is not None}
        kept = list(unique.values())
        chosen = [kept[index] for index in np.linspace(0, len(kept) - 1, min(count, len(kept))).round().astype(int)]
        surprises = [frame.surprises for frame in frames]
        embeddings = np.stack(chosen).astype(np.float32) if chosen else np.zeros((0, 0), np.float32)
        return embeddings, np.concatenate(surprises).astype(np.float64) if surprises else np.zeros(0)

    def _remembered(self, frame: UnguidedFrame) -> HistoryFrame:
        """What to keep of a frame."""
        seen, at = frame.seen, frame.at
        size = _FRAME + _ROW * len(seen)
        embeddings: list[NDArray[np.float16] | None] = []
        captions: list[Caption | None] = []
        thumbnails: dict[int, bytes] = {}
        for index, track in enumerate(frame.tracks):
            embedding, brought = self._kept(seen.embeddings[index], track, at)
            embeddings.append(embedding)
            size += brought
            caption = seen.captions[index]
            if caption is not None and caption not in self._captions:
                size += _CAPTION
            captions.append(None if caption is None else self._captions.setdefault(caption, caption))
            if frame.image is not None and track >= 0 and at - self._pictured.get(track, -np.inf) >= 1.0:
                thumbnails[track] = _thumbnail(frame.image, seen.boxes[index])
                self._pictured[track] = at
                size += len(thumbnails[track])
        return HistoryFrame(
            at=at,
            pts=frame.pts,
            epoch=frame.epoch,
            surprise=frame.surprise,
            calm=frame.calm,
            boxes=np.array(seen.boxes, np.float32),
            surprises=np.array(seen.surprise, np.float32),
            tracks=tuple(frame.tracks),
            labels=tuple(frame.labels),
            embeddings=tuple(embeddings),
            captions=tuple(captions),
            thumbnails=thumbnails,
            size=size,
            believable=frame.believable,
        )

    def _kept(self, embedding: Float32, track: int, at: float) -> tuple[NDArray[np.float16] | None, int]:
        """The embedding to keep of an object, and the bytes that it brings."""
        if not len(embedding) or np.isnan(embedding[0]):
            return None, 0
        last = self._newest.get(track)
        if (
            last is not None
            and len(last[1]) == len(embedding)
            and float(embedding @ last[1].astype(np.float32)) >= SAME
        ):
            self._newest[track] = (at, last[1])
            return last[1], 0
        half = embedding.astype(np.float16)
        if track >= 0:
            self._newest[track] = (at, half)
        return half, half.nbytes + _ARRAY

    def _forget(self, at: float) -> None:
        if len(self._captions) > _CAPTIONS:
            self._captions.clear()
        if len(self._newest) > 256 or len(self._pictured) > 256:
            self._newest = {track: known for track, known in self._newest.items() if at - known[0] < _FORGOTTEN_S}
            self._pictured = {track: last for track, last in self._pictured.items() if at - last < _FORGOTTEN_S}


def tabulated(frames: Sequence[HistoryFrame]) -> Rows:
    """The objects of frames as one table; each embedding is unpacked once."""
    unique, which = _unique([each for frame in frames for each in frame.embeddings])
    embeddings = np.stack(unique).astype(np.float32) if unique else np.zeros((0, 0), np.float32)
    counts = [len(frame.tracks) for frame in frames]
    seen = Seen(
        np.concatenate([frame.boxes for frame in frames]) if frames else np.zeros((0, 4), np.float32),
        _spread(embeddings, which),
        tuple(caption for frame in frames for caption in frame.captions),
        np.concatenate([frame.surprises for frame in frames]).astype(np.float64) if frames else np.zeros(0),
    )
    return Rows(seen, np.repeat(np.arange(len(frames)), counts), which, embeddings)


def _unique(things: Sequence[T | None]) -> tuple[list[T], Index]:
    """The different ones, and for each thing which of them it is, -1 for None."""
    found: dict[int, int] = {}
    unique: list[T] = []
    which = np.full(len(things), -1, np.intp)
    for index, thing in enumerate(things):
        if thing is not None:
            number = found.setdefault(id(thing), len(unique))
            if number == len(unique):
                unique.append(thing)
            which[index] = number
    return unique, which


def _spread(values: Float32, which: Index) -> Float32:
    """``(N, D)``: the value that each row points at, NaN where it points at none."""
    if not len(values):
        return np.full((len(which), 1), np.nan, np.float32)
    rows = values[which]
    rows[which < 0] = np.nan
    return rows


def _thumbnail(image: NDArray[np.uint8], box: Float32) -> bytes:
    """A small JPEG of an object."""
    height, width = image.shape[:2]
    x, y, w, h = box.tolist()
    left, right = max(0, int((x - _MARGIN * w) * width)), min(width, int(np.ceil((x + (1 + _MARGIN) * w) * width)))
    top, bottom = max(0, int((y - _MARGIN * h) * height)), min(height, int(np.ceil((y + (1 + _MARGIN) * h) * height)))
    crop: NDArray[np.integer | np.floating] = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    scale = min(1.0, THUMBNAIL_SIDE / max(crop.shape[:2]))
    if scale < 1.0:
        size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
        crop = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", crop, (cv2.IMWRITE_JPEG_QUALITY, _THUMBNAIL_QUALITY))
    return jpeg.tobytes()
