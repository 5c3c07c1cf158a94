"""How an input that heads declare is gathered: one provider for each, with one buffer for each stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from models.arrays import Image
from models.crops import crop
from models.inputs import Input
from models.observation import Objects
from service.engine.pose import FoundPeople
from service.frames import PreparedFrame


class CropCutter:
    """Crops of the objects of one frame, each cut once for all who want the same. Not thread-safe."""

    def __init__(self, image: Image, objects: Objects) -> None:
        """Cut nothing yet.

        Args:
            image: ``(H, W, 3)`` BGR, the picture that the tracker saw.
            objects: Of it.
        """
        self._image = image
        self._objects = objects
        self._cut: dict[tuple[int, int, float], Image] = {}

    def cut(self, index: int, size: int, context: float) -> Image:
        """``(size, size, 3)`` BGR around one object; see ``models.crops.crop``. Not to be written to."""
        key = index, size, context
        if key not in self._cut:
            self._cut[key] = crop(self._image, self._objects.boxes[index], size, context)
        return self._cut[key]


@dataclass(frozen=True, slots=True)
class Look:
    """One frame of one stream with its tracked objects, as inputs are gathered from it."""

    frame: PreparedFrame
    objects: Objects
    crops: CropCutter
    people: FoundPeople | None = None

    @classmethod
    def at(cls, frame: PreparedFrame, objects: Objects, people: FoundPeople | None = None) -> Look:
        """At a frame and its objects, and whom a pose estimator saw in the whole picture if it looked."""
        return cls(frame, objects, CropCutter(frame.frame.image, objects), people)


class Buffer(Protocol):
    """What is kept of one stream for one input."""

    def reset(self) -> None:
        """Forget everything, as after a gap."""
        ...


class Provider(Protocol):
    """Gathers one input for all streams of a tick together. Holds no state of any stream."""

    def buffer(self) -> Buffer:
        """An empty buffer for a stream."""
        ...

    def gather(self, looks: Sequence[tuple[Any, Look]]) -> list[Any]:
        """The input's value for each of some frames.

        Args:
            looks: One frame each of any streams, with the stream's own buffer.

        Returns:
            What ``Observation`` says of this kind of input.
        """
        ...


Buffers = Mapping[Input, Buffer]
"""Of one stream: a buffer for each distinct input of its heads."""
