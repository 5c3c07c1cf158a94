"""What the svad head says of clips: by its scores, and not by their embeddings alone, two encoders are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.arrays import Arrays, Float32, Float64
from models.guidance.bank import Phrase
from models.heads.svad.head import SvadHead
from models.scoring.calibration import MIN_SCORES


def svad_head(phrases: Sequence[Phrase], bank: Float32) -> SvadHead:
    """The head over the actions of a bank.

    Args:
        phrases: Of the bank.
        bank: ``(K, D)``, their features, of unit length.
    """
    actions = [index for index, phrase in enumerate(phrases) if phrase.kind == "action"]
    return SvadHead({}, "encoder", np.asarray(bank[actions], np.float32), [phrases[index].text for index in actions])


def learn_normal(head: SvadHead, embeddings: Float32) -> Arrays:
    """The head's profile of normal embeddings ``(M, D)``, one a frame; too few are taken more than once."""
    enough = np.resize(embeddings, (max(len(embeddings), MIN_SCORES), embeddings.shape[1]))
    samples = [_frame(embedding) for embedding in enough]
    return head.fit(samples, [0] * len(samples)).arrays


def head_scores(head: SvadHead, profile: Arrays, embeddings: Float32) -> Float64:
    """``(M,)`` raw scores in 0..2 of embeddings ``(M, D)``."""
    return np.array([head.score(_frame(embedding), profile).frame for embedding in embeddings])


def _frame(embedding: Float32) -> Arrays:
    """A frame with one object, as ``SvadHead.features`` describes it."""
    return {"embeddings": embedding[None].astype(np.float16), "believed": np.ones(1, np.uint8)}
