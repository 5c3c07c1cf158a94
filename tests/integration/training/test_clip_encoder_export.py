"""The networks of the clip encoder as graphs: the same features, at batches the exporter has not seen."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytest.importorskip("tensorboard")

from export.onnx import to_onnx  # noqa: E402
from export.parity import check  # noqa: E402
from export.weights import round_weights, store_as_int8  # noqa: E402
from training.svad.trainer import Pretraining, built_in  # noqa: E402


@pytest.fixture(scope="module")
def encoder():
    built = built_in(Pretraining())
    # Batch statistics other than those of a new network, or folding them in would show nothing.
    built.train()
    with torch.no_grad():
        built.image(torch.randint(0, 256, (8, 64, 64, 3), dtype=torch.uint8))
    return built.eval()


def test_the_image_tower_takes_bytes(encoder, tmp_path):
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (16, 64, 64, 3), dtype=np.uint8)
    example = {"crops": torch.from_numpy(crops[:2])}
    graph = to_onnx(encoder.image, example, "features", tmp_path / "image.onnx")
    assert check(encoder.image, graph, [{"crops": crops}]).error <= 1e-4


def test_the_fusion_with_geometry_and_rounded_weights(encoder, tmp_path):
    rng = np.random.default_rng(0)
    frames = rng.standard_normal((16, 9, 384)).astype(np.float32)
    geometry = rng.standard_normal((16, 9, 5)).astype(np.float32)
    round_weights(encoder.temporal)
    example = {"frames": torch.from_numpy(frames[:2]), "geometry": torch.from_numpy(geometry[:2])}
    graph = to_onnx(encoder.temporal, example, "clip", tmp_path / "plain.onnx")
    small = store_as_int8(graph, tmp_path / "temporal.onnx")
    assert small.stat().st_size < 0.5 * graph.stat().st_size
    assert check(encoder.temporal, small, [{"frames": frames, "geometry": geometry}]).error <= 1e-4
