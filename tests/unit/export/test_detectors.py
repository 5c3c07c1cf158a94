"""ultralytics networks as detector packs, on random weights of the real architectures."""

from __future__ import annotations

import numpy as np
import pytest

from models.packs import PackError
from support.networks import yolo_checkpoint
from support.torch_vision import need_torchvision


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    need_torchvision()
    pytest.importorskip("ultralytics")
    folder = tmp_path_factory.mktemp("checkpoints")
    return {name: yolo_checkpoint(folder / f"{name}.pt", name, 3) for name in ("yolo11n", "yolo26n")}


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (3, 60, 80, 3), dtype=np.uint8)


# A YOLO26 of 96 pixels has fewer candidates than the 300 rows that tell its layout.
@pytest.mark.parametrize(("architecture", "layout", "size"), [("yolo11n", "yolo", 96), ("yolo26n", "yolo_nms", 160)])
def test_a_pack_that_the_service_runs(tmp_path, checkpoints, pictures, architecture, layout, size):
    from export.detectors import export_yolo
    from service.engine.detectors import detector_of
    from service.frames import Frame, PreparedFrame

    pack, parity = export_yolo(tmp_path, "mine", architecture, checkpoints[architecture], pictures, "a test", size=size)
    assert parity.error < 1e-4
    assert parity.items > 10
    assert pack.manifest.layout == layout
    assert pack.manifest.licence == "AGPL-3.0-only"
    assert pack.manifest.classes == ("thing 0", "thing 1", "thing 2")
    assert pack.manifest.graph is not None
    assert b".py" not in pack.file(pack.manifest.graph).read_bytes()
    detector = detector_of(pack, threads=1)
    try:
        frames = [PreparedFrame("s", n, Frame(0, 0.0, 0.0, 0.0, picture), None) for n, picture in enumerate(pictures)]
        assert any(len(found) for found in detector.detect(frames))
    finally:
        detector.close()


def test_a_graph_of_other_weights_is_refused(tmp_path, checkpoints, pictures, monkeypatch):
    import torch

    import export.detectors as detectors
    from export.onnx import to_onnx_by_tracing as real

    def then_change_the_network(network, *rest):
        path = real(network, *rest)
        with torch.no_grad():
            network.model[0].conv.bias += 0.01
        return path

    monkeypatch.setattr(detectors, "to_onnx_by_tracing", then_change_the_network)
    with pytest.raises(PackError, match="relative error") as caught:
        detectors.export_yolo(tmp_path / "packs", "mine", "yolo11n", checkpoints["yolo11n"], pictures, "x", size=64)
    assert caught.value.code == "parity"
    assert list((tmp_path / "packs").iterdir()) == []


def test_what_is_no_such_network_is_refused(tmp_path, checkpoints, pictures):
    from export.detectors import export_yolo

    with pytest.raises(PackError, match="expected a network of yolo11n"):
        export_yolo(tmp_path, "mine", "yolo2", checkpoints["yolo11n"], pictures, "x")
    with pytest.raises(PackError, match="expected the weights of yolo26n of 3 classes"):
        export_yolo(tmp_path, "mine", "yolo26n", checkpoints["yolo11n"], pictures, "x")
    with pytest.raises(PackError, match="expected the weights of yolo11n of 2 classes"):
        export_yolo(tmp_path, "mine", "yolo11n", checkpoints["yolo11n"], pictures, "x", classes=("a", "b"))
