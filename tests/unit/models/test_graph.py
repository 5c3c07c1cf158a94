"""ONNX files read by their structure: what they say, and everything that is no ONNX file."""

from __future__ import annotations

import contextlib
import random
import struct

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.graph import NotAGraph, read_signature
from support.encoders import image_graph, temporal_graph
from support.graphs import write_graph, yolox_answer


@pytest.fixture
def graph(tmp_path):
    return write_graph(tmp_path / "graph.onnx", yolox_answer([], [], []), size=("width", 64))


def test_says_what_a_graph_takes_and_gives(tmp_path, graph):
    signature = read_signature(graph)
    assert [str(tensor) for tensor in signature.inputs] == ["images (any, 3, 64, any) float32"]
    assert [str(tensor) for tensor in signature.outputs] == ["output (any, 84, 8) float32"]
    crops = read_signature(image_graph(tmp_path / "image.onnx"))
    assert [str(tensor) for tensor in crops.inputs] == ["crops (any, 16, 16, 3) uint8"]
    clips = read_signature(temporal_graph(tmp_path / "clips.onnx", geometry=True))
    assert [str(tensor) for tensor in clips.inputs] == ["frames (any, 9, 8) float32", "geometry (any, 9, 5) float32"]


def test_weights_that_are_listed_as_inputs_are_none(tmp_path):
    weight = numpy_helper.from_array(np.ones(3, np.float32), "weight")
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in ("x", "weight")]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])
    node = helper.make_node("Add", ["x", "weight"], ["y"])
    onnx.save(helper.make_model(helper.make_graph([node], "old", inputs, [output], [weight])), tmp_path / "old.onnx")
    assert [tensor.name for tensor in read_signature(tmp_path / "old.onnx").inputs] == ["x"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "no graph", id="empty"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(100), "it is a PNG picture", id="picture"),
        pytest.param(b"PK\x03\x04" + bytes(100), "zip archive, such as a torch checkpoint", id="checkpoint"),
        pytest.param(b"\x80\x02}q\x00." + bytes(20), "a pickle", id="pickle"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\noid sha256:12", "Git LFS pointer", id="pointer"),
        pytest.param(b"<!doctype html><title>Sign in</title>", "HTML", id="login page"),
        pytest.param(b"hello, I am a graph", "protobuf|no graph", id="text"),
        pytest.param(bytes(1000), "protobuf", id="zeros"),
        pytest.param(b"\xff" * 1000, "protobuf", id="ones"),
        pytest.param(b"\x08\x08\x3a\x00", "no graph", id="an empty graph"),
        pytest.param(b"\x08\x08\x3a\x02\x12\x00", "gives nothing", id="a graph of no output"),
        pytest.param(b"\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "cut short", id="claims 2**63 bytes"),
    ],
)
def test_what_is_no_graph_is_refused_and_named(tmp_path, content, said):
    (tmp_path / "graph.onnx").write_bytes(content)
    with pytest.raises(NotAGraph, match=said):
        read_signature(tmp_path / "graph.onnx")


def test_a_graph_that_is_cut_short_is_refused(graph):
    content = graph.read_bytes()
    for length in range(0, len(content) - 1, 97):
        graph.write_bytes(content[:length])
        with pytest.raises(NotAGraph):
            read_signature(graph)


def test_damage_anywhere_is_refused_or_read_but_never_crashes(graph):
    content, source = graph.read_bytes(), random.Random(1)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(source.randint(1, 8)):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        graph.write_bytes(damaged)
        with contextlib.suppress(NotAGraph):
            read_signature(graph)


def elsewhere():
    """Three numbers in a file that no manifest speaks of."""
    tensor = numpy_helper.from_array(np.ones(3, np.float32), "weight")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    return tensor


def model_of(nodes=(), **more):
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])
    nodes = [*nodes, helper.make_node("Identity", ["weight"], ["y"])]
    model = helper.make_model(helper.make_graph(nodes, "leans", [], [output]))
    model.MergeFrom(onnx.ModelProto(**more))
    return model


