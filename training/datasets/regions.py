"""Regions from pixel masks, and tracks from the regions of consecutive frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from models.boxes import iou_table
from training.datasets.base import Regions

MIN_PIXELS = 20
"""Smaller components are crumbs of a hand-drawn mask, not objects. The smallest true region of UCSD Ped2 has 22."""

SAME_OBJECT_IOU = 0.1
"""Regions of consecutive frames that overlap less are different objects. A cyclist in Ped2 (10 frames a second,
the slowest of the data sets) keeps well above it from frame to frame."""

FORGET_AFTER = 10
"""Frames for which a region may be missing (hidden behind a person, split in two) and still be the same object."""


def mask_boxes(mask: NDArray[np.generic]) -> NDArray[np.float32]:
    """Bounding boxes of the connected parts of a pixel mask.

    Args:
        mask: ``(H, W)``, not 0 where anomalous.

    Returns:
        ``(M, 4)`` float32, x, y, width, height as fractions of the picture.
    """
    height, width = mask.shape
    _, _, stats, _ = cv2.connectedComponentsWithStats((mask != 0).astype(np.uint8), connectivity=8)
    parts = stats[1:]
    kept = parts[parts[:, cv2.CC_STAT_AREA] >= MIN_PIXELS, :4]
    return np.asarray(kept / (width, height, width, height), np.float32)


def link(frames: Iterable[NDArray[np.float32]]) -> tuple[Regions, ...]:
    """Give regions of the same object the same track id.

    For ground truth that marks pixels but not objects: the regions of a frame are assigned to the tracks seen
    lately so that the overlap with each track's last region is greatest in all.
    """
    last: dict[int, tuple[int, NDArray[np.float32]]] = {}
    linked: list[Regions] = []
    next_id = 0
    for index, boxes in enumerate(frames):
        last = {track: seen for track, seen in last.items() if index - seen[0] <= FORGET_AFTER}
        tracks = _assign(boxes, last)
        for position in np.flatnonzero(tracks < 0):
            tracks[position] = next_id
            next_id += 1
        last.update({int(track): (index, box) for track, box in zip(tracks, boxes, strict=True)})
        linked.append(Regions(boxes, tracks))
    return tuple(linked)


def _assign(boxes: NDArray[np.float32], last: dict[int, tuple[int, NDArray[np.float32]]]) -> NDArray[np.int64]:
    """The track of each box, -1 where none of those seen lately overlaps enough."""
    tracks = np.full(len(boxes), -1, np.int64)
    if not len(boxes) or not last:
        return tracks
    ids = np.array(list(last), np.int64)
    overlap = iou_table(boxes, np.stack([box for _, box in last.values()]))
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    enough = overlap[rows, columns] >= SAME_OBJECT_IOU
    tracks[rows[enough]] = ids[columns[enough]]
    return tracks


def pixel_boxes(rows: Sequence[Sequence[float]], size: tuple[int, int]) -> NDArray[np.float32]:
    """Boxes in pixels (x, y, width, height, and possibly more that is not looked at) as fractions of the picture."""
    if not rows:
        return np.zeros((0, 4), np.float32)
    return np.asarray(np.array([row[:4] for row in rows], np.float64) / (*size, *size), np.float32)
