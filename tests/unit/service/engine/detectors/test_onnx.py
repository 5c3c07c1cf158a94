"""Detectors over graphs whose answers are computed backwards from boxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.observation import UNTRACKED
from models.packs import PackError
from service.engine.detectors.coco import COCO
from service.engine.detectors.onnx import OnnxDetector, Options, suppress
from service.engine.detectors.tiles import Grid
from service.frames import Frame, PreparedFrame
from support.graphs import (
    write_graph,
    yolo_answer,
    yolo_nms_answer,
    yolov5_answer,
    yolox_answer,
    yolox_decoded_answer,
)

NAMES = ("person", "bicycle", "car")
BOXES = [(4, 8, 20, 40), (40, 24, 16, 8), (33, 40, 12, 12)]
SCORES = [0.9, 0.6, 0.4]
CLASSES = [0, 2, 1]
LAYOUTS: dict[str, Callable[..., np.ndarray]] = {
    "yolox": yolox_answer,
    "yolox_decoded": yolox_decoded_answer,
    "yolov5": yolov5_answer,
    "yolo": yolo_answer,
    "yolo_nms": yolo_nms_answer,
}
BGR_255 = {"yolox", "yolox_decoded"}
"""Those that want blue first, values up to 255, and the picture top left."""


def frame(picture, pts=0.0):
    return PreparedFrame("camera", 0, Frame(0, pts, 0.0, 0.0, picture), None)


def grey(width=64, height=64, level=200):
    return np.full((height, width, 3), level, np.uint8)


def options(**changes):
    return Options(**{"classes": NAMES, "tiles": Grid(), **changes})


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return request.param


def detector(tmp_path, layout, **changes):
    graph = {name: changes.pop(name) for name in ("batch", "channel", "threshold") if name in changes}
    found = {name: changes.pop(name, default) for name, default in (("boxes", BOXES), ("scores", SCORES))}
    class_ids = changes.pop("class_ids", CLASSES[: len(found["boxes"])])
    answer = LAYOUTS[layout](found["boxes"], found["scores"], class_ids)
    return OnnxDetector(write_graph(tmp_path / "graph.onnx", answer, **graph), options(**changes), threads=1)


def test_finds_the_boxes_that_the_graph_gives(tmp_path, layout):
    one = detector(tmp_path, layout)
    assert one.layout == layout
    assert one.names == NAMES
    (found,) = one.detect([frame(grey())])
    np.testing.assert_allclose(found.boxes * 64, BOXES, atol=1e-3)
    np.testing.assert_allclose(found.confidences, SCORES, atol=1e-6)
    assert found.class_ids.tolist() == CLASSES
    assert (found.track_ids == UNTRACKED).all()
    assert found.boxes.dtype == found.confidences.dtype == np.float32
    assert found.class_ids.dtype == np.int32
    assert found.track_ids.dtype == np.int64


@pytest.mark.parametrize("shape", [(128, 64), (64, 128), (1280, 720), (30, 30)])
def test_boxes_are_fractions_of_the_picture_whatever_its_shape(tmp_path, layout, shape):
    width, height = shape
    scale = 64 / max(shape)
    left, top = (0, 0) if layout in BGR_255 else ((64 - width * scale) / 2, (64 - height * scale) / 2)
    wanted = np.array([(0.25, 0.25, 0.5, 0.25)])
    x, y, w, h = wanted[0] * (width, height, width, height) * scale
    (found,) = detector(tmp_path, layout, boxes=[(x + left, y + top, w, h)], scores=[0.9]).detect(
        [frame(grey(width, height))]
    )
    np.testing.assert_allclose(found.boxes, wanted, atol=0.01)


def test_boxes_end_at_the_picture(tmp_path, layout):
    (found,) = detector(tmp_path, layout, boxes=[(-6, -6, 20, 20), (44, 44, 30, 30)], scores=[0.9, 0.8]).detect(
        [frame(grey())]
    )
    np.testing.assert_allclose(found.boxes * 64, [(0, 0, 14, 14), (44, 44, 20, 20)], atol=1e-3)


def test_leaves_out_what_is_below_the_confidence(tmp_path, layout):
    (found,) = detector(tmp_path, layout, confidence=0.5).detect([frame(grey())])
    assert found.class_ids.tolist() == CLASSES[:2]
    (found,) = detector(tmp_path, layout, confidence=0.95).detect([frame(grey())])
    assert len(found) == 0
    assert found.names == NAMES
    assert found.boxes.shape == (0, 4)


@pytest.mark.parametrize(("class_ids", "left"), [([0, 0, 0], 2), ([0, 1, 0], 3)])
@pytest.mark.parametrize("layout", ["yolox", "yolox_decoded", "yolov5", "yolo"])
def test_suppresses_overlapping_boxes_of_one_class(tmp_path, layout, class_ids, left):
    boxes = [(4, 8, 20, 40), (12, 8, 20, 40), (40, 8, 20, 40)]
    one = detector(tmp_path, layout, boxes=boxes, scores=[0.9, 0.8, 0.7], class_ids=class_ids, overlap=0.4)
    (found,) = one.detect([frame(grey())])
    assert len(found) == left
    assert found.confidences[0] == pytest.approx(0.9)


def test_a_graph_that_has_suppressed_boxes_itself_is_believed(tmp_path):
    boxes = [(4, 8, 20, 40), (5, 8, 20, 40)]
    (found,) = detector(tmp_path, "yolo_nms", boxes=boxes, scores=[0.9, 0.8], class_ids=[0, 0]).detect([frame(grey())])
    assert len(found) == 2


@pytest.mark.parametrize("batch", ["batch", 1, 2, 4])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 19])
def test_a_batch_gives_what_single_frames_give(tmp_path, layout, batch, count):
    """Dark pictures get no answer from the graph, so a wrong order would show."""
    one = detector(tmp_path, layout, batch=batch, threshold=120.0 if layout in BGR_255 else 0.5)
    frames = [frame(grey(64 + 8 * (index % 3), level=220 if index % 2 == 0 else 0)) for index in range(count)]
    together, alone = one.detect(frames), [one.detect([each])[0] for each in frames]
    assert [len(found) for found in together] == [3 if index % 2 == 0 else 0 for index in range(count)]
    for batched, single in zip(together, alone, strict=True):
        np.testing.assert_array_equal(batched.boxes, single.boxes)
        np.testing.assert_array_equal(batched.confidences, single.confidences)


def test_no_frames_give_nothing(tmp_path, layout):
    assert detector(tmp_path, layout).detect([]) == []


@pytest.mark.parametrize(
    ("layout", "channel", "threshold", "colour", "seen"),
    [
        pytest.param("yolox", 0, 200, (255, 0, 0), True, id="YOLOX sees blue first, to 255"),
        pytest.param("yolox", 0, 200, (0, 0, 255), False, id="and not red"),
        pytest.param("yolo", 0, 0.9, (0, 0, 255), True, id="YOLO sees red first, to 1"),
        pytest.param("yolo", 0, 0.9, (255, 0, 0), False, id="and not blue"),
        pytest.param("yolo", 0, 1.01, (0, 0, 255), False, id="and never above 1"),
        pytest.param("yolo_nms", 0, 0.9, (0, 0, 255), True, id="YOLO26 as YOLO"),
        pytest.param("yolov5", 0, 0.9, (0, 0, 255), True, id="YOLOv5 as YOLO"),
        pytest.param("yolov5", 0, 1.01, (0, 0, 255), False, id="and never above 1 either"),
    ],
)
def test_feeds_colours_as_the_family_was_trained(tmp_path, layout, channel, threshold, colour, seen):
    picture = np.full((64, 64, 3), colour, np.uint8)
    one = detector(tmp_path, layout, channel=channel, threshold=threshold)
    assert (len(one.detect([frame(picture)])[0]) > 0) is seen


def test_a_graph_of_any_size_gets_the_shape_of_the_picture(tmp_path):
    answer = yolo_nms_answer([(0, 0, 320, 192)], [0.9], [0])
    path = write_graph(tmp_path / "graph.onnx", answer, size=("width", "height"))
    one = OnnxDetector(path, options(tiles="auto"), threads=1)
    assert one.size is None
    wide, tall = one.detect([frame(grey(1280, 720)), frame(grey(720, 1280))])
    # 1280x720 goes into 640x352: the box covers half of the width, and a little more than half of the height.
    np.testing.assert_allclose(wide.boxes, [(0, 0, 0.5, 192 / 352)], atol=0.02)
    np.testing.assert_allclose(tall.boxes, [(0, 0, 320 / 352, 0.3)], atol=0.02)


def test_tiles_show_each_part_and_boxes_come_back_to_their_places(tmp_path):
    """Every lit tile answers with one box in its own place; the right half is dark."""
    answer = yolox_answer([(8, 8, 16, 16)], [0.9], [0])
    one = OnnxDetector(
        write_graph(tmp_path / "graph.onnx", answer, threshold=60.0), options(tiles=Grid(2, 1)), threads=1
    )
    picture = grey(128, 64, level=0)
    picture[:, :64] = 200
    (found,) = one.detect([frame(picture)])
    np.testing.assert_allclose(found.boxes * (128, 64, 128, 64), [(8.75, 8.75, 17.5, 17.5)], atol=0.2)
    (both,) = one.detect([frame(grey(128, 64))])
    assert len(both) == 2
    assert np.ptp(both.boxes[:, 0] * 128) == pytest.approx(128 - 70, abs=0.1)


def test_names_come_from_options_then_metadata_then_coco(tmp_path):
    answer = yolo_answer([], [], [], classes=3)
    metadata = {"names": "{0: 'cat', 1: 'dog', 2: 'cow'}"}
    path = write_graph(tmp_path / "graph.onnx", answer, metadata=metadata)
    assert OnnxDetector(path).names == ("cat", "dog", "cow")
    assert OnnxDetector(path, Options(classes=NAMES)).names == NAMES
    for text in ("__import__('os').getcwd()", "{0: 'cat'}", "[1, 2]", "{" * 500, "{'a': 'b'}"):
        path = write_graph(tmp_path / "graph.onnx", answer, metadata={"names": text})
        assert OnnxDetector(path).names == ("class 0", "class 1", "class 2")
    coco = write_graph(tmp_path / "coco.onnx", yolo_answer([], [], [], classes=80, anchors=189), size=(96, 96))
    assert OnnxDetector(coco).names == COCO
    assert len(COCO) == len(set(COCO)) == 80


@pytest.mark.parametrize(
    ("graph", "changes", "code", "said"),
    [
        pytest.param(
            {"answer": np.zeros((50, 9))}, {}, "wrong_layout", "64x64 this graph gives 50 rows of 9.*YOLO26", id="rows"
        ),
        pytest.param({"answer": np.zeros(7)}, {}, "wrong_layout", "1 rows of 7, which is no layout", id="rank"),
        pytest.param({"dtype": 2}, {}, "wrong_layout", "one input of float32.*uint8", id="uint8 input"),
        pytest.param({}, {"layout": "yolo"}, "wrong_layout", "the layout yolox, not yolo as its pack says", id="other"),
        pytest.param({}, {"size": (96, 64)}, "wrong_shape", r"\(96, 64\).*64x64", id="size"),
        pytest.param({}, {"classes": NAMES[:2]}, "wrong_shape", "2 classes, got a graph of 3", id="classes"),
    ],
)
def test_says_what_was_expected_and_what_came(tmp_path, graph, changes, code, said):
    arguments = {"answer": yolox_answer([], [], []), **graph}
    path = write_graph(tmp_path / "graph.onnx", arguments.pop("answer"), **arguments)
    with pytest.raises(PackError, match=said) as caught:
        OnnxDetector(path, options(**changes))
    assert caught.value.code == code


@given(data=st.data(), count=st.integers(0, 40), overlap=st.sampled_from([0.3, 0.5, 0.7]))
@settings(max_examples=60, deadline=None)
def test_suppression_is_what_the_slow_one_says(data, count, overlap):
    corners = data.draw(arrays.arrays(np.float32, (count, 2), elements=st.floats(0, 60, width=32)))
    sides = data.draw(arrays.arrays(np.float32, (count, 2), elements=st.floats(1, 40, width=32)))
    boxes = np.concatenate([corners, corners + sides], axis=1)
    scores = np.linspace(0.9, 0.3, count, dtype=np.float32)
    class_ids = data.draw(arrays.arrays(np.int32, count, elements=st.integers(0, 2)))
    shuffled = np.random.default_rng(count).permutation(count)
    kept = suppress(boxes[shuffled], scores[shuffled], class_ids[shuffled], overlap)
    assert shuffled[kept].tolist() == slow_suppression(boxes.astype(np.float64), class_ids, overlap)


def slow_suppression(boxes, class_ids, overlap):
    """Over boxes that are in order of their scores."""
    kept: list[Any] = []
    for index, box in enumerate(boxes):
        for other in kept:
            if class_ids[other] == class_ids[index]:
                low, high = np.maximum(box[:2], boxes[other][:2]), np.minimum(box[2:], boxes[other][2:])
                shared = np.prod(np.maximum(high - low, 0))
                areas = [np.prod(each[2:] - each[:2]) for each in (box, boxes[other])]
                if shared / (sum(areas) - shared) > overlap:
                    break
        else:
            kept.append(index)
    return kept


def test_closing_twice_is_fine_and_then_it_detects_no_more(tmp_path):
    one = detector(tmp_path, "yolox")
    one.close()
    one.close()
    with pytest.raises(RuntimeError, match="closed"):
        one.detect([frame(grey())])
