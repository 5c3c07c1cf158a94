"""Graphs are told by what they give, and what is not known is refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.packs import PackError
from service.engine.detectors.onnx import OnnxDetector, Options
from service.frames import Frame, PreparedFrame
from support.graphs import (
    write_constants,
    write_graph,
    write_open_graph,
    yolo_answer,
    yolo_nms_answer,
    yolov5_answer,
    yolox_answer,
    yolox_decoded_answer,
)

THREE = Options(classes=("person", "bicycle", "car"))
BOX = [(16, 24, 20, 32)]
CELLS = 84  # of 64x64


def noise(rows: int, columns: int, low: float, high: float) -> np.ndarray:
    return np.random.default_rng(rows + columns).uniform(low, high, (rows, columns)).astype(np.float32)


def refused(path: Path, options: Options = THREE) -> str:
    with pytest.raises(PackError) as caught:
        OnnxDetector(path, options, threads=1)
    assert caught.value.code == "wrong_layout"
    return str(caught.value)


def found(path: Path, width: int = 64, height: int = 64, options: Options = THREE) -> tuple[str, np.ndarray]:
    """The layout, and the boxes in a grey picture, in its pixels."""
    detector = OnnxDetector(path, options, threads=1)
    picture = np.full((height, width, 3), 200, np.uint8)
    (objects,) = detector.detect([PreparedFrame("camera", 0, Frame(0, 0.0, 0.0, 0.0, picture), None)])
    detector.close()
    return detector.layout, objects.boxes * (width, height, width, height)


def test_yolov5_with_open_axes_is_not_taken_for_yolox(tmp_path: Path) -> None:
    answer = yolov5_answer([(120, 85, 60, 150)], [0.9], [0], anchors=30_000)
    layout, boxes = found(write_open_graph(tmp_path / "five.onnx", answer, 3), 640, 480)
    assert layout == "yolov5"
    np.testing.assert_allclose(boxes, [(120, 85, 60, 150)], atol=0.5)


def test_yolox_with_open_axes_is_yolox(tmp_path: Path) -> None:
    answer = yolox_answer([], [], [], size=(640, 640))
    assert found(write_open_graph(tmp_path / "x.onnx", answer, 1), 640, 480)[0] == "yolox"


def test_yolov6_whose_objectness_is_1_is_read_as_yolov5(tmp_path: Path) -> None:
    answer = yolox_decoded_answer(BOX, [0.81], [1])
    answer[:, 4], answer[:, 5:] = 1, answer[:, 5:] ** 2
    layout, boxes = found(write_graph(tmp_path / "six.onnx", answer))
    assert layout == "yolov5"
    np.testing.assert_allclose(boxes, BOX, atol=0.5)


def test_yolox_is_told_from_yolox_with_its_decoding(tmp_path: Path) -> None:
    for answer, name in ((yolox_answer, "yolox"), (yolox_decoded_answer, "yolox_decoded")):
        layout, boxes = found(write_graph(tmp_path / f"{name}.onnx", answer(BOX, [0.9], [2])))
        assert layout == name
        np.testing.assert_allclose(boxes, BOX, atol=0.5)


def test_yolox_of_noise_is_yolox(tmp_path: Path) -> None:
    answer = np.concatenate([noise(CELLS, 4, -2, 3), noise(CELLS, 4, 0, 0.2)], axis=1)
    assert found(write_graph(tmp_path / "graph.onnx", answer))[0] == "yolox"


def test_a_manifest_that_says_another_layout_of_the_same_shape_is_refused(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "graph.onnx", yolox_decoded_answer(BOX, [0.9], [2]))
    said = refused(path, Options(layout="yolox", classes=THREE.classes))
    assert "84 rows of 8, which is the layout yolox_decoded, not yolox as its pack says." in said


def test_yolov8_on_its_side_is_not_taken_for_yolox(tmp_path: Path) -> None:
    answer = np.delete(yolox_decoded_answer(BOX, [0.9], [2]), 4, axis=1)
    said = refused(write_graph(tmp_path / "graph.onnx", answer))
    assert "84 rows of 7. That has the shape of yolox, but its boxes are no offsets from cells" in said
    assert "yolox_decoded, but it would have 2 classes, not 3" in said
    assert "--classes" in refused(write_graph(tmp_path / "unnamed.onnx", answer), Options())


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (noise(6, CELLS, 0, 64), "its scores are not from 0 to 1"),  # key points, in pixels
        (noise(32, CELLS, -3, 3), "its scores are not from 0 to 1"),  # coefficients of masks
        (noise(1, CELLS, -0.7, 2.3), "its scores are not from 0 to 1"),  # angles
    ],
    ids=["pose", "masks", "turned boxes"],
)
def test_yolov8_for_something_else_is_refused(tmp_path: Path, columns: np.ndarray, said: str) -> None:
    answer = np.concatenate([yolo_answer(BOX, [0.9], [2]), columns])
    message = refused(write_graph(tmp_path / "graph.onnx", answer))
    assert f"That has the shape of yolo, but {said}" in message
    assert "Known are YOLOX, YOLOv5" in message


def test_scores_that_are_logits_are_refused(tmp_path: Path) -> None:
    answer = np.concatenate([noise(4, CELLS, 4, 60), noise(3, CELLS, -9, 4)])
    assert "its scores are not from 0 to 1: -" in refused(write_graph(tmp_path / "graph.onnx", answer))


def test_boxes_as_fractions_are_refused(tmp_path: Path) -> None:
    answer = np.concatenate([noise(4, CELLS, 0, 1), noise(3, CELLS, 0, 0.1)])
    assert "fractions of the picture, not pixels" in refused(write_graph(tmp_path / "graph.onnx", answer))
    finished = np.zeros((300, 6), np.float32)
    finished[:, :2], finished[:, 2:4], finished[:, 4] = noise(300, 2, 0, 0.4), noise(300, 2, 0.5, 1), 0.1
    assert "fractions of the picture" in refused(write_graph(tmp_path / "finished.onnx", finished))


def test_rt_detr_is_refused_by_its_name(tmp_path: Path) -> None:
    answer = noise(300, 7, 0, 1)
    said = refused(write_graph(tmp_path / "graph.onnx", answer))
    assert "300 rows of 7, which is no layout that is known. Its boxes are fractions" in said
    assert "RT-DETR" in said
    path = write_graph(tmp_path / "open.onnx", answer, size=("width", "height"), shape=("rows", "columns"))
    assert "RT-DETR" in refused(path)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([0, 0.9, 4, 8, 20, 40], "its last column holds no classes|not from 0 to 1"),
        ([4, 8, 20, 40, 2, 0.9], "its last column holds no classes"),
        ([20, 40, 4, 8, 0.9, 1], "its boxes are not given by two corners"),
    ],
    ids=["class first", "class before score", "corners in another order"],
)
def test_finished_boxes_in_another_order_are_refused(tmp_path: Path, rows: list[float], said: str) -> None:
    answer = np.tile(np.array(rows, np.float32), (100, 1))
    with pytest.raises(PackError, match=said):
        OnnxDetector(write_graph(tmp_path / "graph.onnx", answer), THREE, threads=1)


def test_finished_boxes_that_are_none_at_all_are_believed(tmp_path: Path) -> None:
    assert found(write_graph(tmp_path / "graph.onnx", yolo_nms_answer([], [], [])))[0] == "yolo_nms"


def test_a_number_of_rows_that_depends_on_the_picture_is_refused(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("ReduceMax", ["images"], ["most"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Cast", ["most"], ["count"], to=TensorProto.INT64),
        helper.make_node("Unsqueeze", ["count", "axis"], ["rows"]),
        helper.make_node("Concat", ["one", "rows", "six"], ["shape"], axis=0),
        helper.make_node("ConstantOfShape", ["shape"], ["output"]),
    ]
    constants = [
        onnx.numpy_helper.from_array(np.array(value, np.int64), name)
        for name, value in {"axis": [0], "one": [1], "six": [6]}.items()
    ]
    graph = helper.make_graph(
        nodes,
        "varying",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, "found", 6])],
        constants,
    )
    path = tmp_path / "graph.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    assert "How many rows it gives must not depend on what is seen" in refused(path)


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ({"output0": (1, 39, 84), "output1": (1, 32, 16, 16)}, "It seems to draw outlines"),
        ({"logits": (1, 100, 92), "pred_boxes": (1, 100, 4)}, "of the DETR family"),
        ({"a": (1, 3, 8, 8, 85), "b": (1, 3, 4, 4, 85), "c": (1, 3, 2, 2, 85)}, "whose boxes are not decoded"),
        ({"num_dets": (1, 1), "det_boxes": (1, 100, 4), "s": (1, 100), "c": (1, 100)}, "suppression built in"),
        ({"boxes": (7, 4), "labels": (7,), "scores": (7,)}, "an SSD, a Faster R-CNN"),
    ],
)
def test_graphs_of_several_outputs_are_refused_by_what_they_seem_to_be(
    tmp_path: Path, outputs: dict[str, tuple[int, ...]], said: str
) -> None:
    arrays = {name: np.zeros(shape, np.float32) for name, shape in outputs.items()}
    message = refused(write_constants(tmp_path / "graph.onnx", arrays))
    assert "takes one input of float32 (batch, 3, height, width) and gives one output" in message
    assert said in message


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"image": [1, 64, 64, 3]}, "takes its channels last"),
        ({"im_shape": [1, 2], "image": [1, 3, 64, 64], "scale_factor": [1, 2]}, "RT-DETR of PaddlePaddle"),
    ],
)
def test_inputs_that_are_no_picture_are_refused(tmp_path: Path, inputs: dict[str, list[int]], said: str) -> None:
    path = write_constants(tmp_path / "graph.onnx", {"output": yolo_nms_answer([], [], [])[None]}, inputs=inputs)
    assert said in refused(path)


@pytest.mark.parametrize(("shape", "said"), [((1, 1, 100, 7), "an SSD"), ((9, 7), "YOLOv7 exported with")])
def test_one_output_that_is_no_table_a_picture_is_refused(tmp_path: Path, shape: tuple[int, ...], said: str) -> None:
    assert said in refused(write_constants(tmp_path / "graph.onnx", {"output": np.zeros(shape, np.float32)}))


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    answer = yolox_answer(BOX, [0.9], [2])
    answer[3, 2] = np.nan
    assert "not finite" in refused(write_graph(tmp_path / "graph.onnx", answer))
