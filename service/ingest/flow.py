"""Dense optical flow between two grey pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

PATCH_STRIDE = 4
"""Pixels between patches of 8. The preset's 3 costs 30 % more time; flow differs by 0.01 pixels on average, and the AUC
on Ped2 by less than 0.1 points. Fewer refinements (2 for 5) save as much again and lose 0.1 to 0.3."""

DESCENT_STEPS = 12
"""Gradient steps of a patch. The preset's 25 cost 0.4 ms more at 360x240, and the flow of what moves differs by 0.03
pixels: most patches have converged by then."""

MIN_SIDE = 16
"""Pixels a side that a pair must have: of a narrower strip OpenCV makes more levels than there are pixels, and the
process ends by a segmentation fault (8x64, 15x224), or an error (8x8, 12x512). Smaller pictures are extended."""

# One thread an OpenCV call, in the whole process: streams run beside each other, and the helpers that OpenCV wakes for
# every call wait for each other in busy loops. Flow at 360x240 takes 8.8 ms of processor time with two threads, 5.9
# with one.
cv2.setNumThreads(1)


class DenseFlow:
    """Dense inverse search (Kroeger et al., ECCV 2016). Reuses its buffers; not thread-safe.

    The MEDIUM preset: on Ped2 the coarser FAST and ULTRAFAST lost five to seven points of AUC, and Farneback
    cost three times as much and lost four.
    """

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._dis.setPatchStride(PATCH_STRIDE)
        self._dis.setGradientDescentIterations(DESCENT_STEPS)

    def compute(self, earlier: NDArray[np.uint8], later: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How far each pixel moved.

        Args:
            earlier: ``(h, w)`` grey.
            later: ``(h, w)`` grey, of the same size.

        Returns:
            ``(h, w, 2)`` in pixels, x right and y down; a fresh array.
        """
        rows, columns = later.shape
        if min(rows, columns) < MIN_SIDE:
            earlier, later = _extended(earlier), _extended(later)
        flow = np.zeros((*later.shape, 2), np.float32)  # the first guess: from unset memory, OpenCV crashes
        found = np.asarray(self._dis.calc(earlier, later, flow), np.float32)
        return found if found.shape[:2] == (rows, columns) else found[:rows, :columns].copy()


def _extended(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """With its last rows and columns repeated until both sides are long enough."""
    below, beside = (max(0, MIN_SIDE - side) for side in picture.shape)
    return np.asarray(cv2.copyMakeBorder(picture, 0, below, 0, beside, cv2.BORDER_REPLICATE), np.uint8)
