"""Writes miniatures of data sets: real videos, pictures and label files of a few frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

SIZE = (48, 32)


def _video(path: Path, frames: int, fps: int = 25) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for index in range(frames):
            picture = np.full((SIZE[1], SIZE[0], 3), 10 * index % 255, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def _pictures(folder: Path, frames: int, suffix: str, first: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(first, first + frames):
        cv2.imwrite(str(folder / f"{index:03d}{suffix}"), np.full((SIZE[1], SIZE[0]), index, np.uint8))
    return folder


@pytest.fixture
def write_video() -> Callable[..., Path]:
    """``write_video(path, frames, fps=25)``: 48x32, as the suffix says."""
    return _video


@pytest.fixture
def write_pictures() -> Callable[..., Path]:
    """``write_pictures(folder, frames, suffix, first=1)``: 001.tif and so on, 48x32."""
    return _pictures


@pytest.fixture
def blob() -> Callable[..., np.ndarray]:
    """``blob(x, y, w, h)``: a 48x32 mask with one rectangle of 1; ``blob()`` is empty."""

    def make(*box: int) -> np.ndarray:
        mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
        if box:
            x, y, w, h = box
            mask[y : y + h, x : x + w] = 1
        return mask

    return make
