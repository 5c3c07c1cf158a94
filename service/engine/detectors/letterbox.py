"""Fitting a picture into a network's input without changing its proportions."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

GREY = 114
"""What YOLO families are trained to see around the picture."""


Part = tuple[int, int, int, int]
"""x, y, width and height of a part of a picture, in its pixels."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where a part of a picture lies in an input, in input pixels.

    Attributes:
        part: What of the picture.
        left, top: Where it begins.
        width, height: Its size there.
    """

    part: Part
    left: int
    top: int
    width: int
    height: int

    @classmethod
    def fit(cls, part: Part, size: tuple[int, int], *, centred: bool) -> Letterbox:
        """Fit a part of a picture.

        Args:
            part: What of the picture.
            size: Width and height of the input.
            centred: Grey on both sides, as ultralytics does; else right and below only, as YOLOX.
        """
        scale = min(size[0] / part[2], size[1] / part[3])
        width, height = max(1, round(part[2] * scale)), max(1, round(part[3] * scale))
        left, top = ((size[0] - width) // 2, (size[1] - height) // 2) if centred else (0, 0)
        return cls(part, left, top, width, height)

    def draw(self, picture: NDArray[np.uint8], canvas: NDArray[np.uint8], around: int = GREY) -> None:
        """Write the part of an ``(H, W, 3)`` picture into a ``(h, w, 3)`` canvas, one brightness around it."""
        x, y, width, height = self.part
        if (self.width, self.height) != canvas.shape[1::-1]:
            canvas[:] = around
        inside = canvas[self.top : self.top + self.height, self.left : self.left + self.width]
        # Averaging costs more and gains nothing until pixels would be left out.
        method = cv2.INTER_AREA if 2 * self.width < width else cv2.INTER_LINEAR
        part = cv2.resize(picture[y : y + height, x : x + width], (self.width, self.height), interpolation=method)
        np.copyto(inside, part)

    def restore(self, corners: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(N, 4)`` boxes x1, y1, x2, y2 in input pixels, in picture pixels."""
        x, y, width, height = self.part
        scale = np.array([self.width / width, self.height / height] * 2, np.float32)
        return (corners - np.array([self.left, self.top] * 2, np.float32)) / scale + np.array([x, y] * 2, np.float32)
