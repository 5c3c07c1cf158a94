"""Learns the prompts of the bank's actions (equations 4 to 6) through a text tower, on clips of what is usual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn

from export.encoder import run_network, tokenise
from models.arrays import Float32
from models.networks.prompts import TokenTower
from training.data.object_clips import ObjectClips
from training.svad.trainer import ClipNetwork, PromptTuning, balanced, learn_prompts
from training.svad.zero_shot import embed
from training.text.phrases import Phrases

_CLIPS = 6_000  # that prompts are learned on


@dataclass(frozen=True, slots=True)
class TextSide:
    """A frozen text tower and how it reads.

    Attributes:
        network: ``(B, L)`` int64 tokens to ``(B, D)`` of unit length.
        tower: The same, entered behind its token embeddings.
        tokenizer: Cuts and fills texts to its length.
        framed: Whether its texts have a start and an end token.
    """

    network: nn.Module
    tower: TokenTower
    tokenizer: Tokenizer
    framed: bool

    def encode(self, texts: Sequence[str]) -> Float32:
        """``(N, D)`` float32 of unit length."""
        return run_network(self.network, {"tokens": tokenise(self.tokenizer, texts)})


def learn_bank_prompts(
    encoder: ClipNetwork, text: TextSide, clips: ObjectClips, settings: PromptTuning, out: Path
) -> Float32:
    """Learn the prompts, and keep equation 6 in ``responses.npy``.

    Args:
        encoder: Pre-trained.
        text: Of the same space.
        clips: Object clips.
        settings: Of the run.
        out: Its folder.

    Returns:
        ``(N, D)`` float32, the bank's actions.
    """
    actions = [phrase.text for phrase in Phrases.load().entries() if phrase.kind == "action"]
    chosen = balanced(clips.labels, min(_CLIPS, len(clips)), 0.5, np.random.default_rng(settings.seed))
    features = learn_prompts(
        text.tower,
        torch.from_numpy(tokenise(text.tokenizer, actions)),
        embed(encoder, clips, chosen).embeddings,
        text.encode(actions),
        settings,
        out,
        framed=text.framed,
        towers=encoder.frozen,
    )
    np.save(out / "responses.npy", features)
    return features
