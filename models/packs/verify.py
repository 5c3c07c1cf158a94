"""Whether a pack holds what its manifest says: files, graphs, arrays, phrases, a tokenizer, and that they fit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from models.graph import NotAGraph, Signature, Tensor, read_signature
from models.guidance.bank import Phrase, read_phrases
from models.packs.arrays import array_headers
from models.packs.errors import PackError
from models.packs.files import verify_file
from models.packs.manifest import AnyManifest, ArraysFile, EncoderManifest, File, HeadManifest

_MAX_TOKENIZER = 64_000_000


def verify(folder: Path, manifest: AnyManifest) -> None:
    """Check everything in a pack's folder that its manifest names.

    Args:
        folder: The pack's.
        manifest: What stands in it.

    Raises:
        PackError: What is wrong, the first thing found.
    """
    for file in manifest.files():
        verify_file(folder, file)
    signatures = {graph.file: _signature(folder, graph) for graph in manifest.all_graphs()}
    if isinstance(manifest, HeadManifest):
        for arrays in manifest.arrays.values():
            _verify_arrays(folder, arrays)
    if isinstance(manifest, EncoderManifest):
        _verify_arrays(folder, manifest.bank)
        _verify_encoder(folder, manifest, signatures)


def _signature(folder: Path, graph: File) -> Signature:
    try:
        return read_signature(folder / graph.file)
    except NotAGraph as error:
        code, message = "bad_graph", f"expected an ONNX graph in {graph.file}: {error}"
        raise PackError(code, message) from error


def _verify_encoder(folder: Path, manifest: EncoderManifest, signatures: Mapping[str, Signature]) -> None:
    """Check that the towers fit each other, and the phrases the bank."""
    dim, image, temporal, text = manifest.dim, manifest.image, manifest.temporal, manifest.text
    made = signatures[image.graph.file].outputs[0].shape
    width = dim if temporal is None else (made[1] if len(made) == 2 else None)
    for graph in image.graphs():
        crops = Tensor("crops", "uint8", (None, image.size, image.size, 3))
        _expect(graph, signatures, [crops], Tensor("features", "float32", (None, width)))
    if temporal is not None:
        frames = Tensor("frames", "float32", (None, temporal.frames, width))
        geometry = [Tensor("geometry", "float32", (None, temporal.frames, 5))] if temporal.geometry else []
        for graph in temporal.graphs():
            _expect(graph, signatures, [frames, *geometry], Tensor("clip", "float32", (None, dim)))
    for graph in text.graphs():
        given = signatures[graph.file].inputs
        fixed = len(given) == 1 and given[0].shape == (None, text.length)
        tokens = Tensor("tokens", "int64", (None, text.length if fixed else None))
        _expect(graph, signatures, [tokens], Tensor("text", "float32", (None, dim)))
    phrases, rows = len(phrases_of(folder, manifest.phrases)), manifest.bank.arrays["features"].shape[0]
    if phrases != rows:
        code, message = (
            "bad_phrases",
            f"expected {rows} phrases in {manifest.phrases.file}, as the bank has; got {phrases}",
        )
        raise PackError(code, message)
    _verify_tokenizer(folder, text.tokenizer)


def _expect(graph: File, signatures: Mapping[str, Signature], inputs: Sequence[Tensor], output: Tensor) -> None:
    """Check what a graph takes and gives. The batch, and what the expected shape leaves open, has to be open in it."""
    signature = signatures[graph.file]
    if signature.inputs != tuple(inputs) or signature.outputs != (output,):
        expected = f"{', '.join(map(str, inputs))} to {output}"
        got = f"{', '.join(map(str, signature.inputs))} to {', '.join(map(str, signature.outputs))}"
        code, message = "wrong_shape", f"expected the graph {graph.file} to take {expected}; it takes {got}"
        raise PackError(code, message)


def phrases_of(folder: Path, file: File) -> tuple[Phrase, ...]:
    """The phrases of an encoder's bank.

    Args:
        folder: The pack's.
        file: Their file in it.

    Raises:
        PackError: ``bad_phrases``.
    """
    try:
        return read_phrases(folder / file.file)
    except ValueError as error:
        code, message = "bad_phrases", f"expected phrases: {error}"
        raise PackError(code, message) from error


def _verify_tokenizer(folder: Path, file: File) -> None:
    """Tell a tokenizer from another file; the ``tokenizers`` library reads all of it when it is loaded."""
    try:
        if file.bytes > _MAX_TOKENIZER:
            raise ValueError(f"it is larger than {_MAX_TOKENIZER} bytes")
        content = json.loads((folder / file.file).read_bytes())
        if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
            raise ValueError("it has no model")
    except (ValueError, RecursionError) as error:
        code, message = "bad_tokenizer", f"expected a tokenizer in {file.file}: {str(error)[:200]}"
        raise PackError(code, message) from error


def _verify_arrays(folder: Path, file: ArraysFile) -> None:
    found = array_headers(folder / file.file)
    if found.keys() != file.arrays.keys():
        expected, got = ", ".join(sorted(file.arrays)) or "none", ", ".join(sorted(found)) or "none"
        code, message = "bad_arrays", f"expected the arrays {expected} in {file.file}, got {got}"
        raise PackError(code, message)
    for name, array in file.arrays.items():
        if found[name] != array:
            code = "wrong_shape"
            message = f"expected {name} of {file.file} to be {array}, got {found[name]}"
            raise PackError(code, message)
