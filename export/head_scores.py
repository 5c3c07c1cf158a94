"""What the svad head says of clips: by its scores, and not by their features alone, two encoders are compared."""

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


def learn_normal(head: SvadHead, clips: Float32) -> Arrays:
    """The head's profile of normal clips ``(M, D)``, one a frame; fewer than it asks for are taken more than once."""
    samples = [_frame(clip) for clip in np.resize(clips, (max(len(clips), MIN_SCORES), clips.shape[1]))]
    return head.fit(samples, [0] * len(samples)).arrays


def head_scores(head: SvadHead, profile: Arrays, clips: Float32) -> Float64:
    """``(M,)`` raw scores in 0..2 of clips ``(M, D)``."""
    return np.array([head.score(_frame(clip), profile).frame for clip in clips])


def _frame(clip: Float32) -> Arrays:
    """A frame with one object, as ``SvadHead.features`` describes it."""
    return {"video": clip[None].astype(np.float16), "believed": np.ones(1, np.uint8)}
