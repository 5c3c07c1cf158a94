"""Writes the pack of a joint space: towers to graphs, each checked against its network, and the bank beside them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import nn

from export.head_scores import head_scores, learn_normal, svad_head
from export.onnx import to_onnx
from export.pack_writer import PackWriter
from export.parity import Array, ExportError, Inputs, Parity, check, check_scores, runner
from export.weights import store_as_int8
from models.arrays import Float32
from models.embedding import embed_clips
from models.guidance.bank import Phrase
from models.packs import Pack

Run = Callable[[str, Inputs], Float32]
"""Runs the tower of a role: ``image``, ``temporal`` or ``text``."""
Say = Callable[[str], None]

_BATCH = 16
_SEED = 20240607
_STEP = 32  # items a run, which bounds memory for a bank of thousands


@dataclass(frozen=True, slots=True)
class Space:
    """What an encoder's manifest says beside its graphs (``models.packs.EncoderManifest``).

    Attributes:
        version: Of the pack.
        description: What it is, in a sentence.
        licence: Of the weights, as an SPDX name.
        provenance: Command, commit, seed, data and metrics that the weights came from, or where they were published.
        dim: Of the joint space.
        size: Side of a crop.
        context: A box is made square by its longer side and enlarged by this.
        length: Tokens of a text.
        temperature: Cosines are divided by it before a softmax over phrases.
        sentence: Whether the cosine of two texts says how alike they are in meaning.
        frames: Of a clip, where there is a temporal tower.
        interval_s: Between them.
        geometry: Whether the temporal tower takes it.
    """

    version: str
    description: str
    licence: str
    provenance: str
    dim: int
    size: int
    context: float
    length: int
    temperature: float
    sentence: bool
    frames: int = 9
    interval_s: float = 0.12
    geometry: bool = False


@dataclass(frozen=True, slots=True)
class Towers:
    """The networks of a joint space, as their graphs will be.

    Attributes:
        image: ``(B, S, S, 3)`` uint8 BGR to ``(B, F)`` (see ``export.onnx.Crops``).
        temporal: ``(B, T, F)``, and ``(B, T, 5)`` with geometry, to ``(B, D)`` of unit length; None for none.
        text: ``(B, L)`` int64 to ``(B, D)`` of unit length (see ``export.onnx.Unit``).
    """

    image: nn.Module
    temporal: nn.Module | None
    text: nn.Module


@dataclass(frozen=True, slots=True)
class SampleClips:
    """Real clips of objects to check on, cut out as the service would (``models.crops``).

    Attributes:
        crops: ``(M, T, S, S, 3)`` uint8 BGR, oldest first; T of 1 where there is no temporal tower. M of at least 8.
        geometry: ``(M, T, 5)`` float32; None where no tower takes it.
    """

    crops: NDArray[np.uint8]
    geometry: Float32 | None = None


@dataclass(frozen=True, slots=True)
class EncoderReport:
    """What was found of an encoder while it was written.

    Attributes:
        parity: Of each graph, by its role: ``image``, ``temporal``, ``text``.
        scores: Largest difference of the svad head's scores of the samples.
    """

    parity: Mapping[str, Parity] = field(default_factory=dict)
    scores: float = 0.0


def export_encoder(
    packs: Path,
    name: str,
    towers: Towers,
    space: Space,
    tokenizer: Path,
    phrases: Sequence[Phrase],
    samples: SampleClips,
    *,
    eight_bit: Collection[str] = (),
    documents: Sequence[Path] = (),
    replace: bool = False,
    say: Say = lambda _: None,
) -> tuple[Pack, EncoderReport]:
    """Write an encoder pack, if every graph of it gives what its network gives.

    Each graph is compared with its network on random inputs and on the samples' and phrases', at four batch sizes; the
    svad head's scores of half of the samples, with the other half for what is normal and the bank's actions as its
    prompts, by towers and texts of either. Deterministic: the same weights give the same bytes.

    Args:
        packs: The folder of packs.
        name: Of the pack.
        towers: The networks; are left in evaluation mode, on the CPU.
        space: What the manifest says.
        tokenizer: A ``tokenizer.json`` with a padding token set; truncation and padding to ``length`` are set here.
        phrases: Of the bank.
        samples: Real clips.
        eight_bit: Roles whose network ``export.weights.round_weights`` has rounded: their graph keeps those weights
            in 8 bits.
        documents: Files to keep in the pack, such as the licence's text.
        replace: Whether a pack of this name may exist.
        say: Is told each step, in a few words.

    Raises:
        ExportError: What does not agree, or inputs that do not fit.
        models.packs.PackError: If the pack does not verify, or its name is taken.
    """
    _check_samples(samples, space)
    for tower in (towers.image, towers.temporal, towers.text):
        if tower is not None:
            tower.cpu().eval().requires_grad_(requires_grad=False)
    with (
        PackWriter(packs, name, replace=replace) as writer,
        tempfile.TemporaryDirectory(prefix="watchword-export-") as scratch,
    ):
        folder = Path(scratch)
        words = _fitted(tokenizer, space.length)
        words.save(str(folder / "tokenizer.json"))
        tokens = tokenise(words, [phrase.text for phrase in phrases])
        parity, cases = {}, _cases(towers, space, samples, tokens, words.get_vocab_size())
        for role, (module, output, inputs) in cases.items():
            say(f"{role}: to ONNX")
            graph = to_onnx(module, _example(inputs[0]), output, folder / f"{role}.onnx")
            if role in eight_bit:
                store_as_int8(graph, graph)
            say(f"{role}: parity")
            parity[role] = check(module, graph, inputs)
        say("bank: features of the phrases")
        bank = run_network(towers.text, {"tokens": tokens})
        say("scores of the head: parity")
        scores = _check_scores(towers, folder, space, samples, phrases, bank, tokens)
        entries = [phrase.model_dump(exclude_defaults=True) for phrase in phrases]
        (folder / "phrases.json").write_text(json.dumps(entries, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
        say("pack: writing")
        pack = writer.commit(_manifest(writer, folder, space, towers, bank, documents))
    return pack, EncoderReport(parity, scores)


def tokenise(tokenizer: Tokenizer, texts: Sequence[str]) -> NDArray[np.int64]:
    """``(N, L)`` tokens, as long as the tokenizer pads."""
    return np.array([encoding.ids for encoding in tokenizer.encode_batch(list(texts))], np.int64)


_Case = tuple[nn.Module, str, list[Inputs]]


def _cases(
    towers: Towers, space: Space, samples: SampleClips, tokens: NDArray[np.int64], vocabulary: int
) -> dict[str, _Case]:
    """By role: the network, the name of its output, and inputs: random ones first, then real ones."""
    source = np.random.default_rng(_SEED)
    crops = samples.crops.reshape(-1, *samples.crops.shape[2:])
    noise = source.integers(0, 256, (_BATCH, *crops.shape[1:]), dtype=np.uint8)
    cases: dict[str, _Case] = {"image": (towers.image, "features", [{"crops": noise}, {"crops": crops}])}
    if towers.temporal is not None:
        seen = run_network(towers.image, {"crops": crops})
        real: dict[str, Array] = {"frames": seen.reshape(*samples.crops.shape[:2], -1)}
        drawn = source.standard_normal((_BATCH, *real["frames"].shape[1:])) * float(seen.std()) + float(seen.mean())
        random: dict[str, Array] = {"frames": drawn.astype(np.float32)}
        if samples.geometry is not None and space.geometry:
            real["geometry"] = samples.geometry
            random["geometry"] = source.standard_normal((_BATCH, *samples.geometry.shape[1:])).astype(np.float32)
        cases["temporal"] = (towers.temporal, "clip", [random, real])
    cases["text"] = (towers.text, "text", [{"tokens": _random_tokens(tokens, vocabulary, source)}, {"tokens": tokens}])
    return cases


def _check_scores(
    towers: Towers,
    folder: Path,
    space: Space,
    samples: SampleClips,
    phrases: Sequence[Phrase],
    bank: Float32,
    tokens: NDArray[np.int64],
) -> float:
    """Compare the svad head's scores by networks and by graphs, under one profile; their largest difference.

    A profile of each would compare two runs of k-means, which a tie sends different ways.
    """
    if all(phrase.kind != "action" for phrase in phrases):
        return 0.0  # no svad head stands on such a bank

    def network(role: str, inputs: Inputs) -> Float32:
        module: nn.Module = getattr(towers, role)
        return run_network(module, inputs)

    def graph(role: str, inputs: Inputs) -> Float32:
        return run_graph(folder / f"{role}.onnx", inputs)

    temporal = towers.temporal is not None
    ours = embed_samples(network, samples, temporal=temporal, geometry=space.geometry)
    theirs = embed_samples(graph, samples, temporal=temporal, geometry=space.geometry)
    head, half = svad_head(phrases, bank), len(ours) // 2
    profile = learn_normal(head, ours[:half])
    exported = svad_head(phrases, graph("text", {"tokens": tokens}))
    return check_scores(head_scores(head, profile, ours[half:]), head_scores(exported, profile, theirs[half:]))


def _random_tokens(tokens: NDArray[np.int64], vocabulary: int, source: np.random.Generator) -> NDArray[np.int64]:
    """Rows of the phrases' own form, start and end and padding where they have them, with random words."""
    rows = np.resize(tokens, (_BATCH, tokens.shape[1]))
    framing = [token for token in np.unique(tokens) if (tokens == token).any(axis=1).all()]
    return np.where(np.isin(rows, framing), rows, source.integers(0, vocabulary, rows.shape))


