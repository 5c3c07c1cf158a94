"""A pack that verifies, and its arrays."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from models.packs import (
    DetectorManifest,
    HeadManifest,
    Pack,
    PackError,
)
from support.pack_folders import described, write


def test_a_detector_pack(detector):
    folder, manifest = detector
    pack = Pack.load(folder)
    assert (pack.name, pack.kind) == ("mine", "detector")
    assert isinstance(pack.manifest, DetectorManifest)
    assert pack.manifest.input == (416, 416)
    assert pack.manifest.tiles == "auto"
    assert pack.manifest.graph is not None
    assert pack.file(pack.manifest.graph).read_bytes() == (folder / "graph.onnx").read_bytes()
    assert pack.hash == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    write(folder, {**manifest, "tiles": [2, 1]})
    assert Pack.load(folder).manifest.tiles == (2, 1)


def test_a_head_pack_and_its_arrays(head):
    pack = Pack.load(head[0])
    assert isinstance(pack.manifest, HeadManifest)
    assert pack.manifest.parameters == {"neighbours": 3, "weights": [0.5, 0.5]}
    arrays = pack.arrays("centres")
    np.testing.assert_array_equal(arrays["centres"], np.ones((5, 3), np.float32))
    assert arrays["counts"].dtype == np.int64
    with pytest.raises(KeyError):
        pack.arrays("others")


def test_damage_in_the_data_of_arrays_is_told_when_they_are_read(head):
    """A hash says that the file is the manifest's, not that it can be unpacked."""
    folder, manifest = head
    np.savez(folder / "centres.npz", many=np.zeros(10_000))
    content = bytearray((folder / "centres.npz").read_bytes())
    content[40_000] = 1
    (folder / "centres.npz").write_bytes(content)
    arrays = {"many": {"dtype": "float64", "shape": [10_000]}}
    centres = {**described(folder / "centres.npz"), "arrays": arrays}
    pack = Pack.load(write(folder, {**manifest, "arrays": {"centres": centres}}))
    with pytest.raises(PackError, match="Bad CRC-32") as caught:
        pack.arrays("centres")
    assert caught.value.code == "bad_arrays"
