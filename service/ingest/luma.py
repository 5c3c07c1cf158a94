"""The brightness of a decoded picture, whatever its pixel format."""

from __future__ import annotations

import functools

import cv2
import numpy as np
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from numpy.typing import NDArray

# 8-bit planar formats whose first plane is the picture's brightness: what cameras send.
_USUAL = frozenset(
    {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv411p", "yuvj411p", "nv12", "nv21", "gray"}
)


def luma_of(frame: VideoFrame) -> NDArray[np.uint8]:
    """The brightness of a picture, ``(H, W)``, without a copy for the formats that cameras use.

    It is the Y plane wherever there is one, in 8 bits: 16 is black and 235 white in most of them. Pictures in colours
    (RGB, palettes) have their grey.
    """
    plane = frame.planes[0]
    if frame.format.name in _USUAL and plane.line_size > 0:
        rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return rows[: frame.height, : frame.width]
    shift = _shift(frame.format.name)
    if shift is None or plane.line_size <= 0:  # rows from below upwards, in old AVI files
        return np.asarray(cv2.cvtColor(bgr_of(frame), cv2.COLOR_BGR2GRAY), np.uint8)
    kind = np.dtype(np.uint8 if shift == 0 else ">u2" if frame.format.is_big_endian else "<u2")
    samples = np.frombuffer(memoryview(plane), kind).reshape(-1, plane.line_size // kind.itemsize)
    luma: NDArray[np.uint8] = np.right_shift(samples[: frame.height, : frame.width], shift).astype(np.uint8)
    return luma


def bgr_of(frame: VideoFrame) -> NDArray[np.uint8]:
    """The picture, ``(H, W, 3)`` BGR; what is transparent lies before black."""
    if not _has_alpha(frame.format.name):
        return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    image = np.asarray(frame.to_ndarray(format="bgra"), np.uint8)
    opacity = cv2.merge([image[:, :, 3]] * 3)
    return np.asarray(cv2.multiply(image[:, :, :3], opacity, scale=1 / 255), np.uint8)


@functools.cache
def _shift(name: str) -> int | None:
    """By how many bits a sample of the first plane is too wide; None where that plane is not the brightness alone."""
    format_ = VideoFormat(name)
    first, *others = format_.components
    alone = first.plane == 0 and all(other.plane != 0 for other in others)
    if format_.is_rgb or format_.has_palette or not alone or not 8 <= first.bits <= 16 or _has_alpha(name):
        return None
    high = "msb" in name or (name[0] == "p" and name[1:4].isdigit())  # P010 and its like fill a sample from above
    return 8 if high else first.bits - 8


@functools.cache
def _has_alpha(name: str) -> bool:
    return any(component.is_alpha for component in VideoFormat(name).components)
