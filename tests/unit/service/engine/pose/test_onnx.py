"""Pose graphs of the known families: fed as they want, and read back into the picture."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from models.packs import PackError
from service.engine.pose import FoundPeople, OnnxPoseEstimator
from service.engine.pose.onnx import MAX_PEOPLE, surest
from support.poses import multipose, rtmpose, singlepose, stick, yolo_pose

WIDE = np.full((120, 240, 3), 200, np.uint8)
"""Twice as wide as high: letterboxed into a square, its rows lie in the middle half."""

NOBODY = np.zeros((0, 4), np.float32)


def test_multipose_finds_people_in_the_whole_picture(tmp_path):
    # In the input, rows from a quarter to three quarters are the picture's.
    inside = stick((0.25, 0.25, 0.5, 0.5))
    with closing(OnnxPoseEstimator(multipose(tmp_path / "many.onnx", [inside]))) as pose:
        assert (pose.layout, pose.whole, pose.size) == ("movenet-multipose", True, (64, 64))
        found, dark = pose.estimate([WIDE, WIDE * 0], [NOBODY, NOBODY])
    assert found.scores.tolist() == pytest.approx([0.8, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(found.points[0], stick((0.25, 0, 0.5, 1)), atol=1e-5)
    assert not dark.scores.any()


def test_singlepose_looks_at_a_square_around_each_box(tmp_path):
    with closing(OnnxPoseEstimator(singlepose(tmp_path / "one.onnx", stick((0.1, 0.1, 0.8, 0.8))))) as pose:
        assert (pose.layout, pose.whole) == ("movenet-singlepose", False)
        box, moved = np.array([[0.4, 0.2, 0.1, 0.4], [0.5, 0.2, 0.1, 0.4]], np.float32)
        none, two = pose.estimate([WIDE, WIDE], [NOBODY, np.stack([box, moved])])
    assert len(none) == 0
    assert len(two) == 2
    # 48 pixels high in the picture and 1.25 of that around: 60 pixels, of which a stick from 0.1 to 0.9 takes 48.
    np.testing.assert_allclose(two.points[0], stick((0.45 - 24 / 240, 0.2, 48 / 240, 0.4)), atol=1e-5)
    np.testing.assert_allclose(two.points[1] - two.points[0], np.tile([0.1, 0, 0], (17, 1)), atol=1e-5)


def test_a_box_that_reaches_out_of_the_picture_is_looked_at(tmp_path):
    with closing(OnnxPoseEstimator(singlepose(tmp_path / "one.onnx", stick((0, 0, 1, 1))))) as pose:
        (found,) = pose.estimate([WIDE], [np.array([[0.95, 0.8, 0.2, 0.5], [0, 0, 0, 0]], np.float32)])
    assert np.isfinite(found.points).all()


def test_rtmpose_takes_the_highest_bins(tmp_path):
    bins = [(joint, 2 * joint) for joint in range(17)]
    with closing(OnnxPoseEstimator(rtmpose(tmp_path / "simcc.onnx", bins))) as pose:
        assert (pose.layout, pose.size) == ("rtmpose", (24, 32))
        box = np.array([[0.4, 0.2, 24 / 240 / 1.25, 32 / 120 / 1.25]], np.float32)  # one pixel is one of the input
        one, two = pose.estimate([WIDE, WIDE], [box, np.concatenate([box, box])])
    assert (len(one), len(two)) == (1, 2)
    centre = (0.4 + box[0, 2] / 2) * 240, (0.2 + box[0, 3] / 2) * 120
    expected = [((centre[0] - 12 + x / 2) / 240, (centre[1] - 16 + y / 2) / 120, 0.7) for x, y in bins]
    np.testing.assert_allclose(one.points[0], expected, atol=1e-5)


def cells(rows):
    """A table of 56 rows in which a few of 84 cells are sure."""
    table = np.zeros((56, 84), np.float32)
    for cell, (box, score, points) in rows.items():
        table[:4, cell], table[4, cell] = box, score
        table[5:, cell] = (points * [64, 64, 1]).ravel()
    return table


def test_yolo_without_suppression_finds_each_once(tmp_path):
    inside = stick((0.25, 0.25, 0.5, 0.5))
    table = cells(
        {3: ((32, 32, 32, 32), 0.9, inside), 4: ((33, 32, 32, 32), 0.6, inside), 60: ((8, 8, 4, 4), 0.05, inside)}
    )
    with closing(OnnxPoseEstimator(yolo_pose(tmp_path / "yolo.onnx", table))) as pose:
        assert (pose.layout, pose.whole) == ("yolo-pose", True)
        (found,) = pose.estimate([WIDE], [NOBODY])
    assert found.scores.tolist() == pytest.approx([0.9])
    np.testing.assert_allclose(found.points[0], stick((0.25, 0, 0.5, 1)), atol=1e-4)


def test_yolo_with_suppression_is_read_row_by_row(tmp_path):
    inside = stick((0.25, 0.25, 0.5, 0.5))
    table = np.zeros((30, 57), np.float32)
    table[0, :6], table[0, 6:] = (16, 16, 48, 48, 0.7, 0), (inside * [64, 64, 1]).ravel()
    with closing(OnnxPoseEstimator(yolo_pose(tmp_path / "yolo.onnx", table))) as pose:
        (found,) = pose.estimate([WIDE], [NOBODY])
    assert found.scores.tolist() == pytest.approx([0.7])
    np.testing.assert_allclose(found.points[0], stick((0.25, 0, 0.5, 1)), atol=1e-4)


def test_it_is_remembered_by_its_name_and_its_content(tmp_path):
    one, other = multipose(tmp_path / "many.onnx", []), multipose(tmp_path / "others.onnx", [stick((0, 0, 1, 1))])
    with closing(OnnxPoseEstimator(one)) as first, closing(OnnxPoseEstimator(other)) as second:
        assert first.identity.startswith("many ")
        assert first.identity.split()[1] != second.identity.split()[1]
    with closing(OnnxPoseEstimator(one, pack=("movenet", "0" * 64))) as packed:
        assert (packed.name, packed.identity) == ("movenet", "movenet 000000000000")


def test_a_graph_that_is_no_pose_estimator_is_refused(tmp_path):
    (tmp_path / "broken.onnx").write_text("no graph")
    with pytest.raises(PackError, match="expected an ONNX graph"):
        OnnxPoseEstimator(tmp_path / "broken.onnx")


def test_of_a_crowd_the_surest_are_kept():
    people = FoundPeople(np.zeros((500, 17, 3), np.float32), np.linspace(0, 1, 500, dtype=np.float32))
    assert len(surest(people)) == MAX_PEOPLE
    assert surest(people).scores.min() > 0.79
    assert len(surest(people[np.arange(3)])) == 3