def constant(**value):
    return helper.make_node("Constant", [], ["weight"], **value)


def graph_of(*nodes, **more):
    return onnx.GraphProto(node=nodes, **more)


def sparse(values=None, indices=None):
    return onnx.SparseTensorProto(values=values, indices=indices, dims=[3])


HIDDEN = {
    "weight": model_of(graph=graph_of(initializer=[elsewhere()])),
    "sparse weight": model_of(graph=graph_of(sparse_initializer=[sparse(values=elsewhere())])),
    "attribute": model_of([constant(value=elsewhere())]),
    "attribute of many": model_of([constant(values=[elsewhere()])]),
    "sparse attribute": model_of([constant(sparse_value=sparse(indices=elsewhere()))]),
    "sparse attribute of many": model_of([constant(sparse_values=[sparse(values=elsewhere())])]),
    "branch": model_of([helper.make_node("If", ["x"], ["y"], then_branch=graph_of(constant(value=elsewhere())))]),
    "branches": model_of([helper.make_node("If", [], [], of=[graph_of(initializer=[elsewhere()])])]),
    "function": model_of(functions=[onnx.FunctionProto(node=[constant(value=elsewhere())])]),
    "function's default": model_of(
        functions=[onnx.FunctionProto(attribute_proto=[helper.make_attribute("value", elsewhere())])]
    ),
    "training": model_of(training_info=[onnx.TrainingInfoProto(algorithm=graph_of(initializer=[elsewhere()]))]),
}


@pytest.mark.parametrize("place", HIDDEN)
def test_weights_in_other_files_are_refused(tmp_path, place):
    """They would be read without ever having been verified, from wherever the graph says."""
    (tmp_path / "graph.onnx").write_bytes(HIDDEN[place].SerializeToString())
    with pytest.raises(NotAGraph, match="another file"):
        read_signature(tmp_path / "graph.onnx")


def test_a_key_that_protobuf_cuts_off_is_refused(tmp_path):
    """To ONNX Runtime, field 13 + 2**29 of a tensor is field 13: data in another file."""
    tensor = elsewhere()
    entry = tensor.external_data[0].SerializeToString()
    key = b"\xea\x80\x80\x80\x10"  # 13 << 3 | 2, and 1 << 32
    tensor.ClearField("external_data")
    tensor.ClearField("data_location")
    content = tensor.SerializeToString() + key + bytes([len(entry)]) + entry
    graph = model_of().graph.SerializeToString() + message(5, content)
    (tmp_path / "graph.onnx").write_bytes(b"\x08\x08" + message(7, graph))
    with pytest.raises(NotAGraph, match="no protobuf"):
        read_signature(tmp_path / "graph.onnx")


@pytest.mark.parametrize("name", ["graph.ort", "graph.ORT"])
def test_a_name_that_makes_it_another_format_is_refused(graph, name):
    """ONNX Runtime would not read it as the protobuf that was looked at."""
    with pytest.raises(NotAGraph, match="own format"):
        read_signature(graph.rename(graph.with_name(name)))


def message(number, content):
    """A field of a message that holds one."""
    length, encoded = len(content), b""
    while length > 0x7F:
        encoded, length = encoded + bytes([length & 0x7F | 0x80]), length >> 7
    return struct.pack("B", number << 3 | 2) + encoded + bytes([length]) + content


def test_graphs_nested_without_end_are_refused(tmp_path):
    inner = b""
    for _ in range(500):
        inner = message(1, message(5, message(6, inner)))
    content = b"\x08\x08" + message(7, inner + message(12, message(1, b"y")))
    (tmp_path / "graph.onnx").write_bytes(content)
    with pytest.raises(NotAGraph, match="nested"):
        read_signature(tmp_path / "graph.onnx")
