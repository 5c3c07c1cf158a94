"""The one who acts, cut out of a clip: the paper's pre-processing of action data (section 3.2).

The service's own detector and tracker run over the clip, as they will over the camera's picture, and the main object
is followed; where the data set brings boxes, those are used. A clip whose view changes is excluded.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.crops import crop
from models.observation import UNTRACKED
from service.engine.detectors.base import Detector
from service.frames import PreparedFrame
from service.ingest.playback import read_all
from service.ingest.source import local_source
from service.pipeline.track import Tracker
from service.settings import Settings
from training.datasets.actions.base import ActionSample, Boxes
from training.datasets.actions.viewpoint import ViewpointWatch
from training.datasets.footage import frame_rate

MIN_FRAMES = 9
"""Of the main object: the paper's clips are nine pictures long."""
PERSON = "person"


class Excluded(ValueError):
    """A sample that is not to be trained on; the message says why."""


@dataclass(frozen=True, slots=True)
class ObjectClip:
    """The main object of a sample, over ``T`` pictures.

    Attributes:
        sample: Where it is from.
        crops: ``(T, S, S, 3)`` uint8, BGR.
        boxes: ``(T, 4)`` float32, x, y, width, height as fractions of the picture.
        times: ``(T,)`` seconds in the clip; not evenly spaced where the object was lost for a while.
        aspect: Width of the picture over its height.
    """

    sample: ActionSample
    crops: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    times: NDArray[np.float64]
    aspect: float


@dataclass(slots=True)
class _Track:
    """What is gathered of one object: never the pictures, only what is cut out of them."""

    crops: list[NDArray[np.uint8]]
    boxes: list[NDArray[np.float32]]
    times: list[float]
    people: int = 0

    def add(self, piece: NDArray[np.uint8], box: NDArray[np.float32], time: float) -> None:
        self.crops.append(piece)
        self.boxes.append(box)
        self.times.append(time)

    @property
    def weight(self) -> tuple[bool, float]:
        """People before things; then who fills the most of the picture for the longest."""
        return 2 * self.people > len(self.times), float(sum(box[2] * box[3] for box in self.boxes))


def object_clip(
    sample: ActionSample, detector: Detector, settings: Settings, *, size: int, context: float, fps: float | None = None
) -> ObjectClip:
    """Cut the main object out of a sample.

    Args:
        sample: From a data set of actions.
        detector: The service's; not used where the sample has boxes.
        settings: The service's, for how pictures are prepared.
        size: Side of a crop in pixels.
        context: Side of the square that is cut, over the longer side of the box.
        fps: Pictures a second looked at, at most; None looks at every one.

    Raises:
        Excluded: If the view changes, or nobody is followed for ``MIN_FRAMES`` pictures.
        service.ingest.source.SourceRefused: If the clip cannot be decoded.
    """
    if sample.still is False:
        raise Excluded(f"{sample.name}: the camera moves, as the data set says")
    view, aspect = ViewpointWatch(), 1.0
    rate = sample.fps if sample.fps is not None else frame_rate(sample.clip)
    follow = _ByTruth(sample.boxes()) if sample.boxes is not None else _ByTracker(detector, min(rate, fps or rate))
    tracks: dict[int, _Track] = {}
    with closing(_frames(sample, rate, fps, settings)) as frames:
        for frame in frames:
            if sample.end is not None and frame.frame.index >= sample.end:
                break
            if frame.frame.index < sample.start:
                continue  # decoded all the same: the background is learned from it
            image = frame.frame.image
            aspect = image.shape[1] / image.shape[0]
            if sample.still is None:
                view.see(image, frame.frame.pts)
                if view.changed:
                    raise Excluded(f"{sample.name}: the view changes at {frame.frame.pts:.1f} s")
            for number, box, person in follow(frame):
                track = tracks.setdefault(number, _Track([], [], []))
                track.add(crop(image, box, size, context), box, frame.frame.pts)
                track.people += person
    main = max(tracks.values(), key=lambda track: track.weight, default=None)
    if main is None or len(main.times) < MIN_FRAMES:
        seen = 0 if main is None else len(main.times)
        raise Excluded(f"{sample.name}: expected somebody followed for {MIN_FRAMES} pictures, got {seen}")
    return ObjectClip(sample, np.stack(main.crops), np.stack(main.boxes), np.array(main.times), aspect)


def _frames(sample: ActionSample, rate: float, fps: float | None, settings: Settings) -> Generator[PreparedFrame]:
    yield from read_all(sample.name, local_source(sample.clip, rate=rate), fps, settings)


class _ByTracker:
    """Finds objects as the service does: number, box and whether it is a person."""

    def __init__(self, detector: Detector, fps: float) -> None:
        self._detector = detector
        self._tracker = Tracker(fps)

    def __call__(self, frame: PreparedFrame) -> Iterator[tuple[int, NDArray[np.float32], bool]]:
        objects = self._tracker.update(self._detector.detect([frame])[0], frame.frame.pts)
        for index in np.flatnonzero(objects.track_ids != UNTRACKED):
            yield int(objects.track_ids[index]), objects.boxes[index], objects.label(int(index)) == PERSON


class _ByTruth:
    """Takes the boxes that the data set brings."""

    def __init__(self, boxes: Boxes) -> None:
        self._boxes = boxes

    def __call__(self, frame: PreparedFrame) -> Iterator[tuple[int, NDArray[np.float32], bool]]:
        box = self._boxes.get(frame.frame.index)
        if box is not None:
            yield 0, box, True
