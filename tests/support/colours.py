"""Streams of coloured squares, and the svad head over the encoder that knows colours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.pack_writer import PackWriter
from models.observation import UNTRACKED, Motion, Objects
from models.packs import Pack
from service.frames import Frame, PreparedFrame
from support.encoders import COLOURS, DIM

Square = tuple[float, float, str]
"""Left and top of a square as fractions of the picture, and its colour."""

HEIGHT, WIDTH, SIDE = 60, 80, 0.2


def write_svad(packs: Path, encoder: str = "colours", name: str = "tints") -> Pack:
    """Write the pack of a svad head whose actions are the colours."""
    with PackWriter(packs, name, replace=True) as writer:
        arrays = {"features": np.eye(3, DIM, dtype=np.float32), "phrases": np.array(list(COLOURS))}
        return writer.commit(
            {
                "kind": "head",
                "head": "svad",
                "encoder": encoder,
                "view": "object",
                "version": "1",
                "description": "Colours as actions.",
                "licence": "Apache-2.0",
                "provenance": "Made by a test.",
                "parameters": {"clusters": 3},
                "arrays": {"responses": writer.add_arrays(arrays, "responses.npz")},
            }
        )


class SquareDetector:
    """Finds the squares that were painted, by their colours."""

    name = "squares"
    names: tuple[str, ...] = ("square",)
    recognises = True

    def detect(self, frames: Sequence[PreparedFrame]) -> list[Objects]:
        """The squares of each frame."""
        return [self._objects(frame.frame.image) for frame in frames]

    def close(self) -> None:
        """Nothing is held."""

    def _objects(self, image: np.ndarray) -> Objects:
        boxes = []
        for colour in COLOURS.values():
            rows, columns = np.nonzero((image == np.array(colour) * 255).all(axis=2))
            if len(rows):
                left, top = columns.min() / WIDTH, rows.min() / HEIGHT
                boxes.append((left, top, (columns.max() + 1) / WIDTH - left, (rows.max() + 1) / HEIGHT - top))
        count = len(boxes)
        return Objects(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.full(count, 0.9, np.float32),
            np.zeros(count, np.int32),
            np.full(count, UNTRACKED, np.int64),
            self.names,
        )


def painted(index: int, *squares: Square, stream: str = "yard", epoch: int = 0) -> PreparedFrame:
    """A frame of a still camera at 10 frames a second; at most one square of each colour."""
    image = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    for left, top, colour in squares:
        y, x = round(top * HEIGHT), round(left * WIDTH)
        image[y : y + round(SIDE * HEIGHT), x : x + round(SIDE * HEIGHT)] = np.array(COLOURS[colour]) * 255
    motion = Motion(np.zeros((HEIGHT, WIDTH, 2), np.float32), np.zeros((HEIGHT, WIDTH), np.uint8), 0.1)
    return PreparedFrame(stream, epoch, Frame(index, index * 0.1, 1.7e9 + index * 0.1, 0.0, image), motion)


def strolling(index: int, *colours: str, **fields: Any) -> PreparedFrame:
    """A frame in which squares of these colours move to and fro, each in its own row."""
    step = abs((index % 40) - 20) / 20
    squares = [(0.1 + 0.5 * step, 0.05 + 0.3 * row, colour) for row, colour in enumerate(colours)]
    return painted(index, *squares, **fields)