def _example(inputs: Inputs) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.array(array[:2])) for name, array in inputs.items()}


def embed_samples(run: Run, samples: SampleClips, *, temporal: bool, geometry: bool) -> Float32:
    """Embeddings ``(M, D)`` of the samples, as the service makes them.

    Args:
        run: Runs a tower.
        samples: Real clips.
        temporal: Whether there is a temporal tower.
        geometry: Whether it takes the geometry.
    """
    crops = samples.crops.reshape(-1, *samples.crops.shape[2:])
    frames = run("image", {"crops": crops}).reshape(*samples.crops.shape[:2], -1)
    return embed_clips(frames, samples.geometry if geometry else None, partial(run, "temporal") if temporal else None)


def run_graph(graph: Path, inputs: Inputs) -> Float32:
    """The output of a graph, a part of the items at a time."""
    run = runner(graph)
    return np.concatenate([run(part) for part in _parts(inputs)]).astype(np.float32)


@torch.inference_mode()
def run_network(network: nn.Module, inputs: Inputs) -> Float32:
    """The output of a network, likewise."""
    found = [network(*map(torch.from_numpy, part.values())).numpy() for part in _parts(inputs)]
    return np.concatenate(found).astype(np.float32)


def _parts(inputs: Inputs) -> Iterator[dict[str, Array]]:
    for start in range(0, len(next(iter(inputs.values()))), _STEP):
        yield {name: array[start : start + _STEP] for name, array in inputs.items()}


