"""The phrase bank where the clips of a stream lie: what contrastive rules are matched with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.arrays import Float32, Mask

_AT_ONCE, _FEW = 4, 64  # embeddings in one product, and up to how many so few are


@dataclass(frozen=True, slots=True)
class EmbeddedBank:
    """A bank's phrases in the space of an encoder's clips.

    Attributes:
        features: ``(K, D)`` float32, its phrases in the space of clips.
        temperature: Of the softmax over them that the encoder was trained with, greater than 0.
        trained: ``(K,)`` bool, of which phrases the encoder learned clips; a rule is matched by these alone. None is
            all.
    """

    features: Float32
    temperature: float
    trained: Mask | None = None
    _columns: Float32 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Lay the bank out as the product with a few embeddings wants it.

        For four objects and a transposed view, or for eight and any, OpenBLAS starts its threads, and on two busy
        cores waits for them: 4 and 1 ms; four at a time over rows that lie together take 0.05 ms each.
        """
        object.__setattr__(self, "_columns", np.ascontiguousarray(self.features.T))

    def cosines(self, embeddings: Float32) -> Float32:
        """``(N, K)`` float32, of each with each phrase; 0 where there is none."""
        known = np.nan_to_num(embeddings)
        if not 0 < len(known) <= _FEW:
            return known @ self._columns
        parts = [known[start : start + _AT_ONCE] @ self._columns for start in range(0, len(known), _AT_ONCE)]
        return np.concatenate(parts)
