"""Checkpoints: weights come out, and nothing in them is run."""

from __future__ import annotations

import os
import pickle

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import torch
from safetensors.torch import save_file
from torch import nn

from export.checkpoint import load_weights, needs, read_checkpoint, read_weights
from export.parity import ExportError


@pytest.fixture
def weights():
    return {"0.weight": torch.ones(2, 3), "0.bias": torch.zeros(2)}


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda weights: weights,
        lambda weights: {"state_dict": weights, "epoch": 3},
        lambda weights: {"model": {f"module.{name}": value for name, value in weights.items()}, "step": 1},
    ],
)
def test_weights_are_found_where_training_scripts_put_them(tmp_path, weights, wrapped):
    torch.save(wrapped(weights), tmp_path / "x.pt")
    found = read_weights(tmp_path / "x.pt")
    assert found.keys() == weights.keys()
    assert torch.equal(found["0.weight"], weights["0.weight"])


def test_safetensors_are_known_by_their_form(tmp_path, weights):
    save_file(weights, tmp_path / "blob")
    assert read_weights(tmp_path / "blob").keys() == weights.keys()


class Trap:
    """An object whose pickle makes a folder when it is read."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("how", ["torch", "legacy", "pickle"])
def test_a_checkpoint_that_would_run_something_is_refused_unrun(tmp_path, how):
    path = tmp_path / "x.pt"
    if how == "pickle":
        path.write_bytes(pickle.dumps({"state_dict": Trap(tmp_path / "sprung")}))
    else:
        torch.save({"state_dict": Trap(tmp_path / "sprung")}, path, _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(ExportError, match=r"expected a checkpoint in x.pt") as caught:
        read_weights(path)
    assert caught.value.code == "bad_checkpoint"
    assert not (tmp_path / "sprung").exists()


def test_objects_are_made_only_of_classes_that_are_allowed(tmp_path):
    torch.save({"model": nn.Linear(3, 2)}, tmp_path / "x.pt")
    with pytest.raises(ExportError, match=r"it holds objects \(torch.nn.modules.linear.Linear"):
        read_checkpoint(tmp_path / "x.pt")
    assert isinstance(read_checkpoint(tmp_path / "x.pt", [nn.Linear])["model"], nn.Linear)


@pytest.mark.parametrize("content", [None, b"", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"{}" * 50, bytes(64)])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(ExportError) as caught:
        read_weights(tmp_path / "x.pt")
    assert caught.value.code == "bad_checkpoint"
    assert len(caught.value.message) < 400


def test_a_checkpoint_without_weights_is_refused(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "x.pt")
    with pytest.raises(ExportError, match="holds no weights"):
        read_weights(tmp_path / "x.pt")
    torch.save([torch.ones(2)], tmp_path / "x.pt")
    with pytest.raises(ExportError, match="holds a list"):
        read_weights(tmp_path / "x.pt")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda weights: weights.pop("0.bias"), r"1 weights are missing, such as 0.bias"),
        (lambda weights: weights.update(more=torch.ones(1)), "none of this network, such as more"),
        (lambda weights: weights.update({"0.bias": torch.ones(5)}), r"0.bias is \(5,\), expected \(2,\)"),
    ],
)
def test_weights_of_another_network_are_refused(weights, change, said):
    network = nn.Sequential(nn.Linear(3, 2))
    load_weights(network, weights, "mine")
    assert torch.equal(network.state_dict()["0.weight"], torch.ones(2, 3))
    change(weights)
    with pytest.raises(ExportError, match=said):
        load_weights(network, weights, "mine")


def test_a_missing_package_is_told_with_the_extra_that_brings_it():
    with pytest.raises(ExportError, match=r"watchword\[train\]") as caught, needs("train", "nowhere"):
        __import__("nowhere_to_be_found")
    assert caught.value.code == "missing_extra"
