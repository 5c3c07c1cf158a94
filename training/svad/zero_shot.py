"""How well a clip encoder tells what is done, by words that it has not learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.arrays import Float32, Mask
from training.data.object_clips import ObjectClips
from training.svad.trainer import ClipNetwork, Words, balanced


@dataclass(frozen=True, slots=True)
class Embedded:
    """What is measured of clips: embeddings ``(M, D)`` float32, labels ``(M,)`` and sources ``(M,)``."""

    embeddings: Float32
    labels: NDArray[np.int64]
    sources: NDArray[np.uint8]


@torch.inference_mode()
def embed(encoder: ClipNetwork, clips: ObjectClips, indices: NDArray[np.int64], batch: int = 128) -> Embedded:
    """The embeddings of clips, in full."""
    encoder.eval()
    found, labels, sources = [], [], []
    for start in range(0, len(indices), batch):
        part = clips.batch(indices[start : start + batch])
        found.append(encoder.of_batch(part).float().cpu().numpy())
        labels.append(part.actions)
        sources.append(part.sources)
    return Embedded(np.concatenate(found), np.concatenate(labels), np.concatenate(sources))


def accuracy(encoder: ClipNetwork, clips: ObjectClips, said: Words, count: int = 1024) -> float:
    """Of `zero_shot` over a sample of the clips, evenly of all actions."""
    chosen = balanced(clips.labels, count, 0.0, np.random.default_rng(0))
    return float(zero_shot(embed(encoder, clips, chosen), said)["accuracy"])


def zero_shot(embedded: Embedded, said: Words) -> dict[str, Any]:
    """Name the action of each clip by wording that was held out, and find the clips of each wording.

    Returns:
        ``accuracy``, mean over the actions of the share named right; ``retrieval``, mean average precision of the
        clips by wording; ``by_action``; ``confusion`` (actions x actions, rows sum to one).
    """
    actions = np.unique(embedded.labels)
    accuracies, precisions = [], []
    confusion = np.zeros((len(said.actions), len(said.actions)))
    for turn in range(min(len(said.held_out[action]) for action in actions)):
        texts = np.stack([said.held_out[action][turn] for action in actions])
        similar = embedded.embeddings @ texts.T
        named = actions[similar.argmax(axis=1)]
        np.add.at(confusion, (embedded.labels, named), 1.0)
        accuracies.append([float((named[embedded.labels == action] == action).mean()) for action in actions])
        precisions.append(
            [_average_precision(similar[:, column], embedded.labels == action) for column, action in enumerate(actions)]
        )
    by_action = np.mean(accuracies, axis=0)
    return {
        "accuracy": float(by_action.mean()),
        "retrieval": float(np.mean(precisions)),
        "by_action": {
            said.actions[action]: round(float(share), 4) for action, share in zip(actions, by_action, strict=True)
        },
        "confusion": confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1.0),
    }


def _average_precision(scores: Float32, relevant: Mask) -> float:
    ranked = relevant[np.argsort(-scores, kind="stable")]
    found = np.flatnonzero(ranked)
    return float((np.arange(1, len(found) + 1) / (found + 1)).mean())
