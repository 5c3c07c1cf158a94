from __future__ import annotations

import numpy as np
import pytest

from models.observation import UNTRACKED, Motion
from service.engine.detectors.motion import MotionDetector, regions
from service.frames import Frame, PreparedFrame

SHAPE = (240, 360)


def mask(*rectangles):
    """Rows of x, y, w, h in pixels."""
    foreground = np.zeros(SHAPE, np.uint8)
    for x, y, width, height in rectangles:
        foreground[y : y + height, x : x + width] = 1
    return foreground


def prepared(motion):
    return PreparedFrame("camera", 0, Frame(0, 0.0, 0.0, 0.0, np.zeros((480, 720, 3), np.uint8)), motion)


def moving(foreground, disturbed=False):
    return Motion(np.zeros((*foreground.shape, 2), np.float32), foreground, 0.1, disturbed)


@pytest.mark.parametrize(
    ("rectangles", "boxes"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([(90, 60, 18, 48)], [(90, 60, 18, 48)], id="one person"),
        pytest.param([(0, 0, 18, 48)], [(0, 0, 18, 48)], id="in the corner"),
        pytest.param([(342, 192, 18, 48)], [(342, 192, 18, 48)], id="in the other corner"),
        pytest.param([(90, 60, 18, 48), (180, 60, 18, 60)], [(180, 60, 18, 60), (90, 60, 18, 48)], id="largest first"),
        pytest.param([(90, 60, 18, 20), (90, 84, 18, 24)], [(90, 60, 18, 48)], id="legs and body are one"),
        pytest.param([(90, 60, 18, 40), (90, 124, 18, 44)], [(90, 124, 18, 44), (90, 60, 18, 40)], id="far apart"),
        pytest.param([(90, 60, 6, 7)], [], id="below the least area"),
        pytest.param([(90, 60, 6, 8)], [(90, 60, 6, 8)], id="above the least area"),
        pytest.param([(x, 20, 2, 2) for x in range(10, 350, 30)], [], id="specks"),
        pytest.param([(0, 0, 360, 240)], [(0, 0, 360, 240)], id="everything"),
    ],
)
def test_regions(rectangles, boxes):
    found = regions(mask(*rectangles))
    expected = np.array(boxes, np.float32).reshape(-1, 4) / (360, 240, 360, 240)
    np.testing.assert_allclose(found.boxes, expected, atol=1e-6)
    assert found.names == ("motion",)
    assert found.boxes.dtype == found.confidences.dtype == np.float32
    assert (found.track_ids == UNTRACKED).all()
    assert ((found.confidences > 0) & (found.confidences <= 1)).all()


def test_a_large_solid_region_is_surer_than_a_small_or_a_ragged_one():
    ragged = mask((200, 60, 40, 3), (200, 60, 3, 60), (238, 60, 2, 60))
    solid, small = regions(mask((90, 60, 18, 48))), regions(mask((90, 60, 6, 8)))
    assert solid.confidences[0] > 0.9
    assert small.confidences[0] < 0.6
    assert regions(ragged).confidences[0] < 0.5


def test_the_least_area_is_a_share_whatever_the_resolution():
    small = np.zeros((120, 180), np.uint8)
    small[30:54, 45:54] = 1
    np.testing.assert_allclose(regions(small).boxes, regions(mask((90, 60, 18, 48))).boxes, atol=1e-6)


def test_detects_over_a_batch_and_sees_nothing_in_a_disturbed_or_first_frame():
    foreground = mask((90, 60, 18, 48))
    batch = [prepared(moving(foreground)), prepared(None), prepared(moving(foreground, disturbed=True))]
    detector = MotionDetector()
    assert [len(found) for found in detector.detect(batch)] == [1, 0, 0]
    assert detector.detect([]) == []
    detector.close()
    detector.close()
