"""Image networks: fed as ImageNet's are, and their vectors made unit length."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models.packs import PackError
from service.engine.appearance.onnx import DEVIATION, MEAN, ImageOptions, OnnxAppearance


def colours(path, *, size=(32, 32), batch="batch", outputs=2):
    """A graph that gives each channel's mean, of a picture of this size."""
    axes = [2, 3] if outputs == 2 else [3]
    node = helper.make_node("ReduceMean", ["image"], ["features"], axes=axes, keepdims=0)
    shape = [batch, 3] if outputs == 2 else [batch, 3, size[1]]
    graph = helper.make_graph(
        [node],
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, size[1], size[0]])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


@pytest.mark.parametrize("batch", ["batch", 1])
def test_pictures_are_fed_as_the_networks_of_imagenet_are(tmp_path, batch):
    crops = np.zeros((3, 32, 32, 3), np.uint8)
    crops[:] = (0, 128, 255)  # blue, green, red
    crops[1] = (255, 0, 0)
    with closing(OnnxAppearance(colours(tmp_path / "colours.onnx", batch=batch))) as network:
        assert (network.name, network.dim, network.size) == ("colours", 3, (32, 32))
        given = network.embed(crops)
    fed = (np.array([[1, 128 / 255, 0], [0, 0, 1], [1, 128 / 255, 0]]) - MEAN) / DEVIATION
    np.testing.assert_allclose(given, fed / np.linalg.norm(fed, axis=1, keepdims=True), atol=1e-5)


def test_a_pack_says_how_it_is_fed(tmp_path):
    options = ImageOptions((16, 16), (0.0, 0.0, 0.0), (0.5, 1.0, 1.0))
    path = colours(tmp_path / "colours.onnx", size=("width", "height"))
    with closing(OnnxAppearance(path, options, pack=("looks", "f" * 64))) as network:
        assert (network.size, network.identity) == ((16, 16), "looks ffffffffffff")
        given = network.embed(np.full((1, 16, 16, 3), 255, np.uint8))
    np.testing.assert_allclose(given, [np.array([2, 1, 1]) / np.sqrt(6)], atol=1e-6)


def test_a_square_is_cut_in_proportion_and_a_body_is_stretched(tmp_path):
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[20:60, 100:120] = 255
    box = np.array([0.5, 0.2, 0.1, 0.4], np.float32)
    with closing(OnnxAppearance(colours(tmp_path / "square.onnx"))) as square:
        cut = square.cut(picture, box)
    assert cut.shape == (32, 32, 3)
    assert 0.3 < (cut > 127).mean() < 0.6  # a body half as wide as high, and some ground
    with closing(OnnxAppearance(colours(tmp_path / "body.onnx", size=(16, 32)))) as body:
        cut = body.cut(picture, box)
        assert cut.shape == (32, 16, 3)
        assert (cut == 255).all()
        assert body.cut(picture, np.array([1.2, 1.2, 0.1, 0.1], np.float32)).shape == (32, 16, 3)


def test_what_is_no_image_network_is_refused(tmp_path):
    with pytest.raises(PackError, match="expected a graph that gives one vector for one picture"):
        OnnxAppearance(colours(tmp_path / "rows.onnx", outputs=3))
    with pytest.raises(PackError, match="expected an input of 64x64, got a graph of 32x32"):
        OnnxAppearance(colours(tmp_path / "colours.onnx"), ImageOptions((64, 64)))
