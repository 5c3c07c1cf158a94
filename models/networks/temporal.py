"""The temporal fusion component (TFC) of the svad paper: frame features of an object to the feature of its clip.

Gao, Yang, Huang: Scene-adaptive SVAD based on multi-modal action-based feature extraction, section 3.2. The paper
says "a transformer encoder" and no more; its depth and width here are ours. So is the geometry: a crop that follows
its object no longer shows how fast that object moves, which a runner and a walker differ in most.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.crops import GEOMETRY

FRAMES = 9
"""Crops a clip; section 4.6 of the paper compares 5, 7, 9 and 11."""

ALPHA = 0.7
"""Residual ratio of the fused feature (section 4.2)."""

BETA = 0.3
"""Residual ratio of the middle frame; the paper does not say, and the two add up to one."""


class TemporalFusion(nn.Module):
    """Equation 2: ``alpha * TFC(F_1 .. F_T) + beta * F_middle``, of unit length."""

    def __init__(
        self,
        dim: int,
        *,
        frames: int = FRAMES,
        geometry: bool = False,
        width: int | None = None,
        layers: int = 2,
        heads: int = 4,
        alpha: float = ALPHA,
        beta: float = BETA,
        dropout: float = 0.1,
    ) -> None:
        """Build it.

        Args:
            dim: Of the frame features and of the joint space.
            frames: T, crops a clip.
            geometry: Whether it also takes what `models.crops.geometry` tells of the boxes.
            width: Of the transformer; ``dim`` if None.
            layers: Of the transformer.
            heads: Of its attention.
            alpha: Residual ratio of the fused feature.
            beta: Of the middle frame's.
            dropout: In the transformer, in training.
        """
        super().__init__()
        inner = width or dim
        self.frames, self.alpha, self.beta = frames, alpha, beta
        self.enter = nn.Linear(dim, inner)
        self.place = nn.Sequential(nn.Linear(GEOMETRY, inner), nn.GELU(), nn.Linear(inner, inner)) if geometry else None
        self.order = nn.Parameter(torch.randn(frames, inner) * 0.02)
        layer = nn.TransformerEncoderLayer(
            inner, heads, 2 * inner, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(inner), enable_nested_tensor=False)
        self.leave = nn.Linear(inner, dim)

    def forward(self, frames: Tensor, geometry: Tensor | None = None, order: Tensor | None = None) -> Tensor:
        """Fuse the frames of clips.

        Args:
            frames: ``(B, T, dim)`` features, oldest first.
            geometry: ``(B, T, 5)``, where it was built with geometry.
            order: ``(B, T)`` int64, which of the T frames these are, if it is only some of them (the middle one in
                the middle); None for all.

        Returns:
            ``(B, dim)``, of unit length.

        Raises:
            ValueError: If geometry is given and not wanted, or the other way round.
        """
        if (geometry is None) != (self.place is None):
            msg = f"expected {'no ' if self.place is None else ''}geometry"
            raise ValueError(msg)
        tokens = self.enter(frames) + (self.order if order is None else self.order[order])
        if self.place is not None:
            tokens = tokens + self.place(geometry)
        fused = self.leave(self.encoder(tokens).mean(dim=1))
        middle = frames[:, frames.shape[1] // 2]
        return functional.normalize(self.residual(fused, middle), dim=-1)

    def residual(self, fused: Tensor, middle: Tensor) -> Tensor:
        """Equation 2 itself, of ``(B, dim)`` each."""
        return self.alpha * fused + self.beta * middle
