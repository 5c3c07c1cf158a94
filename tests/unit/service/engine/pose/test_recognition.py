"""What a graph of poses is, and what is none."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from onnx import TensorProto

from models.packs import PackError
from service.engine.pose.recognition import recognise
from service.engine.session import Session
from support.poses import multipose, stick, write_pose_graph


def refused(path, wanted=None):
    with closing(Session(path)) as session, pytest.raises(PackError) as error:
        recognise(session, wanted)
    return error.value


def test_a_layout_can_be_named(tmp_path):
    with closing(Session(multipose(tmp_path / "many.onnx", []))) as session:
        layout, size = recognise(session, "movenet-multipose")
    assert (layout.name, size) == ("movenet-multipose", (64, 64))


def test_a_wrong_name_is_told_with_what_it_is(tmp_path):
    error = refused(multipose(tmp_path / "many.onnx", []), "rtmpose")
    assert error.code == "wrong_layout"
    assert "which is the layout movenet-multipose, not rtmpose as its pack says" in error.message


def test_an_unknown_name_is_told_with_those_that_there_are(tmp_path):
    error = refused(multipose(tmp_path / "many.onnx", []), "openpose")
    assert error.code == "unknown_layout"
    assert "movenet-multipose, movenet-singlepose, rtmpose, yolo-pose" in error.message


def test_a_graph_of_no_known_shape_is_refused_with_what_it_gives(tmp_path):
    path = write_pose_graph(tmp_path / "hands.onnx", (TensorProto.UINT8, (48, 48, 3)), {"hand": np.zeros((21, 3))})
    error = refused(path)
    assert error.code == "wrong_layout"
    assert "hand (1, 21, 3) float32, which is no layout of poses that is known" in error.message


def test_confidences_that_are_none_are_refused(tmp_path):
    path = multipose(tmp_path / "logits.onnx", [stick((0, 0, 1, 1), confidence=7.0)])
    assert "its confidences are not from 0 to 1: 0 to 7" in refused(path).message


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    path = multipose(tmp_path / "nan.onnx", [stick((0, 0, 1, 1), confidence=np.nan)])
    assert "numbers that are not finite" in refused(path).message
