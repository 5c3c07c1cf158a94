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

    width: int
    """Of a token's embedding."""

    def embed_tokens(self, tokens: Tensor) -> Tensor:
        """``(B, L)`` int64 to ``(B, L, width)``, without positions."""
        ...

    def encode_embedded(self, embedded: Tensor, mask: Tensor) -> Tensor:
        """``(B, L, width)`` embeddings and ``(B, L)`` bool, true where a token is, to ``(B, D)`` features."""
        ...


class Prompts(nn.Module):
    """``{C_1, .., Tokenizer(T), .., C_k}`` (equation 5), through the frozen tower (equation 6)."""

    def __init__(
        self, tower: TokenTower, count: int = PROMPTS, *, pad: int = 0, framed: bool = True, seed: int = 0
    ) -> None:
        """Draw the first prompts.

        Args:
            tower: Frozen by its owner.
            count: k, half of them before the words and half behind.
            pad: The token that fills a text up.
            framed: Whether a text has a start and an end token.
            seed: Of the first values.
        """
        super().__init__()
        # Not a submodule: a checkpoint holds what learns, and nothing of the tower.
        self._tower = (tower,)
        self._pad, self._framed = pad, framed
        drawn = torch.randn(count, tower.width, generator=torch.Generator().manual_seed(seed))
        self.vectors = nn.Parameter(0.02 * drawn)

    def forward(self, tokens: Tensor) -> Tensor:
        """``(N, L)`` int64 tokens, padding last, to ``(N, D)`` of unit length."""
        tower = self._tower[0]
        embedded, mask = insert(
            tower.embed_tokens(tokens), tokens != self._pad, self.vectors, tower.length, framed=self._framed
        )
        return functional.normalize(tower.encode_embedded(embedded, mask), dim=-1)


def insert(embedded: Tensor, mask: Tensor, vectors: Tensor, length: int, *, framed: bool) -> tuple[Tensor, Tensor]:
    """Put half of the vectors before the words of each row and the others behind them.

    Args:
        embedded: ``(N, L, E)``.
        mask: ``(N, L)`` bool, true where a token is; these come first in each row.
        vectors: ``(K, E)``.
        length: Most tokens that the tower takes; longer rows lose their last words.
        framed: Whether the first and the last token of a row are no words, but its start and its end.

    Returns:
        ``(N, L', E)`` and its mask, L' at most ``length``.

    Raises:
        ValueError: If the vectors leave no room for a word.
    """
    rows, columns, _ = embedded.shape
    count, before, frame = len(vectors), len(vectors) // 2, int(framed)
    room = length - count - 2 * frame
    if room < 1:
        msg = f"expected prompts that leave room for a word in {length} tokens, got {count}"
        raise ValueError(msg)
    tokens = mask.sum(dim=1, keepdim=True)
    words = (tokens - 2 * frame).clamp(min=0, max=room)
    first = frame + before
    behind = first + words
    last = behind + count - before
    place = torch.arange(min(columns + count, length), device=mask.device).expand(rows, -1)
    # Sources below `columns` are the row's own tokens, those above are vectors.
    source = torch.where(place < first, columns + place - frame, place - before)
    source = torch.where((place >= behind) & (place < last), columns + before + place - behind, source)
    if framed:
        source = torch.where(place == 0, 0, source)
        source = torch.where(place == last, tokens - 1, source)
    full = torch.cat([embedded, vectors.to(embedded.dtype).expand(rows, -1, -1)], dim=1)
    source = source.clamp(min=0, max=full.shape[1] - 1)
    found = full.gather(1, source.unsqueeze(-1).expand(-1, -1, full.shape[2]))
    return found, place < last + frame


class ClipTokens:
    """An ``open_clip`` text tower, entered behind its token embeddings."""

    def __init__(self, clip: Any) -> None:
        """Enter a tower; it stays the caller's.

        Args:
            clip: An ``open_clip.CLIP``, whose text tower pools at the end token.

        Raises:
            ValueError: If its text tower is of another kind, such as one that also looks at what follows the end.
        """
        if getattr(clip, "attn_mask", None) is None:
            msg = f"expected a CLIP whose text tower has causal attention, got {type(clip).__name__}"
            raise ValueError(msg)
        self._clip = clip
        self.length = int(clip.context_length)
        self.width = int(clip.token_embedding.weight.shape[1])

    def embed_tokens(self, tokens: Tensor) -> Tensor:
        """See `TokenTower`."""
        embedded: Tensor = self._clip.token_embedding(tokens)
        return embedded

    def encode_embedded(self, embedded: Tensor, mask: Tensor) -> Tensor:
        """See `TokenTower`; what comes behind the end token is hidden from it by the causal attention."""
        clip = self._clip
        length = embedded.shape[1]
        x = embedded + clip.positional_embedding[:length]
        x = clip.ln_final(clip.transformer(x, attn_mask=clip.attn_mask[:length, :length]))
        pooled: Tensor = x[torch.arange(len(x), device=x.device), mask.sum(dim=1) - 1]
        projection = clip.text_projection
        if isinstance(projection, nn.Linear):
            return torch.as_tensor(projection(pooled))
        return pooled if projection is None else pooled @ projection
