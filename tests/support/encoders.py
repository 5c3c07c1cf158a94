"""A small joint space of colours and words: its answers are known, its pack is a real one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from export.pack_writer import PackWriter
from models.packs import Pack

SIZE, FRAMES, DIM, LENGTH = 16, 9, 8, 6
COLOURS = {"blue": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "red": (0.0, 0.0, 1.0)}
"""Words of the space, and what a crop of that colour is (BGR). A text is the sum of its words."""

WORDS = ("[PAD]", "[UNK]", *COLOURS, "grey")
_FLOAT, _INT = TensorProto.FLOAT, TensorProto.INT64


def write_encoder(
    packs: Path,
    name: str = "colours",
    *,
    temporal: bool = True,
    geometry: bool = False,
    sentence: bool = True,
    replace: bool = False,
    image: onnx.ModelProto | None = None,
) -> Pack:
    """Write the pack of a space in which a red crop is near the word red.

    Args:
        packs: The folder of packs.
        name: Of the pack.
        temporal: Whether it has a temporal tower (the mean over the frames); else its clip is the middle frame.
        geometry: Whether that tower takes geometry (which it adds nothing of).
        sentence: Whether it says that it compares sentences.
        replace: Whether a pack of the name may be there.
        image: A graph in place of the image tower.
    """
    folder = packs.parent / f".{name}-parts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(colour_tokenizer().to_str())
    (folder / "phrases.json").write_text(
        json.dumps([*({"text": word, "kind": "action"} for word in COLOURS), {"text": "grey", "kind": "background"}])
    )
    with PackWriter(packs, name, replace=replace) as writer:
        seen = image_graph(folder / "image.onnx")
        if image is not None:
            onnx.save(image, str(seen))
        clip = temporal_graph(folder / "temporal.onnx", geometry=geometry)
        text = writer.add(text_graph(folder / "text.onnx"), "text.onnx")
        return writer.commit(
            {
                "kind": "encoder",
                "version": "1",
                "description": "Colours and their names.",
                "licence": "Apache-2.0",
                "provenance": "Made by a test.",
                "dim": DIM,
                "sentence": sentence,
                "temperature": 0.1,
                "image": {"graph": writer.add(seen, "image.onnx"), "size": SIZE, "context": 1.25},
                "temporal": {
                    "graph": writer.add(clip, "temporal.onnx"),
                    "frames": FRAMES,
                    "interval_s": 0.12,
                    "geometry": geometry,
                }
                if temporal
                else None,
                "text": {
                    "graph": text,
                    "tokenizer": writer.add(folder / "tokenizer.json", "tokenizer.json"),
                    "length": LENGTH,
                },
                "bank": writer.add_arrays({"features": _embeddings()[2:]}, "bank.npz"),
                "phrases": writer.add(folder / "phrases.json", "phrases.json"),
            }
        )


def image_graph(path: Path, *, size: int = SIZE, batch: int | str = "batch", dim: int = DIM) -> Path:
    """Crops to their mean colour, in the first three numbers of a feature that is not of unit length."""
    spread = np.eye(3, dim, dtype=np.float32) / 255
    little = np.eye(1, dim, dim - 1, dtype=np.float32) * 1e-6  # a black crop has a direction too
    nodes = [
        helper.make_node("Cast", ["crops"], ["floats"], to=_FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "spread"], ["colour"]),
        helper.make_node("Add", ["colour", "little"], ["features"]),
    ]
    inputs = [helper.make_tensor_value_info("crops", TensorProto.UINT8, [batch, size, size, 3])]
    return _save(path, nodes, inputs, ("features", [batch, dim]), {"spread": spread, "little": little})


def temporal_graph(path: Path, *, geometry: bool = False, frames: int = FRAMES, dim: int = DIM) -> Path:
    """Features over time to their mean, of unit length."""
    nodes = [
        helper.make_node("ReduceMean", ["frames"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("LpNormalization", ["mean"], ["unit"], axis=1, p=2),
    ]
    inputs = [helper.make_tensor_value_info("frames", _FLOAT, ["batch", frames, dim])]
    constants = {}
    if geometry:
        inputs.append(helper.make_tensor_value_info("geometry", _FLOAT, ["batch", frames, 5]))
        constants["nothing"] = np.zeros(1, np.float32)
        nodes += [
            helper.make_node("ReduceSum", ["geometry", "places"], ["moved"], keepdims=0),
            helper.make_node("Unsqueeze", ["moved", "last"], ["column"]),
            helper.make_node("Mul", ["column", "nothing"], ["still"]),
            helper.make_node("Add", ["unit", "still"], ["clip"]),
        ]
        constants["places"] = np.array([1, 2], np.int64)
        constants["last"] = np.array([1], np.int64)
    else:
        nodes.append(helper.make_node("Identity", ["unit"], ["clip"]))
    return _save(path, nodes, inputs, ("clip", ["batch", dim]), constants)


def text_graph(path: Path) -> Path:
    """Tokens to the sum of their words' colours, of unit length."""
    nodes = [
        helper.make_node("Gather", ["embeddings", "tokens"], ["words"], axis=0),
        helper.make_node("ReduceMean", ["words"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("LpNormalization", ["mean"], ["text"], axis=1, p=2),
    ]
    inputs = [helper.make_tensor_value_info("tokens", _INT, ["batch", LENGTH])]
    return _save(path, nodes, inputs, ("text", ["batch", DIM]), {"embeddings": _embeddings()})


def _embeddings() -> np.ndarray:
    """``(words, DIM)``, unit length but for the padding; a word that is not known is of no colour."""
    colours = np.array([(0, 0, 0), (0, 0, 0), *COLOURS.values(), np.full(3, 3**-0.5)], np.float32)
    found = colours @ np.eye(3, DIM, dtype=np.float32)
    found[:2, -1] = 1e-6, 1
    return found


def colour_tokenizer() -> Tokenizer:
    """Words to their places in ``WORDS``."""
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(LENGTH)
    tokenizer.enable_padding(length=LENGTH, pad_id=0, pad_token="[PAD]")
    return tokenizer


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    output: tuple[str, list[int | str]],
    constants: dict[str, np.ndarray],
) -> Path:
    graph = helper.make_graph(
        nodes,
        "known",
        inputs,
        [helper.make_tensor_value_info(output[0], _FLOAT, output[1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path
