"""Weights in 8 bits: a quarter of the bytes, and the same numbers."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from export.onnx import to_onnx  # noqa: E402
from export.weights import round_weights, store_as_int8  # noqa: E402
from models.networks.text_tower import TextTower  # noqa: E402


@pytest.fixture(scope="module")
def network() -> TextTower:
    torch.manual_seed(0)
    return TextTower(400, width=64, depth=1, length=8, dim=32).eval()


def test_rounding_is_small_and_done_once(network) -> None:
    before = network.tokens.weight.detach().clone()
    round_weights(network)
    once = network.tokens.weight.detach().clone()
    round_weights(network)
    largest = before.abs().amax(1, keepdim=True)
    assert ((once - before).abs() <= 0.5001 * largest / 127).all()
    assert not torch.equal(once, before)
    torch.testing.assert_close(network.tokens.weight.detach(), once, atol=1e-7, rtol=0)


def test_the_graph_gives_what_the_rounded_network_gives(network, tmp_path) -> None:
    round_weights(network)
    tokens = torch.randint(1, 400, (6, 8))
    plain = to_onnx(network, {"tokens": tokens}, "text", tmp_path / "plain.onnx")
    small = store_as_int8(plain, tmp_path / "small.onnx")
    session = onnxruntime.InferenceSession(small, providers=["CPUExecutionProvider"])
    made = session.run(None, {"tokens": tokens.numpy()})[0]
    with torch.inference_mode():
        np.testing.assert_allclose(made, network(tokens).numpy(), atol=2e-6)
    matrices = 4 * sum(weight.numel() for weight in network.parameters() if weight.ndim == 2)
    assert plain.stat().st_size - small.stat().st_size > 0.7 * matrices


def test_what_is_not_rounded_stays_exact(tmp_path) -> None:
    torch.manual_seed(1)
    layer = torch.nn.Linear(64, 64).eval()
    given = torch.randn(2, 64)
    plain = to_onnx(layer, {"given": given}, "made", tmp_path / "plain.onnx")
    session = onnxruntime.InferenceSession(
        store_as_int8(plain, tmp_path / "small.onnx"), providers=["CPUExecutionProvider"]
    )
    with torch.inference_mode():
        np.testing.assert_allclose(session.run(None, {"given": given.numpy()})[0], layer(given).numpy(), atol=1e-6)
