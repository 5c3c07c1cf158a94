"""A small descriptor of appearance: histograms of gradient orientations over the cells of a crop.

After Dalal and Triggs, CVPR 2005, but of fixed size: two by four cells of eight orientations, 64 bytes an object.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

CELLS = (4, 2)
ORIENTATIONS = 8
LENGTH = CELLS[0] * CELLS[1] * ORIENTATIONS

_CROP = (34, 18)  # height and width, with a pixel around for the gradients


def describe(image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Describe what is in boxes of a picture.

    Args:
        image: ``(H, W, 3)`` BGR.
        boxes: ``(N, 4)`` x, y, width and height as fractions of the picture.

    Returns:
        ``(N, 64)``: square roots of shares of gradient energy, times 255; zeros where there is no gradient.
    """
    if len(boxes) == 0:
        return np.zeros((0, LENGTH), np.uint8)
    height, width = image.shape[:2]
    low = np.clip((boxes[:, :2] * (width, height)).astype(np.intp), 0, (width - 1, height - 1))
    high = np.clip(np.ceil((boxes[:, :2] + boxes[:, 2:]) * (width, height)).astype(np.intp), low + 1, (width, height))
    corners = zip(low.tolist(), high.tolist(), strict=True)
    crops = np.stack([_crop(image[top:bottom, left:right]) for (left, top), (right, bottom) in corners])
    crops = crops.astype(np.float32)
    across = crops[:, 1:-1, 2:] - crops[:, 1:-1, :-2]
    down = crops[:, 2:, 1:-1] - crops[:, :-2, 1:-1]
    strength = np.hypot(across, down)
    turn = np.arctan2(down, across) % np.pi * (ORIENTATIONS / np.pi)
    first = np.floor(turn).astype(np.intp)
    share = turn - first
    count, height, width = strength.shape
    cell = (np.arange(height) * CELLS[0] // height)[:, None] * CELLS[1] + np.arange(width) * CELLS[1] // width
    start = (np.arange(count)[:, None, None] * (CELLS[0] * CELLS[1]) + cell) * ORIENTATIONS
    length = count * LENGTH
    lower = np.bincount((start + first % ORIENTATIONS).ravel(), (strength * (1 - share)).ravel(), length)
    upper = np.bincount((start + (first + 1) % ORIENTATIONS).ravel(), (strength * share).ravel(), length)
    energy = (lower + upper).reshape(count, LENGTH)
    shares = energy / np.maximum(energy.sum(axis=1, keepdims=True), 1e-6)
    described: NDArray[np.uint8] = (np.sqrt(shares) * 255).round().astype(np.uint8)
    return described


def _crop(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The crop in grey at the descriptor's own size."""
    # Thinned first: averaging every pixel of a large crop would cost more than all the rest.
    step = max(1, min(crop.shape[0] // (2 * _CROP[0]), crop.shape[1] // (2 * _CROP[1])))
    grey = cv2.cvtColor(np.ascontiguousarray(crop[::step, ::step]), cv2.COLOR_BGR2GRAY)
    shrinks = grey.shape[0] > _CROP[0]
    small = cv2.resize(grey, (_CROP[1], _CROP[0]), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(small, np.uint8)
