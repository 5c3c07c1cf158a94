"""What other cameras would have made of a clip: colour, sharpness, noise, occlusion, a short history, a mirror.

Chosen once a clip, as a camera's failings do not change from frame to frame; only noise does. In bytes and with
OpenCV, which saturates and releases the GIL: a twentieth of the time that the same took in floating point.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

MIRRORED = 0.5
GREY = 0.2
SOFT = 0.4
NOISY = 0.5
OCCLUDED = 0.25
SHORT = 0.15
"""Shares of the clips that this happens to."""

_GAIN, _TINT, _CONTRAST, _LIFT = (0.55, 1.5), (0.88, 1.14), (0.6, 1.4), (-25.0, 25.0)
_SOFT_SIDES = (14, 48)  # pixels: an object as small as the far ones are
_MAX_NOISE = 14.0  # grey levels
_LIKE_GREY = np.array([0.114, 0.587, 0.299])  # of blue, green, red


def augment(
    crops: NDArray[np.uint8], geometry: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Change a batch of clips; what is given stays as it is.

    Args:
        crops: ``(B, T, S, S, 3)`` BGR.
        geometry: ``(B, T, 5)`` as of `models.crops.geometry`.
        rng: Decides everything.

    Returns:
        The same shapes; the geometry changes with a mirrored or shortened clip.
    """
    changed, places = crops.copy(), geometry.copy()
    noise = rng.normal(0.0, 1.0, crops.shape[2:]).astype(np.float32)
    for clip in range(len(crops)):
        if rng.random() < SHORT:
            _shorten(changed[clip], places[clip], rng)
        if rng.random() < MIRRORED:
            changed[clip] = changed[clip, :, :, ::-1]
            places[clip, :, 0] *= -1.0
        if rng.random() < SOFT:
            _soften(changed[clip], rng)
        if rng.random() < OCCLUDED:
            _occlude(changed[clip], rng)
        _recolour(changed[clip], rng)
        if rng.random() < NOISY:
            _add_noise(changed[clip], noise, rng)
    return changed, places


def _shorten(clip: NDArray[np.uint8], places: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Repeat the oldest entry that is left, as the service does for objects that have just come into view."""
    first = int(rng.integers(len(clip)))
    clip[:first], places[:first] = clip[first], places[first]


def _recolour(clip: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Gain, tint, contrast and brightness as one linear map of the colours, to grey for some."""
    grey = rng.random() < GREY
    colours = np.tile(_LIKE_GREY, (3, 1)) if grey else np.eye(3) * rng.uniform(*_TINT, 3)[:, None]
    gain, contrast = rng.uniform(*_GAIN), rng.uniform(*_CONTRAST)
    mean = colours @ clip[:, ::8, ::8].mean(axis=(0, 1, 2))
    offset = gain * ((1.0 - contrast) * mean + rng.uniform(*_LIFT))
    rows = clip.reshape(len(clip) * clip.shape[1], clip.shape[2], 3)
    cv2.transform(rows, np.column_stack([gain * contrast * colours, offset]), dst=rows)


def _soften(clip: NDArray[np.uint8], rng: np.random.Generator) -> None:
    side, size = int(rng.integers(*_SOFT_SIDES)), clip.shape[1]
    for picture in clip:
        small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        cv2.resize(small, (size, size), dst=picture, interpolation=cv2.INTER_LINEAR)


def _occlude(clip: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Cover a part with a plain thing: a post, a wall, a passer-by."""
    size = clip.shape[1]
    width, height = (int(value) for value in rng.integers(size // 10, size // 2, 2))
    left, top = (int(value) for value in rng.integers(-size // 8, size - size // 8, 2))
    clip[:, max(top, 0) : top + height, max(left, 0) : left + width] = rng.integers(0, 256, 3)


def _add_noise(clip: NDArray[np.uint8], noise: NDArray[np.float32], rng: np.random.Generator) -> None:
    """One sheet of noise for the batch, moved from frame to frame: drawing it anew took longer than the network."""
    strength = float(rng.uniform(1.0, _MAX_NOISE))
    sheet = (noise * strength + 64.0).clip(0, 128).astype(np.uint8)
    level = np.full_like(sheet, 64)
    for picture in clip:
        moved = np.roll(sheet, int(rng.integers(sheet.shape[0])), axis=0)
        cv2.subtract(cv2.add(picture, moved), level, dst=picture)
