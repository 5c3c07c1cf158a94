"""Pictures of the virtual world, on which graphs are compared with their networks wherever this runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.crops import crop

if TYPE_CHECKING:
    from export.encoder import SampleClips
    from training.virtual.renderer import Rendered

_OBJECTS = 16  # on which each graph is compared with its network
_PICTURES = 4
_APART = 60  # frames; over two seconds most people are somewhere else


def world_samples(size: int, context: float) -> SampleClips:
    """Objects of the virtual world, cut out as the service would, one crop each."""
    from export.encoder import SampleClips

    crops: list[NDArray[np.uint8]] = []
    for frame in world_frames():
        crops += [crop(frame.image, np.array(each.box), size, context) for each in frame.truth.objects]
        if len(crops) >= _OBJECTS:
            break
    return SampleClips(np.stack(crops[:_OBJECTS])[:, None])


def world_pictures() -> NDArray[np.uint8]:
    """``(N, H, W, 3)`` BGR: people as a camera sees them, wherever this runs."""
    return np.stack([frame.image for frame in itertools.islice(world_frames(), _PICTURES)])


def world_frames() -> Iterator[Rendered]:
    """Pictures of the virtual world, two seconds apart, without end."""
    from training.virtual.clip import World
    from training.virtual.scene import load_scene

    world = World(load_scene("plaza"), seed=0)
    while True:
        yield world.render()
        for _ in range(_APART):
            world.skip()
