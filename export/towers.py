"""Encoder packs of published joint spaces: CLIP ViT-B/16 and B/32, and MobileCLIP2-S0, whose towers ``open_clip`` has.

A crop goes into the graph as it is cut out of the frame, at the tower's own size: the cut resizes (``models.crops``),
the graph normalises. There is no temporal tower, unless a trained one is given.
"""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path
from typing import Any, Final

from torch import Tensor, nn

from export.checkpoint import load_weights, needs, read_weights
from export.clip_tokenizer import clip_tokenizer
from export.encoder import EncoderReport, SampleClips, Say, Space, Towers, export_encoder
from export.onnx import Crops, Unit
from models.guidance.bank import Phrase
from models.packs import Pack

CONTEXT: Final = 1.25
"""As the built-in encoder. CLIP has learned from whole pictures, so a little of the surroundings is what it expects."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A published pair of towers.

    Attributes:
        model: Its name in ``open_clip``. The weights of OpenAI go with ``quickgelu``, those of LAION and DataComp
            without; a checkpoint does not say which it is.
        size: Side of a crop.
        mean: Of R, G, B in 0..1, as its weights were trained.
        std: Likewise.
        licence: Of the published weights.
        provenance: Where they are published.
    """

    model: str
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    licence: str
    provenance: str


_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

ARCHITECTURES: Final = {
    "clip-vit-b16": Architecture(
        "ViT-B-16-quickgelu", 224, _CLIP_MEAN, _CLIP_STD, "MIT", "OpenAI CLIP, timm/vit_base_patch16_clip_224.openai"
    ),
    "clip-vit-b32": Architecture(
        "ViT-B-32-quickgelu", 224, _CLIP_MEAN, _CLIP_STD, "MIT", "OpenAI CLIP, timm/vit_base_patch32_clip_224.openai"
    ),
    "clip-vit-b16-laion2b": Architecture(
        "ViT-B-16", 224, _CLIP_MEAN, _CLIP_STD, "MIT", "OpenCLIP, laion/CLIP-ViT-B-16-laion2B-s34B-b88K"
    ),
    "clip-vit-b32-laion2b": Architecture(
        "ViT-B-32", 224, _CLIP_MEAN, _CLIP_STD, "MIT", "OpenCLIP, laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
    ),
    "mobileclip2-s0": Architecture(
        "MobileCLIP2-S0",
        256,
        (0.0, 0.0, 0.0),
        (1.0, 1.0, 1.0),
        "LicenseRef-Apple-AMLR",
        "Apple MobileCLIP2, timm/MobileCLIP2-S0-OpenCLIP",
    ),
}
"""By the name that the command line and the hub know them by."""


@dataclass(frozen=True, slots=True)
class Temporal:
    """A trained temporal tower over a published image tower.

    Attributes:
        network: ``(B, T, D)``, and ``(B, T, 5)`` with geometry, to ``(B, D)`` of unit length.
        frames: ``T``.
        interval_s: Between two of them.
        geometry: Whether it takes the geometry.
    """

    network: nn.Module
    frames: int
    interval_s: float
    geometry: bool


def build_clip(architecture: Architecture, weights: dict[str, Tensor]) -> Any:
    """The towers, an ``open_clip`` model on the CPU in evaluation mode.

    Args:
        architecture: Which.
        weights: Its checkpoint's.

    Raises:
        ExportError: ``missing_extra`` without ``open_clip``, ``bad_checkpoint`` if the weights are of another network.
    """
    with needs("train", "open_clip"):
        import open_clip
        from timm.utils.model import reparameterize_model
    logging.getLogger().disabled, before = True, logging.getLogger().disabled  # it warns that weights are random
    try:
        clip = open_clip.create_model(architecture.model, device="cpu", load_weights=False)
    finally:
        logging.getLogger().disabled = before
    load_weights(clip, weights, architecture.model)
    clip.eval()
    # FastViT trains with branches that are one convolution each once trained.
    return reparameterize_model(clip) if architecture.model.startswith("MobileCLIP") else clip


def export_clip(
    packs: Path,
    name: str,
    architecture: Architecture,
    checkpoint: Path,
    phrases: Sequence[Phrase],
    samples: SampleClips,
    *,
    temporal: Temporal | None = None,
    version: str = "1",
    replace: bool = False,
    say: Say = lambda _: None,
) -> tuple[Pack, EncoderReport]:
    """Write the encoder pack of a published joint space.

    Args:
        packs: The folder of packs.
        name: Of the pack.
        architecture: One of ``ARCHITECTURES``.
        checkpoint: Its weights (``export.checkpoint.read_weights``).
        phrases: Of the bank.
        samples: Real clips.
        temporal: Over the image tower, if one was trained.
        version: Of the pack.
        replace: Whether a pack of this name may exist.
        say: Is told each step, in a few words.

    Raises:
        ExportError: As of ``export_encoder``.
        models.packs.PackError: Likewise.
    """
    say("weights: reading")
    clip = build_clip(architecture, read_weights(checkpoint))
    length = int(clip.context_length)
    space = Space(
        version=version,
        description=f"{architecture.model}: a joint space of pictures and words.",
        licence=architecture.licence,
        provenance=architecture.provenance,
        dim=embedding_size(architecture),
        size=architecture.size,
        context=CONTEXT,
        length=length,
        temperature=math.exp(-float(clip.logit_scale.detach())),
        sentence=False,
    )
    if temporal is not None:
        space = changed(space, frames=temporal.frames, interval_s=temporal.interval_s, geometry=temporal.geometry)
    with tempfile.TemporaryDirectory(prefix="watchword-export-") as scratch:
        tokenizer = Path(scratch) / "tokenizer.json"
        clip_tokenizer(length).save(str(tokenizer))
        return export_encoder(
            packs,
            name,
            clip_towers(clip, architecture, None if temporal is None else temporal.network),
            space,
            tokenizer,
            phrases,
            samples,
            replace=replace,
            say=say,
        )


def clip_towers(clip: Any, architecture: Architecture, temporal: nn.Module | None = None) -> Towers:
    """The towers of ``build_clip`` as the graphs of a pack will be, in training and in export alike."""
    return Towers(Crops(_Image(clip), architecture.mean, architecture.std), temporal, Unit(_Text(clip)))


def embedding_size(architecture: Architecture) -> int:
    """``D``, of the joint space."""
    with needs("train", "open_clip"):
        import open_clip
    return int(open_clip.get_model_config(architecture.model)["embed_dim"])


class _Image(nn.Module):
    def __init__(self, clip: Any) -> None:
        super().__init__()
        self.visual = clip.visual

    def forward(self, planes: Tensor) -> Tensor:
        features: Tensor = self.visual(planes)
        return features


class _Text(nn.Module):
    def __init__(self, clip: Any) -> None:
        super().__init__()
        self.clip = clip

    def forward(self, tokens: Tensor) -> Tensor:
        features: Tensor = self.clip.encode_text(tokens)
        return features
