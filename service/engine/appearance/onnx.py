"""Image networks as ONNX graphs: whatever gives one vector for one picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Image
from models.crops import crop
from models.embedding import unit
from models.packs import PackError, file_hash
from service.engine.engine_queue import EngineQueue
from service.engine.session import Session

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet, red first, of values from 0 to 1: what nearly every image network was trained with."""

SIDE = 224
"""Of the input of a graph that takes any size, where nobody says: that of ImageNet."""

CONTEXT = 1.1
"""A square's side over the longer side of the box: a little ground, as around the objects of ImageNet."""


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """How a graph is fed.

    Attributes:
        size: Width and height of the input; None takes the graph's, or ``SIDE`` for a graph of any size.
        mean: Of each channel, red first, of values from 0 to 1.
        deviation: Likewise; greater than 0.
    """

    size: tuple[int, int] | None = None
    mean: tuple[float, float, float] = MEAN
    deviation: tuple[float, float, float] = DEVIATION


class OnnxAppearance:
    """A graph ``(N, 3, h, w)`` to ``(N, D)`` as an appearance network.

    A square input is cut as a square around the box, in proportion; any other one is the box, stretched, as networks
    that tell people apart are trained.
    """

    def __init__(
        self,
        path: Path,
        options: ImageOptions = ImageOptions(),
        threads: int = 0,
        *,
        pack: tuple[str, str] | None = None,
        engines: EngineQueue | None = None,
    ) -> None:
        """Load a graph, and run it on a picture to see that it is what it is taken for.

        Args:
            path: An ``.onnx`` file.
            options: How to feed it.
            threads: Of one run on the CPU; 0 picks by cores.
            pack: Name and hash of its pack; None takes the file's own.
            engines: Builds a TensorRT engine for it.

        Raises:
            PackError: ``missing_file``, ``bad_graph``, or ``wrong_shape`` with what was expected and what came.
        """
        self._session = Session(path, threads, engines)
        self.name, code = (path.stem, file_hash(path)) if pack is None else pack
        self.identity = f"{self.name} {code[:12]}"
        # One multiplication and one addition a value, of pixels from 0 to 255.
        deviation = np.array(options.deviation, np.float32)
        self._scale = (1 / (255 * deviation))[:, None, None]
        self._shift = (-np.array(options.mean, np.float32) / deviation)[:, None, None]
        try:
            self.size = _size(self._session, options.size)
            self.dim = self._tried()
        except PackError:
            self._session.close()
            raise

    def cut(self, picture: Image, box: Float32) -> Image:
        """What it looks at of an object; see ``AppearanceNetwork.cut``."""
        width, height = self.size
        if width == height:
            return crop(picture, box, width, CONTEXT)
        rows, columns = picture.shape[:2]
        x, y, across, down = (box * (columns, rows, columns, rows)).tolist()
        left, top = min(max(0, round(x)), columns - 1), min(max(0, round(y)), rows - 1)
        right, bottom = max(left + 1, min(columns, round(x + across))), max(top + 1, min(rows, round(y + down)))
        how = cv2.INTER_AREA if bottom - top > height else cv2.INTER_LINEAR
        part = cv2.resize(picture[top:bottom, left:right], self.size, interpolation=how)
        return part.astype(np.uint8, copy=False)

    def embed(self, crops: NDArray[np.uint8]) -> Float32:
        """``(N, D)`` of unit length; see ``AppearanceNetwork.embed``."""
        return unit(self._run(crops))

    def close(self) -> None:
        """Free the graph. Idempotent."""
        self._session.close()

    def _run(self, crops: NDArray[np.uint8]) -> Float32:
        width, height = self.size
        batch = np.empty((len(crops), 3, height, width), np.float32)
        for planes, each in zip(batch, crops, strict=True):
            for target, channel in zip(planes, cv2.split(each)[::-1], strict=True):
                np.copyto(target, channel)
        batch *= self._scale
        batch += self._shift
        output = self._session.first(batch)
        return np.asarray(output.reshape(len(crops), -1), np.float32)

    def _tried(self) -> int:
        """Run it once; how many numbers it gives.

        Raises:
            PackError: ``wrong_shape``.
        """
        noise = np.random.default_rng(0).integers(0, 256, (1, *self.size[::-1], 3), np.uint8)
        try:
            output = self._run(noise)
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            width, height = self.size
            why = " ".join(str(error).split())[:200]
            raise PackError(
                "wrong_shape", f"This graph does not run on a picture of {width}x{height}: {why}"
            ) from error
        shape = self._session.outputs[0].shape
        if not np.isfinite(output).all() or not output.any() or any(size not in {1, None} for size in shape[2:]):
            msg = (
                f"expected a graph that gives one vector of finite numbers a picture, got {_list(self._session)}: "
                f"{output.shape[1]} numbers from {output.min():.4g} to {output.max():.4g}"
            )
            raise PackError("wrong_shape", msg)
        return len(output[0])


def _size(session: Session, wanted: tuple[int, int] | None) -> tuple[int, int]:
    """Width and height of the input of a graph that takes pictures."""
    image = session.inputs[0] if len(session.inputs) == 1 else None
    if image is None or image.dtype != "float32" or len(image.shape) != 4 or image.shape[1] not in {3, None}:
        msg = f"expected a graph that takes one input of float32 (batch, 3, height, width), got {_list(session)}"
        raise PackError("wrong_shape", msg)
    if len(session.outputs) != 1 or len(session.outputs[0].shape) not in {2, 4}:
        raise PackError("wrong_shape", f"expected a graph that gives one vector for one picture, got {_list(session)}")
    height, width = image.shape[2:]
    size = wanted or (width or SIDE, height or SIDE)
    if width not in {None, size[0]} or height not in {None, size[1]}:
        msg = f"expected an input of {size[0]}x{size[1]}, got a graph of {width}x{height}"
        raise PackError("wrong_shape", msg)
    return size


def _list(session: Session) -> str:
    taken, given = ("; ".join(map(str, tensors)) for tensors in (session.inputs, session.outputs))
    return f"one that takes {taken} and gives {given}"
