"""The embeddings of tracked objects' clips: crops, their features by the image tower, and the temporal fusion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.arrays import Float32
from models.crops import geometry
from models.observation import Objects
from service.engine.encoder import JointEncoder
from service.pipeline.inputs.provider import Look
from service.pipeline.inputs.track_clips import TrackClips

MAX_CROPS = 16
"""Crops of one frame, those that have waited longest first: a crowd is looked at less often, not ever more slowly.
At 3 ms a crop on two cores these take half of a frame's time at 10 frames a second."""


class EmbeddingBuffer:
    """Features of the last crops of each track of one stream, and the newest embedding. Not thread-safe."""

    def __init__(self, frames: int, interval_s: float) -> None:
        """Remember nothing yet.

        Args:
            frames: Crops of a clip, at least 1.
            interval_s: Seconds between two of them, greater than 0.
        """
        self.clips: TrackClips[np.float32] = TrackClips(frames, interval_s, MAX_CROPS)
        self._newest: dict[int, Float32] = {}

    def reset(self) -> None:
        """Forget everything, as after a gap."""
        self.clips.reset()
        self._newest.clear()

    def windows(self, track_ids: Sequence[int], aspect: float) -> tuple[Float32, Float32]:
        """What the temporal tower looks at.

        Args:
            track_ids: Of ``K`` tracks that were added to, K at least 1.
            aspect: Width of the picture over its height.

        Returns:
            ``(K, T, F)`` features, oldest first, and ``(K, T, 5)`` geometry.
        """
        frames, places = [], []
        for number in track_ids:
            entries = self.clips.clip(number)
            frames.append(np.stack([entry.look for entry in entries]))
            boxes, times = np.stack([entry.box for entry in entries]), np.array([entry.pts for entry in entries])
            places.append(geometry(boxes, times, aspect))
        return np.stack(frames), np.stack(places)

    def keep(self, track_ids: Sequence[int], embeddings: Float32) -> None:
        """Remember the embeddings ``(K, D)`` of tracks; they stand until the next ones."""
        self._newest = {number: row for number, row in self._newest.items() if number in self.clips}
        self._newest.update((number, row.copy()) for number, row in zip(track_ids, embeddings, strict=True))

    def embeddings(self, objects: Objects, dim: int) -> Float32:
        """``(N, dim)`` the newest embedding of each object; NaN rows for those without one."""
        rows = np.full((len(objects), dim), np.nan, np.float32)
        for row, number in zip(rows, objects.track_ids.tolist(), strict=True):
            if number in self.clips and number in self._newest:
                row[:] = self._newest[number]
        return rows


class EmbeddingProvider:
    """Embeds the clips of tracked objects by one encoder."""

    def __init__(self, encoder: JointEncoder) -> None:
        """Embed by an encoder, which is not closed here."""
        self._encoder = encoder

    def buffer(self) -> EmbeddingBuffer:
        """An empty buffer for a stream, as the encoder wants it."""
        return EmbeddingBuffer(self._encoder.frames, self._encoder.interval_s)

    def gather(self, looks: Sequence[tuple[EmbeddingBuffer, Look]]) -> list[Float32]:
        """Look at the objects that are due: all crops of all frames in one batch, then all of their clips in another.

        Args:
            looks: One frame each of any streams, with the stream's own buffer.

        Returns:
            For each frame with ``N`` objects: ``(N, D)``, of unit length; NaN rows for objects without a clip.
        """
        encoder = self._encoder
        due = [buffer.clips.due(look.objects, look.frame.frame.pts) for buffer, look in looks]
        crops = [
            look.crops.cut(index, encoder.size, encoder.context)
            for (_, look), chosen in zip(looks, due, strict=True)
            for index in chosen.tolist()
        ]
        if crops:
            ends = np.cumsum([len(chosen) for chosen in due])[:-1]
            tracks = [look.objects.track_ids[chosen].tolist() for (_, look), chosen in zip(looks, due, strict=True)]
            features = np.split(encoder.embed_crops(np.stack(crops)), ends)
            for (buffer, look), chosen, rows in zip(looks, due, features, strict=True):
                buffer.clips.add(look.objects, chosen, rows, look.frame.frame.pts)
            windows = [
                buffer.windows(numbers, look.frame.frame.image.shape[1] / look.frame.frame.image.shape[0])
                for (buffer, look), numbers in zip(looks, tracks, strict=True)
                if numbers
            ]
            window, place = (np.concatenate(parts) for parts in zip(*windows, strict=True))
            embedded = np.split(encoder.embed_clips(window, place), ends)
            for (buffer, _), numbers, rows in zip(looks, tracks, embedded, strict=True):
                buffer.keep(numbers, rows)
        return [buffer.embeddings(look.objects, encoder.dim) for buffer, look in looks]
