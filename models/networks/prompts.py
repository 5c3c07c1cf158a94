"""Learnable prompts around the words of an action, equations 4 to 6 of the svad paper.

Gao, Yang, Huang: Scene-adaptive SVAD based on multi-modal action-based feature extraction, section 3.3, after Zhou et
al., Learning to prompt for vision-language models (IJCV 2022). The prompts are vectors in the space of the text
tower's token embeddings; only they learn, the tower is frozen.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

PROMPTS = 8
"""Learnable vectors, half of them before the action and half behind it. The paper does not say how many; 4 to 16 are
usual since Zhou et al."""


class TokenTower(Protocol):
    """A text tower that can be entered behind its token embeddings."""

    length: int
    """Most tokens it takes."""

    pad: int
    """Id of the token that fills up."""

    width: int
    """Of a token's embedding."""

    def embed_tokens(self, tokens: Tensor) -> Tensor:
        """``(B, L)`` int64 to ``(B, L, width)``, without positions."""
        ...

    def encode(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        """``(B, L, width)`` embeddings and ``(B, L)`` bool, true where a token is, to ``(B, D)`` features."""
        ...


class Prompts(nn.Module):
    """``{C_1, .., Tokenizer(T), .., C_k}`` (equation 5), through the frozen tower (equation 6)."""

    def __init__(self, tower: TokenTower, count: int = PROMPTS, *, seed: int = 0) -> None:
        """Args: tower, frozen by its owner; count, k; seed, of the first values."""
        super().__init__()
        # Not a submodule: a checkpoint holds what learns, and nothing of the tower.
        self._tower = (tower,)
        drawn = torch.randn(count, tower.width, generator=torch.Generator().manual_seed(seed))
        self.vectors = nn.Parameter(0.02 * drawn)

    def forward(self, tokens: Tensor) -> Tensor:
        """``(N, L)`` int64 tokens, each row a start, words, an end, and padding, to ``(N, D)`` of unit length."""
        tower = self._tower[0]
        embeddings, mask = insert(tower.embed_tokens(tokens), tokens != tower.pad, self.vectors, tower.length)
        return functional.normalize(tower.encode(embeddings, mask), dim=-1)


def insert(embeddings: Tensor, mask: Tensor, vectors: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Put half of the vectors behind the start token and half before the end token of each row.

    Args:
        embeddings: ``(N, L, E)``.
        mask: ``(N, L)`` bool, true where a token is; these come first in each row.
        vectors: ``(K, E)``.
        length: Most tokens that the tower takes; longer rows lose words before their end token.

    Returns:
        ``(N, L', E)`` and its mask, L' at most ``length``.

    Raises:
        ValueError: If the vectors leave no room for a word.
    """
    count, before = len(vectors), len(vectors) // 2
    if count + 3 > length:
        msg = f"expected prompts that leave room for a word in {length} tokens, got {count}"
        raise ValueError(msg)
    rows, columns, _ = embeddings.shape
    words = (mask.sum(dim=1, keepdim=True) - 2).clamp(min=0, max=length - count - 2)
    place = torch.arange(min(columns + count, length), device=mask.device).expand(rows, -1)
    after = before + 1 + words  # where the vectors behind the words begin
    last = words + count + 1
    end = mask.sum(dim=1, keepdim=True) - 1
    # Places below `columns` are the row's own tokens, those above are vectors.
    source = torch.where(place <= before, columns + place - 1, place - before)
    source = torch.where((place >= after) & (place < last), columns + before + place - after, source)
    source = torch.where(place == 0, 0, source)
    source = torch.where(place == last, end, source)
    full = torch.cat([embeddings, vectors.to(embeddings.dtype).expand(rows, -1, -1)], dim=1)
    source = source.clamp(max=full.shape[1] - 1)
    found = full.gather(1, source.unsqueeze(-1).expand(-1, -1, full.shape[2]))
    return found, place <= last


class ClipTokens:
    """An ``open_clip`` text tower, entered behind its token embeddings."""

    pad = 0

    def __init__(self, clip: Any) -> None:
        """Args: clip, an ``open_clip.CLIP``, whose text tower pools at the end token."""
        self._clip = clip
        self.length = int(clip.context_length)
        self.width = int(clip.token_embedding.weight.shape[1])

    def embed_tokens(self, tokens: Tensor) -> Tensor:
        """See `TokenTower`."""
        embeddings: Tensor = self._clip.token_embedding(tokens)
        return embeddings

    def encode(self, embeddings: Tensor, mask: Tensor) -> Tensor:
        """See `TokenTower`; what comes behind the end token is hidden from it by the causal attention."""
        clip = self._clip
        length = embeddings.shape[1]
        x = embeddings + clip.positional_embedding[:length]
        causal = None if clip.attn_mask is None else clip.attn_mask[:length, :length]
        x = clip.ln_final(clip.transformer(x, attn_mask=causal))
        pooled: Tensor = x[torch.arange(len(x), device=x.device), mask.sum(dim=1) - 1]
        projection = clip.text_projection
        if isinstance(projection, nn.Linear):
            return torch.as_tensor(projection(pooled))
        return pooled if projection is None else pooled @ projection
