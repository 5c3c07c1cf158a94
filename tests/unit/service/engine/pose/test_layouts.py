"""Layouts of this tree by shapes, and those of other distributions."""

from __future__ import annotations

import pytest

from models.graph import Tensor
from service.engine.pose.layouts import GROUP, LAYOUTS, foreign_layouts, layout_named
from support.distribution import write_distribution

PLANES, LAST = Tensor("image", "float32", (None, 3, 256, 192)), Tensor("image", "uint8", (1, 192, 192, 3))
ACME = """
class Hands:
    name, whole, around, context = "hands", False, 0, 1.0

    def recognises(self, inputs, outputs):
        return outputs[0].name == "hands"

    def size(self, taken):
        return 32, 32

    def feed(self, canvases, taken):
        return canvases

    def read(self, outputs, size):
        return []


class Failing:
    def __init__(self):
        raise RuntimeError("no licence found")


class RtmPose(Hands):
    name = "rtmpose"


class Short:
    name = "short"
"""


def output(*shapes):
    return [Tensor(f"out{index}", "float32", shape) for index, shape in enumerate(shapes)]


@pytest.mark.parametrize(
    ("taken", "shapes", "names"),
    [
        (LAST, [(1, 6, 56)], ["movenet-multipose"]),
        (LAST, [(1, 1, 17, 3)], ["movenet-singlepose"]),
        (PLANES, [(None, 17, 384), (None, 17, 512)], ["rtmpose"]),
        (PLANES, [(None, None, None), (None, None, None)], ["rtmpose"]),
        (PLANES, [(None, 17, 512), (None, 17, 384)], []),  # the other way round
        (PLANES, [(1, 56, 8400)], ["yolo-pose"]),
        (PLANES, [(1, 300, 57)], ["yolo-pose"]),
        (PLANES, [(1, 84, 8400)], []),
        (PLANES, [(1, 6, 56)], []),  # planes, where MoveNet takes its channels last
        (LAST, [(1, 300, 57)], []),
    ],
)
def test_shapes_tell_the_layout(taken, shapes, names):
    assert [each.name for each in LAYOUTS.values() if each.recognises([taken], output(*shapes))] == names


def test_layouts_of_other_distributions_are_found_and_broken_ones_left_out(tmp_path, monkeypatch, caplog):
    kinds = {"hands": "Hands", "failing": "Failing", "rtmpose": "RtmPose", "short": "Short"}
    write_distribution(tmp_path, "acme_poses", ACME, {GROUP: {name: f"acme_poses:{k}" for name, k in kinds.items()}})
    monkeypatch.syspath_prepend(tmp_path)
    foreign_layouts.cache_clear()
    try:
        assert list(foreign_layouts()) == ["hands"]
        assert layout_named("hands").size(LAST) == (32, 32)
        assert layout_named("rtmpose") is LAYOUTS["rtmpose"]
    finally:
        foreign_layouts.cache_clear()
    assert "pose layout failing is left out: RuntimeError: no licence found" in caplog.text
    assert "pose layout short is left out: expected a PoseLayout of this name" in caplog.text
