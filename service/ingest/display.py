"""How a decoded picture is to be shown: turned, mirrored and in proportion, as its recording or camera says."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame
from numpy.typing import NDArray

_MAX_STRETCH = 16.0
"""The widest pixels in use are those of four-to-one formats. What says more is damaged, and would ask for gigabytes."""


@dataclass(frozen=True, slots=True)
class Display:
    """What turns the decoder's picture into the one that a player shows. The default shows it as it is.

    First rows and columns are swapped, then the picture is mirrored, then its pixels get their shape.

    Attributes:
        transposed: Whether rows and columns are swapped.
        mirrored: Whether left and right are swapped then.
        upside_down: Whether top and bottom are swapped then.
        pixel_aspect: Width of a pixel by its height, as decoded, before anything is swapped.
    """

    transposed: bool = False
    mirrored: bool = False
    upside_down: bool = False
    pixel_aspect: float = 1.0

    @property
    def plain(self) -> bool:
        """Whether the decoder's picture is shown as it is."""
        return self == _PLAIN

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of what is shown of a decoded picture. Its shorter pixels grow, so nothing is lost."""
        if self.pixel_aspect > 1:
            width = round(width * self.pixel_aspect)
        elif self.pixel_aspect < 1:
            height = round(height / self.pixel_aspect)
        return (height, width) if self.transposed else (width, height)

    def show(self, image: NDArray[np.uint8], max_side: int | None = None) -> NDArray[np.uint8]:
        """A decoded picture as it is shown.

        Args:
            image: ``(H, W)`` or ``(H, W, 3)``.
            max_side: Longest side of what is shown, in pixels; None sets no limit. It is never enlarged for it.

        Returns:
            The picture, contiguous; the same array where nothing has to be done.
        """
        height, width = image.shape[:2]
        shown = self.size(width, height)
        scale = 1.0 if max_side is None else min(1.0, max_side / max(shown))
        target = (max(1, round(shown[0] * scale)), max(1, round(shown[1] * scale)))
        target = target[::-1] if self.transposed else target
        if target != (width, height):
            # Averaging makes no sense where one side grows: OpenCV falls back to nearest neighbours there.
            grows = target[0] > width or target[1] > height
            image = np.asarray(
                cv2.resize(image, target, interpolation=cv2.INTER_LINEAR if grows else cv2.INTER_AREA), np.uint8
            )
        if self.transposed:
            image = np.asarray(cv2.transpose(image), np.uint8)
        if self.mirrored or self.upside_down:
            code = -1 if self.mirrored and self.upside_down else 1 if self.mirrored else 0
            image = np.asarray(cv2.flip(image, code), np.uint8)
        return image


_PLAIN = Display()


def display_of(frame: VideoFrame, pixel_aspect: float) -> Display:
    """How a frame is to be shown: by its display matrix (of the container, or its own) and the shape of its pixels.

    Args:
        frame: As decoded.
        pixel_aspect: Width of a pixel by its height; what is no such number counts as 1.
    """
    if not (math.isfinite(pixel_aspect) and 1 / _MAX_STRETCH <= pixel_aspect <= _MAX_STRETCH):
        pixel_aspect = 1.0
    matrix = _matrix(frame)
    if matrix is None:
        return _PLAIN if pixel_aspect == 1.0 else Display(pixel_aspect=pixel_aspect)
    # A point (x, y) of the decoded picture is shown at (a x + c y, b x + d y). Cameras turn by right angles; what
    # lies between (a handheld recording that was straightened) goes to the nearest.
    a, b, c, d = matrix
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Display(False, a < 0, d < 0, pixel_aspect)
    return Display(True, c < 0, b < 0, pixel_aspect)


def _matrix(frame: VideoFrame) -> tuple[int, int, int, int] | None:
    try:
        entries = cast(SideDataContainer, frame.side_data)  # PyAV's types call it something else
        found = next((data for data in entries if data.type is Type.DISPLAYMATRIX), None)
    except ValueError:
        # PyAV does not know every kind of side data (a JPEG's EXIF is one), and then tells none. The angle it tells
        # all the same, counterclockwise; it cannot tell a picture that is mirrored as well.
        quarter = round(frame.rotation / 90) % 4
        return ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))[quarter] if quarter else None
    if found is None:
        return None
    a, b, _, c, d = struct.unpack_from("=5i", bytes(found))
    return (a, b, c, d) if (a or b) and (c or d) else None
