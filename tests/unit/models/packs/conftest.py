"""A pack of a detector and one of a head, whole, for each test to change."""

from __future__ import annotations

import numpy as np
import pytest

from support.graphs import write_graph, yolox_answer
from support.pack_folders import common, described, write


@pytest.fixture
def detector(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    write_graph(folder / "graph.onnx", yolox_answer([], [], []))
    (folder / "LICENSE").write_text("Do what you like.")
    manifest = {
        **common("detector"),
        "layout": "yolox",
        "graph": described(folder / "graph.onnx"),
        "input": [416, 416],
        "classes": ["person", "car"],
        "confidence": 0.25,
        "overlap": 0.5,
        "tiles": "auto",
        "documents": [described(folder / "LICENSE")],
    }
    return write(folder, manifest), manifest


@pytest.fixture
def head(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    np.savez(folder / "centres.npz", centres=np.ones((5, 3), np.float32), counts=np.arange(5))
    write_graph(folder / "encoder.onnx", yolox_answer([], [], []))
    arrays = {"centres": {"dtype": "float32", "shape": [5, 3]}, "counts": {"dtype": "int64", "shape": [5]}}
    manifest = {
        **common("head"),
        "head": "attributes",
        "view": "object",
        "parameters": {"neighbours": 3, "weights": [0.5, 0.5]},
        "graphs": {"encoder": described(folder / "encoder.onnx")},
        "arrays": {"centres": {**described(folder / "centres.npz"), "arrays": arrays}},
    }
    return write(folder, manifest), manifest
