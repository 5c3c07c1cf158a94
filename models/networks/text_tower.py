"""A small text tower: token embeddings, a few transformer layers, the mean over tokens, unit length.

Distilled from a sentence encoder (``training/text/text_tower.py``). Without layers it is a static embedding: a sum of
words that knows no order.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

PAD = 0
"""The token that fills a text up."""

_HIDDEN = -1e4
"""Added to the attention towards padding. Not minus infinity, so that an empty text gives numbers and not NaN."""


class TextTower(nn.Module):
    """Tokens to a vector of unit length.

    Attributes:
        vocabulary: Number of tokens; ``PAD`` is one.
        width: Of a token's embedding, ``E``.
        depth: Layers.
        length: The longest text, in tokens.
        dim: Of the result, ``D``.
    """

    def __init__(self, vocabulary: int, width: int = 256, depth: int = 2, length: int = 32, dim: int = 384) -> None:
        """Build it, with random weights.

        Args:
            vocabulary: Number of tokens.
            width: Of a token's embedding, a multiple of 64 (the width of an attention head).
            depth: Layers; 0 for none, and then no positions either.
            length: The longest text, in tokens.
            dim: Of the result.

        Raises:
            ValueError: If the width does not divide into heads of 64.
        """
        super().__init__()
        if width % 64:
            msg = f"expected a width that 64 divides, got {width}"
            raise ValueError(msg)
        self.vocabulary, self.width, self.depth, self.length, self.dim = vocabulary, width, depth, length, dim
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.zeros(length, width)) if depth else None
        layer = nn.TransformerEncoderLayer(
            width, width // 64, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False) if depth else None
        self.projection = nn.Linear(width, dim)

    def embed_tokens(self, tokens: Tensor) -> Tensor:
        """``(B, L)`` int64 to the ``(B, L, E)`` embeddings, without position: where learned prompts are put in."""
        return cast(Tensor, self.tokens(tokens))

    def encode_embedded(self, embedded: Tensor, mask: Tensor) -> Tensor:
        """Encode embedded tokens.

        Args:
            embedded: ``(B, L, E)``, ``L`` at most ``length``.
            mask: ``(B, L)`` bool, False where padded.

        Returns:
            ``(B, D)`` of unit length.
        """
        there = mask.to(embedded.dtype)
        hidden = embedded
        if self.layers is not None and self.positions is not None:
            hidden = hidden + self.positions[: embedded.shape[1]]
            hidden = self.layers(hidden, src_key_padding_mask=(1 - there) * _HIDDEN)
        mean = (hidden * there[..., None]).sum(1) / there.sum(1, keepdim=True).clamp(min=1)
        return nn.functional.normalize(self.projection(mean), dim=-1)

    def forward(self, tokens: Tensor) -> Tensor:
        """``(B, L)`` int64, filled up with ``PAD``, to ``(B, D)`` of unit length."""
        return self.encode_embedded(self.embed_tokens(tokens), tokens != PAD)
