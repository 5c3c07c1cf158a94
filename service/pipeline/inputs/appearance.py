"""How tracked objects look: embedded now and then by an image network, and kept with the track in between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.arrays import Float32, Index
from models.observation import Objects
from service.engine.appearance import AppearanceNetwork
from service.pipeline.inputs.provider import Look
from service.pipeline.inputs.track_looks import TrackLooks

DUE_S = 0.5
"""What an object looks like changes slowly: half a second is within the time that an alert takes to open."""

SOONEST_S = 0.4
"""Whoever walks by is seen from another side so soon; oftener the network would say the same again."""

MAX_LOOKS = 4
"""Objects of one frame that are embedded, those that have waited longest first: MobileNetV2 takes 4 ms for one at 224
pixels, and at 10 frames a second these are twenty objects every half second."""


class AppearanceBuffer:
    """The newest embedding of each track of one stream. Not thread-safe."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.looks = TrackLooks(DUE_S, SOONEST_S)
        self._newest: dict[int, Float32] = {}

    def __len__(self) -> int:
        """Tracks that are remembered."""
        return len(self._newest)

    def reset(self) -> None:
        """Forget everything, as after a gap."""
        self.looks.reset()
        self._newest.clear()

    def keep(self, objects: Objects, chosen: Index, embeddings: Float32, pts: float) -> None:
        """Take the embeddings ``(K, D)`` of objects with a track."""
        self.looks.look(objects, chosen, pts)
        self._newest = {number: row for number, row in self._newest.items() if number in self.looks}
        for index, row in zip(chosen.tolist(), embeddings, strict=True):
            self._newest[int(objects.track_ids[index])] = row.copy()

    def embeddings(self, objects: Objects, dim: int) -> Float32:
        """``(N, dim)`` the newest one of each object; NaN rows for those without."""
        rows = np.full((len(objects), dim), np.nan, np.float32)
        for row, number in zip(rows, objects.track_ids.tolist(), strict=True):
            if number in self.looks and number in self._newest:
                row[:] = self._newest[number]
        return rows


class AppearanceProvider:
    """Embeds tracked objects by one network."""

    def __init__(self, network: AppearanceNetwork) -> None:
        """Embed by a network, which is not closed here."""
        self._network = network

    def buffer(self) -> AppearanceBuffer:
        """An empty buffer for a stream."""
        return AppearanceBuffer()

    def gather(self, looks: Sequence[tuple[AppearanceBuffer, Look]]) -> list[Float32]:
        """Look at the objects that are due, of all frames in one batch; see ``Provider.gather``.

        Returns:
            For each frame with ``N`` objects ``(N, D)`` of unit length; NaN rows for those not looked at yet.
        """
        network = self._network
        due = [self._due(buffer, look) for buffer, look in looks]
        crops = [
            network.cut(look.frame.frame.image, look.objects.boxes[index])
            for (_, look), chosen in zip(looks, due, strict=True)
            for index in chosen.tolist()
        ]
        if crops:
            ends = np.cumsum([len(chosen) for chosen in due])[:-1]
            embedded = np.split(network.embed(np.stack(crops)), ends)
            for (buffer, look), chosen, rows in zip(looks, due, embedded, strict=True):
                buffer.keep(look.objects, chosen, rows, look.frame.frame.pts)
        return [buffer.embeddings(look.objects, network.dim) for buffer, look in looks]

    @staticmethod
    def _due(buffer: AppearanceBuffer, look: Look) -> Index:
        everything = np.ones(len(look.objects), np.bool_)
        return buffer.looks.due(look.objects, everything, look.frame.frame.pts)[:MAX_LOOKS]
