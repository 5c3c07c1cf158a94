"""The last crops of tracked objects, for heads that look at pictures of them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from models.arrays import Image
from models.inputs import ObjectCrops, TrackCrops
from service.pipeline.inputs.provider import Look
from service.pipeline.inputs.track_clips import TrackClips

MAX_CROPS = 64
"""Crops of one frame. At 64 pixels one is cut in 0.03 ms, so a crowd costs 2 ms."""


class CropsProvider:
    """Keeps the crops of one declaration of ``ObjectCrops``."""

    def __init__(self, wanted: ObjectCrops) -> None:
        """Keep what is wanted."""
        self._wanted = wanted

    def buffer(self) -> TrackClips[np.uint8]:
        """An empty buffer for a stream."""
        return TrackClips(self._wanted.length, self._wanted.interval, MAX_CROPS)

    def gather(self, looks: Sequence[tuple[TrackClips[np.uint8], Look]]) -> list[TrackCrops]:
        """Cut out the objects that are due, and lay out what is kept of all; see ``Provider.gather``."""
        return [self._gathered(clips, look) for clips, look in looks]

    def _gathered(self, clips: TrackClips[np.uint8], look: Look) -> TrackCrops:
        wanted, objects, pts = self._wanted, look.objects, look.frame.frame.pts
        due = clips.due(objects, pts)
        clips.add(objects, due, [self._cut(look, index) for index in due.tolist()], pts)
        shape = len(objects), wanted.length, wanted.size, wanted.size, wanted.channels
        crops = TrackCrops(np.zeros(shape, np.uint8), np.zeros(len(objects), np.bool_))
        for index, number in enumerate(objects.track_ids.tolist()):
            if number in clips:
                crops.known[index] = True
                crops.crops[index] = [entry.look for entry in clips.clip(number)]
        return crops

    def _cut(self, look: Look, index: int) -> Image:
        cut = look.crops.cut(index, self._wanted.size, self._wanted.context)
        if self._wanted.channels == 3:
            return cut
        return np.asarray(cv2.cvtColor(cut, cv2.COLOR_BGR2GRAY), np.uint8)[..., None]
