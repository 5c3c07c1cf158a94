"""The real detector on real footage."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from models.packs import PackLibrary
from service.engine.detectors import OnnxDetector, Options, load_detector
from service.engine.detectors.tiles import Grid
from service.frames import Frame, PreparedFrame

SHARED = Path(__file__).resolve().parents[5] / "shared"
WEIGHTS = SHARED / "weights" / "yolox_nano.onnx"
CLIPS = SHARED / "data" / "clips"

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not WEIGHTS.is_file(), reason="needs ../shared/weights/yolox_nano.onnx"),
]


def frames(path, wanted):
    """Frames by number."""
    found = []
    with av.open(str(path)) as container:
        for index, decoded in enumerate(container.decode(video=0)):
            if index in wanted:
                picture = np.asarray(decoded.to_ndarray(format="bgr24"), np.uint8)
                found.append(PreparedFrame("camera", 0, Frame(index, decoded.time, 0.0, 0.0, picture), None))
            if index >= max(wanted):
                return found
    return found


@pytest.fixture(scope="module")
def detector():
    loaded = load_detector(str(WEIGHTS), PackLibrary())
    yield loaded
    loaded.close()


def test_is_recognised_as_yolox_of_coco(detector):
    assert detector.layout == "yolox"
    assert detector.size == (416, 416)
    assert detector.names[0] == "person"
    assert len(detector.names) == 80


@pytest.mark.parametrize("tiles", ["auto", Grid()])
def test_finds_the_person(tiles):
    """Frame 350 shows one man at a table; his box was drawn by hand."""
    one = OnnxDetector(WEIGHTS, Options(tiles=tiles))
    (found,) = one.detect(frames(CLIPS / "one-by-one-person.mp4", {350}))
    one.close()
    people = found[found.class_ids == 0]
    assert len(people) == 1
    assert people.confidences[0] > 0.6
    np.testing.assert_allclose(people.boxes, [(0.497, 0.01, 0.21, 0.87)], atol=0.03)


def test_a_batch_is_what_its_frames_are_one_by_one(detector):
    batch = [*frames(CLIPS / "one-by-one-person.mp4", {350, 400}), *frames(CLIPS / "cars.mp4", {200})]
    together = detector.detect(batch)
    for frame, found in zip(batch, together, strict=True):
        (alone,) = detector.detect([frame])
        np.testing.assert_allclose(found.boxes, alone.boxes, atol=1e-5)
        np.testing.assert_array_equal(found.class_ids, alone.class_ids)
