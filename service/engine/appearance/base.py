"""The interface of a network that says how objects look."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Image


class AppearanceNetwork(Protocol):
    """Embeds crops of objects of any streams, in one batch. Holds no state of any stream.

    Attributes:
        name: Of its pack, or of its file.
        identity: What profiles remember it by: the name and the hash.
        dim: ``D``, numbers of an embedding.
    """

    name: str
    identity: str
    dim: int

    def cut(self, picture: Image, box: Float32) -> Image:
        """``(h, w, 3)`` BGR, what it looks at of an object.

        Args:
            picture: ``(H, W, 3)`` BGR.
            box: ``(4,)`` x, y (top left), width and height as fractions of it.
        """
        ...

    def embed(self, crops: NDArray[np.uint8]) -> Float32:
        """``(N, D)`` of unit length, of ``(N, h, w, 3)`` crops as ``cut`` gives them, N at least 1."""
        ...

    def close(self) -> None:
        """Free the session and its buffers. Idempotent."""
        ...
