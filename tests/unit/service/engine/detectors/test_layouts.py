"""Which layout an output has, and layouts of other distributions."""

from __future__ import annotations

import numpy as np
import pytest

from models.packs import PackError, PackLibrary
from service.engine.detectors import detector_of
from service.engine.detectors.layouts import GROUP, foreign_layouts, layout_named, recognisable
from service.engine.detectors.onnx import OnnxDetector, Options
from service.frames import Frame, PreparedFrame
from support.distribution import write_distribution
from support.graphs import write_graph, write_pack, yolox_answer

ANCHORS = 8 * 8 + 4 * 4 + 2 * 2
ACME = '''
import numpy as np

from service.engine.detectors.layouts import Candidates


class Pairs:
    """One row of two numbers: where one small thing is."""

    name, rgb, unit_range, centred, suppressed = "pairs", True, True, False, True

    def recognises(self, shape, size):
        return shape[1:] == (1, 2)

    def classes(self, shape):
        return 1

    def decode(self, output, size, confidence):
        corners = np.concatenate([output, output + 8], axis=1)
        return Candidates(corners, np.ones(1, np.float32), np.zeros(1, np.int32))


class Failing:
    def __init__(self):
        raise RuntimeError("no licence found")


class Misnamed(Pairs):
    name = "others"


class Short:
    name = "short"


class Yolox(Pairs):
    name = "yolox"
'''


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    """A distribution with a layout that serves, and several that do not."""
    kinds = {"pairs": "Pairs", "failing": "Failing", "misnamed": "Misnamed", "short": "Short", "yolox": "Yolox"}
    points = {name: f"acme_layouts:{kind}" for name, kind in kinds.items()}
    write_distribution(tmp_path, "acme_layouts", ACME, {GROUP: {**points, "far": "acme_nowhere:Pairs"}})
    monkeypatch.syspath_prepend(tmp_path)
    foreign_layouts.cache_clear()
    yield
    foreign_layouts.cache_clear()


@pytest.mark.parametrize(
    ("shape", "size", "names"),
    [
        ((1, ANCHORS, 8), (64, 64), ["yolox", "yolox_decoded", "yolov5"]),
        ((1, 3 * ANCHORS, 8), (64, 64), ["yolov5"]),
        ((1, 7, ANCHORS), (64, 64), ["yolo"]),
        ((1, 9, ANCHORS + 1), (64, 64), ["yolo"]),  # with a grid of stride 64
        ((1, 300, 6), (64, 64), ["yolo_nms"]),
        ((1, ANCHORS, 6), (64, 64), ["yolox", "yolox_decoded", "yolov5"]),
        ((1, 50, 9), (64, 64), []),
        ((1, ANCHORS, 5), (64, 64), []),
        ((1, 4, ANCHORS), (64, 64), []),
        ((1, 7), (64, 64), []),
        ((1, 1, 300, 6), (64, 64), []),
    ],
)
def test_an_output_s_shape_tells_which_layouts_it_can_be_of(shape, size, names):
    assert [layout.name for layout in recognisable(shape, size)] == names


def test_a_layout_of_another_distribution_is_recognised_and_runs(foreign, tmp_path):
    path = write_graph(tmp_path / "pairs.onnx", np.array([[16.0, 32.0]]))
    detector = OnnxDetector(path, Options(classes=("thing",)), threads=1)
    assert detector.layout == "pairs"
    picture = np.full((64, 64, 3), 200, np.uint8)
    (objects,) = detector.detect([PreparedFrame("camera", 0, Frame(0, 0.0, 0.0, 0.0, picture), None)])
    detector.close()
    np.testing.assert_allclose(objects.boxes, [[16 / 64, 32 / 64, 8 / 64, 8 / 64]])


def test_those_that_do_not_serve_are_logged_and_left_out(foreign, caplog):
    assert list(foreign_layouts()) == ["pairs"]
    assert "failing is left out: RuntimeError: no licence found" in caplog.text
    assert "misnamed is left out: expected a Layout of this name" in caplog.text
    assert "short is left out: expected a Layout of this name" in caplog.text
    assert "yolox is left out" in caplog.text
    assert "far (acme_nowhere:Pairs) is left out: ModuleNotFoundError" in caplog.text
    assert layout_named("yolox").name == "yolox"


def test_a_layout_that_nobody_brings_names_those_that_there_are(foreign, tmp_path):
    write_pack(tmp_path, "mine", yolox_answer([], [], []), layout="rcnn")
    pack = PackLibrary([tmp_path]).get("mine")
    with pytest.raises(
        PackError, match="of motion, pairs, yolo, yolo_nms, yolov5, yolox, yolox_decoded, got rcnn"
    ) as caught:
        detector_of(pack)
    assert caught.value.code == "unknown_layout"


def test_a_graph_of_another_layout_than_the_manifest_s(foreign, tmp_path):
    path = write_graph(tmp_path / "graph.onnx", yolox_answer([], [], []))
    with pytest.raises(
        PackError, match=r"84 rows of 8, which is the layout yolox, not pairs as its pack says"
    ) as caught:
        OnnxDetector(path, Options(layout="pairs", classes=("a", "b", "c")), threads=1)
    assert caught.value.code == "wrong_layout"
