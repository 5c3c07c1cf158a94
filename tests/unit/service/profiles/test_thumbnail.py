from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.profiles.thumbnail import WIDTH, thumbnail


@pytest.mark.parametrize(
    ("shape", "small"),
    [((480, 640), (120, 160)), ((64, 128), (64, 128)), ((2000, 16), (2000, 16)), ((2, 4000), (1, 160))],
)
def test_a_picture_is_made_no_wider_than_it_has_to_be_and_keeps_its_proportions(
    shape: tuple[int, int], small: tuple[int, int]
) -> None:
    image = np.full((*shape, 3), (20, 200, 90), np.uint8)
    again = cv2.imdecode(np.frombuffer(thumbnail(image), np.uint8), cv2.IMREAD_COLOR)
    assert again is not None
    assert again.shape[:2] == small
    assert again.shape[1] <= WIDTH
    np.testing.assert_allclose(again.reshape(-1, 3).mean(axis=0), (20, 200, 90), atol=4)
