from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.ingest.flow import DenseFlow


def textured(height: int, width: int, shift: int = 0) -> np.ndarray:
    """A smooth pattern, moved to the right by so many pixels."""
    noise = np.random.default_rng(3).integers(0, 255, (height + 64, width + 64), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)[32 : 32 + height, 32 - shift : 32 - shift + width].copy()


def test_flow_leads_from_the_earlier_picture_to_the_later_one() -> None:
    flow = DenseFlow().compute(textured(64, 96), textured(64, 96, shift=2))
    assert flow.shape == (64, 96, 2)
    assert np.median(flow[..., 0]) == pytest.approx(2.0, abs=0.3)
    assert np.median(flow[..., 1]) == pytest.approx(0.0, abs=0.3)


@pytest.mark.parametrize("size", [(8, 8), (8, 64), (12, 224), (15, 360), (8, 512), (64, 8), (16, 512)])
def test_strips_of_any_size_have_a_flow(size: tuple[int, int]) -> None:
    height, width = size
    flow = DenseFlow().compute(textured(height, width), textured(height, width, shift=1))
    assert flow.shape == (height, width, 2)
    assert np.isfinite(flow).all()
    assert flow.flags.c_contiguous
