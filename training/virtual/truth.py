"""What the virtual camera knows about its own pictures, and the JSON it writes beside a clip.

``NAME.mp4`` has its truth in ``NAME.truth.json``::

    {
      "format": 1,                      version of this layout
      "scene": "plaza", "seed": 7,      with fps and size, all that is needed to render the clip again
      "fps": 25.0,
      "size": [640, 360],               width, height in pixels
      "frames": 750,
      "labels": [0, 0, 1, ...],         one a frame: 1 where at least one visible object is anomalous
      "events": [                       each anomaly, from the first to after the last frame it can be seen in
        {"kind": "cyclist", "start": 11.2, "end": 19.6, "track_ids": [31]}       seconds of the clip, end excluded
      ],
      "objects": [                      one list a frame, far objects first
        [{"track_id": 31, "box": [0.4, 0.2, 0.1, 0.3], "action": "cycle", "anomalous": true,
          "caption": "a person in a red coat rides a bicycle to the left", "visible": 0.8}],
        ...
      ]
    }

Boxes are ``[x, y, width, height]`` as fractions of the picture and tight around the pixels that can be seen: an
object behind a tree or another person has the box of what is left of it, and one that is hidden is not listed.
``visible`` is the share of its pixels that is left; 1 where a file does not say.
Where masks are wanted, ``NAME.masks.mkv`` is a lossless grey video (FFV1) with one picture a frame: 0 is
background, and ``k`` the pixels of the frame's ``k``-th object in the list above, counted from 1.

A dataset is a folder: ``dataset.json`` (``{"format": 1, "kind": "virtual", "scene", "seed"}``), ``train/*.mp4``
with only normal behaviour, ``test/*.mp4`` with anomalies, a truth file beside each clip.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class TruthError(ValueError):
    """A truth file that is not what its format says; the message names the file, the key and what came."""


class ObjectTruth(BaseModel):
    """One visible object in one frame."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    track_id: int = Field(ge=1)
    box: tuple[Fraction, Fraction, Fraction, Fraction]
    action: str
    anomalous: bool
    caption: str
    visible: Fraction = 1.0


class EventTruth(BaseModel):
    """One anomaly, in seconds of the clip; ``end`` is excluded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    start: float = Field(ge=0.0)
    end: float = Field(ge=0.0)
    track_ids: tuple[int, ...]


class ClipTruth(BaseModel):
    """The truth of a whole clip, as in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    scene: str
    seed: int
    fps: float = Field(gt=0)
    size: tuple[int, int]
    frames: int = Field(ge=0)
    labels: list[Literal[0, 1]]
    events: list[EventTruth]
    objects: list[list[ObjectTruth]]

    @model_validator(mode="after")
    def _lengths_agree(self) -> ClipTruth:
        for name, found in (("labels", len(self.labels)), ("objects", len(self.objects))):
            if found != self.frames:
                raise ValueError(f"expected {name} for {self.frames} frames, got {found}")
        return self

    def save(self, path: Path) -> None:
        """Write the file, compact."""
        path.write_text(json.dumps(self.model_dump(mode="json"), separators=(",", ":")), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> ClipTruth:
        """Read a truth file.

        Raises:
            TruthError: where it is not JSON or not of this format.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "file"
            raise TruthError(f"{path.name}: {where}: {first['msg']}") from error


@dataclass(frozen=True)
class FrameTruth:
    """The truth of one frame.

    ``instances`` is (H, W) uint8: 0 where no object is, else the object's place in ``objects``, counted from 1.
    ``events`` maps the number of each event under way to (kind, track ids of its visible anomalous objects).
    """

    index: int
    time: float
    objects: tuple[ObjectTruth, ...]
    instances: NDArray[np.uint8]
    events: dict[int, tuple[str, tuple[int, ...]]] = field(default_factory=dict)

    @property
    def label(self) -> Literal[0, 1]:
        """1 where at least one visible object is anomalous."""
        return 1 if any(item.anomalous for item in self.objects) else 0


class TruthRecorder:
    """Gathers frames into the truth of a clip."""

    def __init__(self, scene: str, seed: int, fps: float, size: tuple[int, int]) -> None:
        self._scene, self._seed, self._fps, self._size = scene, seed, fps, size
        self._labels: list[Literal[0, 1]] = []
        self._objects: list[list[ObjectTruth]] = []
        self._events: dict[int, tuple[str, int, int, set[int]]] = {}

    def add(self, frame: FrameTruth) -> None:
        """Take the next frame."""
        index = len(self._labels)
        self._labels.append(frame.label)
        self._objects.append(list(frame.objects))
        for number, (kind, track_ids) in frame.events.items():
            _, first, _, seen = self._events.get(number, (kind, index, index, set()))
            self._events[number] = (kind, first, index, seen | set(track_ids))

    def finish(self) -> ClipTruth:
        """The truth of all frames taken."""
        events = [
            EventTruth(
                kind=kind, start=first / self._fps, end=(last + 1) / self._fps, track_ids=tuple(sorted(track_ids))
            )
            for kind, first, last, track_ids in self._events.values()
        ]
        return ClipTruth(
            scene=self._scene,
            seed=self._seed,
            fps=self._fps,
            size=self._size,
            frames=len(self._labels),
            labels=self._labels,
            events=sorted(events, key=lambda event: event.start),
            objects=self._objects,
        )


def tight_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """(x, y, width, height) in pixels around the true pixels of (H, W) ``mask``, or None where there are none."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return None
    columns = np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)
