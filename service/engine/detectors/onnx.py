"""Detectors that are ONNX graphs of YOLO families, recognised by what they give for a picture."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.observation import UNTRACKED, Objects
from models.packs import PackError
from service.engine.detectors.coco import COCO
from service.engine.detectors.layouts import STRIDES, Candidates
from service.engine.detectors.letterbox import Letterbox, Part
from service.engine.detectors.recognition import Recognised, check_interface, recognise
from service.engine.detectors.tiles import WHOLE, Tiles, choose, cut, join, seen_better, split
from service.engine.engine_queue import EngineQueue
from service.engine.session import Session
from service.frames import PreparedFrame

CONFIDENCE = 0.25
"""Below it, small YOLOs see people in lamp posts and bushes. Tracks begin at a higher one (``pipeline/track.py``)."""

OVERLAP = 0.5
"""People who walk side by side overlap less, two boxes of one person more."""

DEFAULT_SIDE = 640
"""Longer side of the input of a graph that takes any size, if its metadata name none."""

MAX_OBJECTS = 300
"""In one picture; the surest ones."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a graph is used. None takes what the graph itself says, or the default beside each.

    Attributes:
        layout: A name that ``layout_named`` knows; None recognises it from the graph.
        size: Width and height of the input; None takes the graph's, or for a graph of any size the shape of the
            picture with a longer side of ``DEFAULT_SIDE``.
        classes: Class names in the graph's order; None takes those in its metadata, or COCO's for 80 classes.
        confidence: Detections below it are left out.
        overlap: Of two boxes of a class with a greater intersection over union, the surer one stays.
        tiles: In how many tiles a picture is looked at.
    """

    layout: str | None = None
    size: tuple[int, int] | None = None
    classes: tuple[str, ...] | None = None
    confidence: float = CONFIDENCE
    overlap: float = OVERLAP
    tiles: Tiles = WHOLE


@dataclass(frozen=True, slots=True)
class _View:
    """One tile of one frame on its way through the graph."""

    frame: int
    letterbox: Letterbox
    size: tuple[int, int]


class OnnxDetector:
    """A YOLO graph as a detector."""

    recognises = True

    def __init__(
        self,
        path: Path,
        options: Options = Options(),
        threads: int = 0,
        *,
        name: str | None = None,
        engines: EngineQueue | None = None,
    ) -> None:
        """Load a graph, and run it on two pictures to see that it is what it is taken for.

        Args:
            path: An ``.onnx`` file.
            options: How to use it.
            threads: Of one run on the CPU; 0 picks by cores.
            name: What profiles remember it by; the file's own if not given.
            engines: Builds a TensorRT engine for it.

        Raises:
            PackError: ``missing_file``, ``bad_graph``, ``unknown_layout``, or ``wrong_layout`` with what was
                expected and what came.
        """
        self.name = path.stem if name is None else name
        self._options = options
        self._session = Session(path, threads, engines)
        try:
            check_interface(self._session)
            self._graph_size = _graph_size(self._session, options)
            named = options.classes or _metadata_names(self._session.metadata.get("names", ""))
            found = recognise(self._session, options.layout, self._graph_size, None if named is None else len(named))
            self._layout = found.layout
            self.names = _names(options, named or COCO, found)
        except PackError:
            self._session.close()
            raise

    @property
    def layout(self) -> str:
        """The name of its graph's layout."""
        return self._layout.name

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the input, or None if they follow the picture."""
        return self._graph_size

    def detect(self, frames: Sequence[PreparedFrame]) -> list[Objects]:
        """The objects of each frame, the surest first."""
        pictures = [frame.frame.image for frame in frames]
        views = [view for index, picture in enumerate(pictures) for view in self._views(index, picture)]
        candidates: dict[int, list[tuple[_View, Candidates]]] = {index: [] for index in range(len(frames))}
        # Graphs of any size may get pictures of several shapes; each shape is a batch of its own.
        for size, group in itertools.groupby(sorted(views, key=lambda view: view.size), key=lambda view: view.size):
            batch = list(group)
            output = self._session.first(self._fill(batch, pictures, size))
            for view, rows in zip(batch, output, strict=True):
                found = self._layout.decode(rows, size, self._options.confidence)
                candidates[view.frame].append((view, found))
        return [self._objects(picture, candidates[index]) for index, picture in enumerate(pictures)]

    def close(self) -> None:
        """Free the graph. Idempotent."""
        self._session.close()

    def _views(self, frame: int, picture: NDArray[np.uint8]) -> list[_View]:
        shape = picture.shape[1], picture.shape[0]
        size = self._graph_size or _fitting(shape)
        parts = split(choose(self._options.tiles, shape, size), shape, size)
        return [_View(frame, Letterbox.fit(part, size, centred=self._layout.centred), size) for part in parts]

    def _fill(
        self, views: Sequence[_View], pictures: Sequence[NDArray[np.uint8]], size: tuple[int, int]
    ) -> NDArray[np.float32]:
        """``(N, 3, height, width)``, the views as the graph wants them."""
        width, height = size
        batch = np.empty((len(views), 3, height, width), np.float32)
        canvas = np.empty((height, width, 3), np.uint8)
        for planes, view in zip(batch, views, strict=True):
            view.letterbox.draw(pictures[view.frame], canvas)
            # Planes split in uint8 and then widened: half the time of a transposed copy, a tenth of OpenCV's blob.
            channels = cv2.split(canvas)
            for target, channel in zip(planes, channels[::-1] if self._layout.rgb else channels, strict=True):
                np.copyto(target, channel)
        if self._layout.unit_range:
            batch *= np.float32(1 / 255)
        return batch

    def _objects(self, picture: NDArray[np.uint8], found: Sequence[tuple[_View, Candidates]]) -> Objects:
        shape = picture.shape[1], picture.shape[0]
        parts = [view.letterbox.part for view, _ in found]
        seen = [self._of_tile(tile, *one, parts, shape) for tile, one in enumerate(found)]
        corners = np.concatenate([one.corners for one in seen])
        scores = np.concatenate([one.scores for one in seen])
        class_ids = np.concatenate([one.class_ids for one in seen])
        if self._layout.suppressed and len(found) == 1:
            keep = np.argsort(-scores, kind="stable")
        else:
            keep = suppress(corners, scores, class_ids, self._options.overlap)
        keep = keep[:MAX_OBJECTS]
        if len(found) > 1:
            tiles = np.repeat(np.arange(len(seen)), [len(one.scores) for one in seen])
            halves = np.concatenate(
                [cut(one.corners, part, shape) for one, part in zip(seen, parts, strict=True)],
            )
            chosen = corners[keep]
            left = join(chosen, class_ids[keep], tiles[keep], halves[keep])
            corners[keep] = chosen
            keep = keep[left]
        boxes = np.divide(corners[keep], (*shape, *shape), dtype=np.float32)
        boxes[:, 2:] -= boxes[:, :2]
        return Objects(boxes, scores[keep], class_ids[keep], np.full(len(keep), UNTRACKED, np.int64), self.names)

    def _of_tile(
        self, tile: int, view: _View, found: Candidates, parts: Sequence[Part], shape: tuple[int, int]
    ) -> Candidates:
        """What a tile saw, in picture pixels, without what another tile sees better."""
        corners = view.letterbox.restore(found.corners)
        np.clip(corners, 0, np.array([*shape, *shape], np.float32), out=corners)
        keep = (corners[:, 2:] > corners[:, :2]).all(axis=1)
        keep &= (found.class_ids >= 0) & (found.class_ids < len(self.names))
        if len(parts) > 1:
            keep &= ~seen_better(corners, tile, parts, shape)
        return Candidates(corners[keep], found.scores[keep], found.class_ids[keep])


def suppress(
    corners: NDArray[np.float32], scores: NDArray[np.float32], class_ids: NDArray[np.int32], overlap: float
) -> NDArray[np.intp]:
    """Non-maximum suppression within each class.

    Args:
        corners: ``(N, 4)`` x1, y1, x2, y2.
        scores: ``(N,)``, greater than 0.
        class_ids: ``(N,)``.
        overlap: Of two boxes with a greater intersection over union, the surer one stays.

    Returns:
        Indices of what stays, the surest first.
    """
    if len(corners) == 0:
        return np.zeros(0, np.intp)
    # OpenCV takes 0.1 ms for 30 candidates and 0.7 ms for 300; a matrix of all pairs in numpy takes twice that.
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    chosen = cv2.dnn.NMSBoxesBatched(boxes.tolist(), scores.tolist(), class_ids.tolist(), 0.0, overlap)
    kept = np.array(chosen, np.intp)
    return kept[np.argsort(-scores[kept], kind="stable")]


def _fitting(picture: tuple[int, int]) -> tuple[int, int]:
    """The input for a picture, for a graph of any size: its shape, in steps of the largest stride."""
    step, longer = STRIDES[-1], max(picture)
    width, height = (max(step, round(side * DEFAULT_SIDE / longer / step) * step) for side in picture)
    return width, height


def _graph_size(session: Session, options: Options) -> tuple[int, int] | None:
    height, width = session.inputs[0].shape[2:]
    if width is None or height is None:
        return options.size
    if options.size not in {None, (width, height)}:
        code, message = "wrong_shape", f"expected an input of {options.size}, got a graph of {width}x{height}"
        raise PackError(code, message)
    return width, height


def _names(options: Options, names: tuple[str, ...], found: Recognised) -> tuple[str, ...]:
    count = found.layout.classes(found.shape)
    if count is None or count == len(names):
        return names
    if options.classes is not None:
        code, message = "wrong_shape", f"expected {len(names)} classes, got a graph of {count}"
        raise PackError(code, message)
    return tuple(f"class {index}" for index in range(count))


def _metadata_names(text: str) -> tuple[str, ...] | None:
    """Names as ultralytics writes them, a Python dictionary, of which only literals are read."""
    try:
        names = ast.literal_eval(text) if len(text) < 100_000 else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(names, dict) or sorted(names) != list(range(len(names))) or not names:
        return None
    return tuple(str(names[index])[:64] for index in range(len(names)))
