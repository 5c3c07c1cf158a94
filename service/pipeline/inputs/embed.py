"""Clip features of the tracked objects of all streams of a tick."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.arrays import Float32
from models.crops import crop
from models.observation import Objects
from service.engine.encoder import JointEncoder
from service.frames import Frame
from service.pipeline.inputs.clips import ClipBuffers


def embed(encoder: JointEncoder, frames: Sequence[tuple[ClipBuffers, Frame, Objects]]) -> list[Float32]:
    """Look at the objects that are due: all crops of all frames in one batch, then all of their clips in another.

    Args:
        encoder: Of the streams.
        frames: One of each of any streams, with its stream's buffers and tracked objects.

    Returns:
        For each frame with ``N`` objects: ``(N, D)``, of unit length; NaN rows for objects without a clip.
    """
    due = [clips.due(objects, frame.pts) for clips, frame, objects in frames]
    crops = [
        crop(frame.image, objects.boxes[index], encoder.size, encoder.context)
        for (_, frame, objects), chosen in zip(frames, due, strict=True)
        for index in chosen.tolist()
    ]
    if crops:
        ends = np.cumsum([len(chosen) for chosen in due])[:-1]
        tracks = [objects.track_ids[chosen].tolist() for (*_, objects), chosen in zip(frames, due, strict=True)]
        features = np.split(encoder.embed_crops(np.stack(crops)), ends)
        for (clips, frame, objects), chosen, rows in zip(frames, due, features, strict=True):
            clips.add(objects, chosen, rows, frame.pts)
        windows = [
            clips.windows(numbers, frame.image.shape[1] / frame.image.shape[0])
            for (clips, frame, _), numbers in zip(frames, tracks, strict=True)
            if numbers
        ]
        window, place = (np.concatenate(parts) for parts in zip(*windows, strict=True))
        embedded = np.split(encoder.embed_clips(window, place), ends)
        for (clips, *_), numbers, rows in zip(frames, tracks, embedded, strict=True):
            clips.keep(numbers, rows)
    return [clips.video(objects, encoder.dim) for clips, _, objects in frames]
