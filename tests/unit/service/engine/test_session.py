from __future__ import annotations

import threading

import numpy as np
import pytest
from onnx import TensorProto

from models.packs import PackError
from service.engine.session import BUCKETS, Session, _plan
from support.graphs import write_graph, write_sum, yolox_answer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(1000)


@pytest.mark.parametrize(
    ("count", "fixed", "pad", "runs"),
    [
        (1, None, False, [(0, 1, 1)]),
        (3, None, False, [(0, 2, 2), (2, 1, 1)]),
        (16, None, False, [(0, 16, 16)]),
        (23, None, False, [(0, 16, 16), (16, 4, 4), (20, 2, 2), (22, 1, 1)]),
        (3, None, True, [(0, 3, 4)]),
        (17, None, True, [(0, 16, 16), (16, 1, 1)]),
        (30, None, True, [(0, 16, 16), (16, 14, 16)]),
        (3, 1, False, [(0, 1, 1), (1, 1, 1), (2, 1, 1)]),
        (5, 4, False, [(0, 4, 4), (4, 1, 4)]),
        (5, 4, True, [(0, 4, 4), (4, 1, 4)]),
        (0, None, True, []),
    ],
)
def test_batches_are_run_in_few_sizes(count, fixed, pad, runs):
    assert list(_plan(count, fixed, pad=pad)) == runs


@pytest.mark.parametrize("pad", [True, False])
def test_every_item_is_run_once_whatever_the_count(pad):
    for count in range(70):
        runs = list(_plan(count, None, pad=pad))
        assert [item for start, items, _ in runs for item in range(start, start + items)] == list(range(count))
        assert {size for *_, size in runs} <= set(BUCKETS)


@pytest.mark.parametrize("batch", ["batch", 1, 4])
def test_results_are_those_of_the_items_not_of_the_padding(tmp_path, batch):
    session = Session(write_graph(tmp_path / "graph.onnx", yolox_answer([], [], []) + 1, batch=batch), threads=1)
    pictures = np.zeros((7, 3, 64, 64), np.float32)
    pictures[[1, 2, 6]] = 9
    output = session.first(pictures)
    assert output.shape == (7, 84, 8)
    assert output[:, 0, 0].tolist() == [0, 1, 1, 0, 0, 0, 1]


def test_says_what_the_graph_takes_and_gives(tmp_path):
    session = Session(write_graph(tmp_path / "graph.onnx", yolox_answer([], [], []), metadata={"task": "detect"}))
    assert str(session.inputs[0]) == "images (any, 3, 64, 64) float32"
    assert str(session.outputs[0]) == "output (any, 84, 8) float32"
    assert session.metadata["task"] == "detect"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(None, "missing_file", id="no file"),
        pytest.param(b"", "bad_graph", id="empty"),
        pytest.param(PNG, "bad_graph", id="a picture"),
        pytest.param(b"hello, I am a graph", "bad_graph", id="a text"),
        pytest.param("half", "bad_graph", id="truncated"),
    ],
)
def test_what_is_no_graph_is_refused_by_name(tmp_path, content, code):
    path = tmp_path / "graph.onnx"
    if content == "half":
        whole = write_graph(path, yolox_answer([], [], [])).read_bytes()
        content = whole[: len(whole) // 2]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PackError, match=r"graph\.onnx") as caught:
        Session(path)
    assert caught.value.code == code
    assert str(tmp_path) not in caught.value.message


def test_a_folder_is_no_graph(tmp_path):
    with pytest.raises(PackError, match="found no file"):
        Session(tmp_path)


def clip_graph(tmp_path, **options):
    geometry: tuple[int | str, ...] = ("length", 5)
    inputs = {"frames": (TensorProto.FLOAT, (9, 4)), "geometry": (TensorProto.FLOAT, geometry)}
    return write_sum(tmp_path / "clip.onnx", inputs, **options)


@pytest.mark.parametrize("batch", ["batch", 4])
def test_several_inputs_go_by_name(tmp_path, batch):
    session = Session(clip_graph(tmp_path, batch=batch), threads=1)
    items = np.arange(7, dtype=np.float32)
    frames = np.broadcast_to(items[:, None, None], (7, 9, 4))
    geometry = np.broadcast_to(100 * items[:, None, None], (7, 3, 5))
    assert session.run({"geometry": geometry, "frames": frames})["total"].tolist() == (101 * items).tolist()


@pytest.mark.parametrize(
    ("dtype", "array"),
    [
        (TensorProto.UINT8, np.full((3, 2, 2, 3), 200, np.uint8)),
        (TensorProto.INT64, np.full((3, 2, 2, 3), 1 << 20, np.int64)),
        (TensorProto.FLOAT16, np.full((3, 2, 2, 3), 0.5, np.float16)),
    ],
)
def test_one_input_of_any_type_needs_no_name(tmp_path, dtype, array):
    session = Session(write_sum(tmp_path / "graph.onnx", {"only": (dtype, (2, 2, 3))}), threads=1)
    assert session.first(array).tolist() == [float(array[0, 0, 0, 0])] * 3


@pytest.mark.parametrize(
    ("batch", "came"),
    [
        ({"frames": np.zeros((1, 9, 4), np.float32)}, r"got frames \(1, 9, 4\) float32$"),
        ({}, "got nothing"),
        ({"frames": np.zeros((1, 9, 4), np.float32), "x": np.zeros((1, 2, 5), np.float32)}, "x "),
        ({"frames": np.zeros((2, 9, 4), np.float32), "geometry": np.zeros((1, 2, 5), np.float32)}, "geometry"),
        ({"frames": np.zeros((0, 9, 4), np.float32), "geometry": np.zeros((0, 2, 5), np.float32)}, "geometry"),
        ({"frames": np.zeros((1, 9, 4)), "geometry": np.zeros((1, 2, 5), np.float32)}, "float64"),
        ({"frames": np.zeros((1, 8, 4), np.float32), "geometry": np.zeros((1, 2, 5), np.float32)}, r"8, 4"),
        ({"frames": np.zeros((1, 9, 4), np.float32), "geometry": np.float32(1)}, "geometry"),
    ],
)
def test_other_inputs_are_refused_by_name_type_and_shape(tmp_path, batch, came):
    session = Session(clip_graph(tmp_path), threads=1)
    expected = r"expected a batch of frames \(any, 9, 4\) float32; geometry \(any, any, 5\) float32; .*"
    with pytest.raises(ValueError, match=expected + came):
        session.run(batch)


def test_a_lone_array_is_refused_by_a_graph_of_several_inputs(tmp_path):
    with pytest.raises(ValueError, match="got frames"):
        Session(clip_graph(tmp_path), threads=1).first(np.zeros((1, 9, 4), np.float32))


def test_a_closed_session_says_so(tmp_path):
    session = Session(clip_graph(tmp_path), threads=1)
    session.close()
    session.close()
    with pytest.raises(RuntimeError, match="closed"):
        session.run({})


def test_threads_share_a_session(tmp_path):
    session = Session(write_graph(tmp_path / "graph.onnx", yolox_answer([], [], []) + 1), threads=1)
    wrong: list[bool] = []

    def work(lit):
        pictures = np.full((3, 3, 64, 64), 9 if lit else 0, np.float32)
        wrong.extend(lit for _ in range(30) if session.first(pictures)[:, 0, 0].tolist() != [lit] * 3)

    threads = [threading.Thread(target=work, args=(index % 2,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
