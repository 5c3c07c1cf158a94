"""The real pose estimators on real footage: somebody who stands has a head above hips above ankles."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest

from models.inputs import KEYPOINTS
from service.engine.appearance import OnnxAppearance
from service.engine.pose import OnnxPoseEstimator

SHARED = Path(__file__).resolve().parents[5] / "shared"
WEIGHTS = SHARED / "weights"
FALLS = SHARED / "data" / "falls"

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not (WEIGHTS / "movenet_multipose.onnx").is_file(), reason="needs ../shared/weights/movenet_*"),
]

STANDING = np.array([0.62, 0.33, 0.16, 0.66], np.float32)
"""Where he stands in the first second of a01_t1."""


@pytest.fixture(scope="module")
def picture():
    """The tenth frame of a person who stands, and later falls."""
    with av.open(str(FALLS / "a01_t1.mp4")) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index == 9:
                return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    raise AssertionError(FALLS)


@pytest.mark.parametrize(
    ("weights", "layout"), [("movenet_multipose", "movenet-multipose"), ("movenet_lightning", "movenet-singlepose")]
)
def test_somebody_who_stands_is_upright(picture, weights, layout):
    with closing(OnnxPoseEstimator(WEIGHTS / f"{weights}.onnx")) as pose:
        assert pose.layout == layout
        (people,) = pose.estimate([picture], [STANDING[None]])
    points = people.points[people.scores.argmax()]
    assert people.scores.max() > 0.3
    assert (points[:13, 2] > 0.3).sum() >= 9  # of head, arms and hips
    heights = dict(zip(KEYPOINTS, points[:, 1].tolist(), strict=True))
    assert heights["nose"] < heights["left shoulder"] < heights["left hip"] < heights["left knee"]
    assert heights["nose"] < heights["right shoulder"] < heights["right hip"] < heights["right knee"]
    assert max(heights["left knee"], heights["right knee"]) < max(heights["left ankle"], heights["right ankle"])
    x, y, width, height = STANDING
    torso = points[[5, 6, 11, 12], :2]
    assert ((torso > [x, y]) & (torso < [x + width, y + height])).all()


@pytest.mark.parametrize(("weights", "dim"), [("mobilenetv2_1280", 1280), ("osnet_x0_25_msmt17", 512)])
def test_a_person_looks_like_himself_more_than_like_the_room(picture, weights, dim):
    with closing(OnnxAppearance(WEIGHTS / f"{weights}.onnx")) as network:
        boxes = [STANDING, STANDING + np.array([0.01, 0.01, 0, 0], np.float32), np.array([0.3, 0.4, 0.16, 0.3])]
        him, again, room = network.embed(np.stack([network.cut(picture, box) for box in boxes]))
    assert him.shape == (dim,)
    assert np.linalg.norm(him) == pytest.approx(1, abs=1e-5)
    assert him @ again > 0.9 > him @ room