def _fitted(path: Path, length: int) -> Tokenizer:
    """A tokenizer that cuts and fills to a length, so that whoever reads the pack need not know how."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises a bare Exception
        code, message = "bad_input", f"expected a tokenizer in {path.name}: {error}"
        raise ExportError(code, message) from error
    padding = tokenizer.padding
    if padding is None:
        code, message = "bad_input", f"expected a tokenizer that says how it pads in {path.name}"
        raise ExportError(code, message)
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(length=length, pad_id=padding["pad_id"], pad_token=padding["pad_token"])
    return tokenizer


def _check_samples(samples: SampleClips, space: Space) -> None:
    wanted = (space.size, space.size, 3)
    shape = samples.crops.shape
    problem = None
    if len(shape) != 5 or shape[2:] != wanted or shape[0] < 8 or samples.crops.dtype != np.uint8:
        problem = f"at least 8 clips of uint8 crops of {wanted}, got {samples.crops.dtype} {shape}"
    elif space.geometry and (samples.geometry is None or samples.geometry.shape != (*shape[:2], 5)):
        got = "none" if samples.geometry is None else samples.geometry.shape
        problem = f"geometry of {(*shape[:2], 5)}, got {got}"
    if problem:
        code, message = "bad_input", f"expected samples with {problem}"
        raise ExportError(code, message)


def _manifest(
    writer: PackWriter, folder: Path, space: Space, towers: Towers, bank: Float32, documents: Sequence[Path]
) -> dict[str, object]:
    temporal = None
    if towers.temporal is not None:
        temporal = {
            "graph": writer.add(folder / "temporal.onnx", "temporal.onnx"),
            "frames": space.frames,
            "interval_s": space.interval_s,
            "geometry": space.geometry,
        }
    return {
        "kind": "encoder",
        "version": space.version,
        "description": space.description,
        "licence": space.licence,
        "provenance": space.provenance,
        "dim": space.dim,
        "sentence": space.sentence,
        "temperature": space.temperature,
        "image": {
            "graph": writer.add(folder / "image.onnx", "image.onnx"),
            "size": space.size,
            "context": space.context,
        },
        "temporal": temporal,
        "text": {
            "graph": writer.add(folder / "text.onnx", "text.onnx"),
            "tokenizer": writer.add(folder / "tokenizer.json", "tokenizer.json"),
            "length": space.length,
        },
        "bank": writer.add_arrays({"features": bank}, "bank.npz"),
        "phrases": writer.add(folder / "phrases.json", "phrases.json"),
        "documents": [writer.add(path, path.name) for path in documents],
    }
