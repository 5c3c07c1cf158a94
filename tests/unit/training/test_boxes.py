"""Boxes held against each other: by hand."""

from __future__ import annotations

import numpy as np

from training.boxes import iou

BOX = (0.0, 0.0, 1.0, 1.0)
FAR = (5.0, 5.0, 1.0, 1.0)


def test_iou_by_hand() -> None:
    np.testing.assert_allclose(
        iou(np.array([BOX], np.float32), np.array([BOX, (0.5, 0, 1, 1), FAR, (0, 0, 0, 0)], np.float32)),
        [[1, 1 / 3, 0, 0]],
    )
