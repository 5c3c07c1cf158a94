"""The built-in image tower: a small residual network over one crop of an object (He et al., CVPR 2016).

It takes the place of CLIP's image encoder in equation 1 of the svad paper (Gao, Yang, Huang: Scene-adaptive SVAD
based on multi-modal action-based feature extraction) where there is no room for one: 19 million multiplications a
crop against the 17 billion of ViT-B/16. Being ours it has learned nothing yet, so it is trained together with the
temporal fusion, where the paper keeps CLIP frozen.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

SIZE = 64
"""Side of the crops, in pixels."""

WIDTHS = (16, 32, 64, 128)
"""Channels at a half, a quarter, an eighth and a sixteenth of the crop's resolution: 369 clips of nine fresh crops a
second of one core under ONNX Runtime."""

_PLACES = 32  # channels that keep where in the crop something is: a pose is where limbs are
_MEAN, _SCALE = 118.0, 60.0  # grey levels, about the mean and spread of the virtual world's crops


class ImageTower(nn.Module):
    """Crops to features of the joint space."""

    def __init__(self, dim: int, widths: tuple[int, ...] = WIDTHS) -> None:
        """Build it, with random weights.

        Args:
            dim: Of the joint space.
            widths: Channels a stage, each at half the resolution of the one before.
        """
        super().__init__()
        self.size = SIZE
        stages: list[nn.Module] = [_convolution(3, widths[0], kernel=5, stride=2)]
        for before, after in itertools.pairwise(widths):
            stages += [_convolution(before, after, stride=2), _Residual(after)]
        self.stages = nn.Sequential(*stages)
        side = SIZE >> len(widths)
        self.places = nn.Sequential(nn.Conv2d(widths[-1], _PLACES, 1), nn.ReLU(inplace=True), nn.Flatten())
        self.head = nn.Linear(_PLACES * side * side + widths[-1], dim)

    def forward(self, crops: Tensor) -> Tensor:
        """``(B, 64, 64, 3)`` uint8 BGR, or float on the same scale, to ``(B, dim)`` features, not normalised."""
        pixels = (crops.permute(0, 3, 1, 2).to(torch.float32) - _MEAN) / _SCALE
        seen = self.stages(pixels)
        features: Tensor = self.head(torch.cat([self.places(seen), seen.mean(dim=(2, 3))], dim=1))
        return features


def _convolution(before: int, after: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))
