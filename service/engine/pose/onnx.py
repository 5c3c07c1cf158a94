"""Pose estimators that are ONNX graphs, recognised by what they take and give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Image
from models.packs import PackError, file_hash
from service.engine.detectors.letterbox import Letterbox
from service.engine.engine_queue import EngineQueue
from service.engine.pose.base import FoundPeople, sound
from service.engine.pose.recognition import recognise
from service.engine.session import Session


@dataclass(frozen=True, slots=True)
class _View:
    """What of a picture lies where in an input: ``x_input = left + scale * x_picture``, and likewise of y."""

    picture: int
    left: float
    top: float
    across: float
    down: float

    def restore(self, points: Float32, shape: tuple[int, int]) -> Float32:
        """``(P, 17, 3)`` in input pixels, as fractions of a picture of this width and height."""
        scale = np.array([self.across * shape[0], self.down * shape[1], 1], np.float32)
        return (points - np.array([self.left, self.top, 0], np.float32)) / scale


class OnnxPoseEstimator:
    """A graph of a known family as a pose estimator."""

    def __init__(
        self,
        path: Path,
        layout: str | None = None,
        threads: int = 0,
        *,
        pack: tuple[str, str] | None = None,
        engines: EngineQueue | None = None,
    ) -> None:
        """Load a graph, and run it on a picture to see that it is what it is taken for.

        Args:
            path: An ``.onnx`` file.
            layout: A name that ``layout_named`` knows; None recognises it from the graph.
            threads: Of one run on the CPU; 0 picks by cores.
            pack: Name and hash of its pack; None takes the file's own.
            engines: Builds a TensorRT engine for it.

        Raises:
            PackError: ``missing_file``, ``bad_graph``, ``unknown_layout``, or ``wrong_layout`` with what was
                expected and what came.
        """
        self._session = Session(path, threads, engines)
        self.name, code = (path.stem, file_hash(path)) if pack is None else pack
        self.identity = f"{self.name} {code[:12]}"
        try:
            self._layout, self._size = recognise(self._session, layout)
        except PackError:
            self._session.close()
            raise
        self.whole = self._layout.whole

    @property
    def layout(self) -> str:
        """The name of its graph's layout."""
        return self._layout.name

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the input."""
        return self._size

    def estimate(self, pictures: Sequence[Image], boxes: Sequence[Float32]) -> list[FoundPeople]:
        """The people in each picture; see ``PoseEstimator.estimate``."""
        width, height = self._size
        counts = [1 if self.whole else len(each) for each in boxes]
        canvases = np.empty((sum(counts), height, width, 3), np.uint8)
        views: list[_View] = []
        for index, (picture, places) in enumerate(zip(pictures, boxes, strict=True)):
            for box in [None] if self.whole else places:
                canvas = canvases[len(views)]
                views.append(self._draw(index, picture, box, canvas))
        found: list[list[FoundPeople]] = [[] for _ in pictures]
        if views:
            for view, people in zip(views, self._run(canvases), strict=True):
                picture = pictures[view.picture]
                shape = picture.shape[1], picture.shape[0]
                found[view.picture].append(FoundPeople(view.restore(people.points, shape), people.scores))
        together = [sound(_joined(each)) for each in found]
        return [surest(each) for each in together] if self.whole else together

    def close(self) -> None:
        """Free the graph. Idempotent."""
        self._session.close()

    def _run(self, canvases: NDArray[np.uint8]) -> list[FoundPeople]:
        taken = self._session.inputs[0]
        for canvas in canvases:
            cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB, dst=canvas)
        answer = self._session.run({taken.name: self._layout.feed(canvases, taken)})
        return self._layout.read([answer[tensor.name] for tensor in self._session.outputs], self._size)

    def _draw(self, index: int, picture: Image, box: Float32 | None, canvas: NDArray[np.uint8]) -> _View:
        """Write a picture, or what is around a box in it, into an input."""
        height, width = picture.shape[:2]
        if box is None:
            lies = Letterbox.fit((0, 0, width, height), self._size, centred=True)
            lies.draw(picture, canvas, self._layout.around)
            return _View(index, lies.left, lies.top, lies.width / width, lies.height / height)
        x, y, across, down = (box * (width, height, width, height)).tolist()
        scale = min(self._size[0] / max(across, 1), self._size[1] / max(down, 1)) / self._layout.context
        left, top = self._size[0] / 2 - scale * (x + across / 2), self._size[1] / 2 - scale * (y + down / 2)
        _cut(picture, scale, left, top, canvas, self._layout.around)
        return _View(index, left, top, scale, scale)


MAX_PEOPLE = 100
"""Of one whole picture, those that are surest: to tell so many apart takes 0.1 s, and nobody has a face among more."""


def surest(people: FoundPeople) -> FoundPeople:
    """The surest of many, in their order."""
    if len(people) <= MAX_PEOPLE:
        return people
    return people[np.sort(np.argsort(-people.scores, kind="stable")[:MAX_PEOPLE])]


def _cut(picture: Image, scale: float, left: float, top: float, canvas: NDArray[np.uint8], around: int) -> None:
    """Warp a picture by ``left + scale * x`` into a canvas.

    Where a crop is made much smaller its part of the picture is averaged first: a warp samples, and fine texture would
    flicker from frame to frame.
    """
    height, width = canvas.shape[:2]
    rows, columns = picture.shape[:2]
    if scale < 0.5:
        x1, y1 = (max(0, int(-at / scale)) for at in (left, top))
        x2, y2 = min(columns, int((width - left) / scale) + 1), min(rows, int((height - top) / scale) + 1)
        if x2 - x1 > 1 and y2 - y1 > 1:
            small = max(1, round((x2 - x1) * scale)), max(1, round((y2 - y1) * scale))
            part = cv2.resize(picture[y1:y2, x1:x2], small, interpolation=cv2.INTER_AREA)
            matrix = np.array([[1, 0, left + scale * x1], [0, 1, top + scale * y1]], np.float64)
            cv2.warpAffine(part, matrix, (width, height), dst=canvas, borderValue=(around,) * 3)
            return
    matrix = np.array([[scale, 0, left], [0, scale, top]], np.float64)
    cv2.warpAffine(picture, matrix, (width, height), dst=canvas, borderValue=(around,) * 3)


def _joined(found: Sequence[FoundPeople]) -> FoundPeople:
    if not found:
        return FoundPeople(np.zeros((0, 17, 3), np.float32), np.zeros(0, np.float32))
    return FoundPeople(np.concatenate([each.points for each in found]), np.concatenate([each.scores for each in found]))
