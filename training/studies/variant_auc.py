"""What an encoder in fewer bits costs the svad head: AUC over labelled object clips."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from export.encoder import SampleClips
from export.head_scores import head_scores, learn_normal, svad_head
from export.quantise import Judge
from models.arrays import Float32
from models.packs import EncoderManifest, Pack
from training.data.object_clips import ClipBatch, ObjectClips
from training.svad.trainer import balanced

USUAL = ("walk", "stand", "talk", "phone")
"""Actions that are normal unless others are named: what most people do in most places."""

_SPLITS = 20
"""Halves that are learned from, averaged: the head's k-means starts elsewhere in each, and one start differs from the
next by up to 0.03 of AUC, more than 8 bits cost."""

_CALIBRATION = 64


def judge_of(pack: Pack, folder: Path, usual: Collection[str] = USUAL, count: int = 600) -> tuple[SampleClips, Judge]:
    """Clips to calibrate on, and a judge by others.

    The head learns from half of the usual clips, and ranks the other half and all others (``models.heads.svad.head``).

    Args:
        pack: Of an encoder.
        folder: Object clips, cut out at the encoder's size.
        usual: Actions that are normal.
        count: Clips that are judged by.

    Raises:
        ValueError: If the clips are of another size, or none of them is usual, or none is not.
    """
    manifest = pack.manifest_of(EncoderManifest)
    clips = ObjectClips(folder, 1 if manifest.temporal is None else manifest.temporal.frames)
    if clips.size != manifest.image.size:
        msg = f"expected clips of {manifest.image.size} pixels in {folder.name}, got {clips.size}"
        raise ValueError(msg)
    normal = np.isin(clips.labels, [clips.actions.index(action) for action in usual if action in clips.actions])
    if normal.all() or not normal.any():
        msg = f"expected clips of {', '.join(usual)} and of other actions in {folder.name}, got one kind alone"
        raise ValueError(msg)
    rng = np.random.default_rng(0)
    of_each = [rng.permutation(np.flatnonzero(mask))[: count // 2] for mask in (normal, ~normal)]
    chosen = np.concatenate(of_each)
    unusual = np.repeat([False, True], [len(each) for each in of_each])
    rest = np.setdiff1d(balanced(clips.labels, _CALIBRATION + count, 0.0, rng), chosen)[:_CALIBRATION]
    phrases, usuals = pack.phrases(), len(of_each[0])

    def auc(embeddings: Float32, bank: Float32) -> float:
        head, found = svad_head(phrases, bank), []
        for split in range(_SPLITS):
            order = np.random.default_rng(split).permutation(usuals)
            learned, judged = order[: usuals // 2], np.append(order[usuals // 2 :], np.arange(usuals, len(embeddings)))
            scores = head_scores(head, learn_normal(head, embeddings[learned]), embeddings[judged])
            found.append(roc_auc_score(unusual[judged], scores))
        return float(np.mean(found))

    said = f"{len(chosen)} object clips of {folder.name} ({clips.hash[:16]}), usual: {', '.join(usual)}"
    return _samples(clips.batch(rest)), Judge(_samples(clips.batch(chosen)), auc, said)


def _samples(batch: ClipBatch) -> SampleClips:
    return SampleClips(batch.crops, batch.geometry)
