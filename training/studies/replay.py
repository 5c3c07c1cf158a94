"""Score footage once, then try any text rule on what was recorded: guidance needs no vision.

What is kept of a frame is what guidance sees live: its objects with their embeddings, captions and surprises, and
the fused surprise before smoothing. `replay` applies rules to that with the service's own functions, so its figures are
those of the service; without rules it must give the very scores that the service gave, which `record` checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.guidance.captions import Caption
from models.guidance.effect import Judgement, guided_frames, guided_objects
from models.guidance.rules import Seen
from models.scoring.smoothing import final_surprise, smooth_series
from service.errors import InvalidInput, declare
from service.frames import PreparedFrame
from service.pipeline.context import UnguidedFrame
from service.pipeline.offline import OfflinePipeline
from service.pipeline.scored import ScoredFrame
from service.profiles.profile import Profile

NOTHING_TO_BE_SEEN = declare(
    "nothing_to_be_seen", InvalidInput, "clip 01: expected frames in which something can be seen, got none"
)


class ReplayError(RuntimeError):
    """A replay without rules that does not give the scores that the service gave: a fault here."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One clip as the service scored it without rules: ``F`` frames, and ``N`` objects and regions in all of them.

    Frames in which nothing could be seen (the lights are off) are not among them: no rule can speak of them.

    Attributes:
        name: Of the clip.
        index: ``(F,)`` int64, each frame's number in the clip.
        pts: ``(F,)`` seconds.
        epochs: ``(F,)`` int64, another number after each gap, and after each time in which nothing could be seen.
        fused: ``(F,)`` fused over heads, before smoothing; NaN where nothing could be said.
        calm: ``(F,)``, what a frame counts as where nothing was said yet.
        surprise: ``(F,)`` as the service gave it.
        first: ``(F + 1,)`` int64: frame ``i`` has the rows ``first[i]`` to ``first[i + 1]`` of ``seen``.
        seen: Its ``N`` objects and moving regions.
        tracks: ``(N,)`` int64, ``UNTRACKED`` where no confirmed track holds the object, and for regions.
        labels: ``N`` class names.
        size: Width and height of the working picture in pixels.
        profile: It was scored under.
        threshold: Surprise at which an alert opens.
    """

    name: str
    index: NDArray[np.int64]
    pts: NDArray[np.float64]
    epochs: NDArray[np.int64]
    fused: NDArray[np.float64]
    calm: NDArray[np.float64]
    surprise: NDArray[np.float64]
    first: NDArray[np.int64]
    seen: Seen
    tracks: NDArray[np.int64]
    labels: tuple[str, ...]
    size: tuple[int, int]
    profile: Profile
    threshold: float

    def rows(self, frame: int) -> slice:
        """The rows of a frame's objects."""
        return slice(int(self.first[frame]), int(self.first[frame + 1]))

    def frames(self) -> NDArray[np.intp]:
        """``(N,)`` the frame of each row."""
        return np.repeat(np.arange(len(self.pts)), np.diff(self.first))

    def unguided_frame(self, frame: int) -> UnguidedFrame:
        """A frame as a stream's rules see it; its capture time is its presentation time."""
        rows, pts = self.rows(frame), float(self.pts[frame])
        return UnguidedFrame(
            Seen(self.seen.boxes[rows], self.seen.embeddings[rows], self.seen.captions[rows], self.seen.surprise[rows]),
            float(self.fused[frame]),
            float(self.calm[frame]),
            pts,
            pts,
            int(self.epochs[frame]),
            self.tracks[rows].tolist(),
            self.labels[rows],
            None,
        )


@dataclass(frozen=True, slots=True)
class Replayed:
    """A recording under rules.

    Attributes:
        surprise: ``(F,)``.
        objects: ``(N,)``, of its objects and regions; NaN where nothing was known.
    """

    surprise: NDArray[np.float64]
    objects: NDArray[np.float64]


def record(
    name: str,
    frames: Iterable[PreparedFrame],
    pipeline: OfflinePipeline,
    profile: Profile,
    threshold: float,
    on_frame: Callable[[], object] = lambda: None,
) -> Recording:
    """Score a clip without rules and keep what rules need of it.

    Args:
        name: Of the clip.
        frames: Its frames.
        pipeline: The service's.
        profile: To score under.
        threshold: Surprise at which an alert opens.
        on_frame: Called after each frame.

    Raises:
        ReplayError: If a replay without rules does not give the same scores.
        InvalidInput: ``nothing_to_be_seen``, if that is so of every frame.
    """
    kept = _Kept()
    for frame in pipeline.score(frames, profile, threshold):
        kept.add(frame)
        on_frame()
    recording = kept.finish(name, profile, threshold)
    again = _final(recording, recording.fused)
    if not np.allclose(again, recording.surprise, rtol=1e-6, atol=1e-6):
        worst = float(np.abs(again - recording.surprise).max())
        msg = f"clip {name}: expected the service's own scores from a replay without rules, got up to {worst:.3g} off"
        raise ReplayError(msg)
    return recording


def replay(recording: Recording, judgement: Judgement) -> Replayed:
    """The scores that the service would have given, had its rules said this of the recording's ``N`` objects."""
    known = recording.seen.surprise
    guided = guided_objects(known, judgement)
    return Replayed(_final(recording, guided_frames(recording.fused, recording.frames(), known, guided)), guided)


def _final(recording: Recording, fused: NDArray[np.float64]) -> NDArray[np.float64]:
    smooth = smooth_series(fused, recording.pts, recording.epochs)
    return final_surprise(recording.profile.fused, smooth, recording.calm)


class _Kept:
    """Gathers a clip's frames: no pictures."""

    def __init__(self) -> None:
        self._frames: list[tuple[int, float, int, float, float, float]] = []
        self._boxes: list[NDArray[np.float32]] = []
        self._embeddings: list[NDArray[np.float32]] = []
        self._surprise: list[NDArray[np.float64]] = []
        self._captions: list[Caption | None] = []
        self._tracks: list[NDArray[np.int64]] = []
        self._labels: list[str] = []
        self._size = (0, 0)
        self._blind = False
        self._gaps = 0

    def add(self, frame: ScoredFrame) -> None:
        if frame.unguided is None:
            self._blind = True
            return
        self._gaps += self._blind
        self._blind = False
        source = frame.source.frame
        self._size = (source.image.shape[1], source.image.shape[0])
        fused = np.nan if frame.unsmoothed is None else frame.unsmoothed
        calm = max(frame.heads.values())
        epoch = frame.source.epoch + self._gaps
        self._frames.append((source.index, source.pts, epoch, fused, calm, frame.unguided))
        objects = frame.objects
        nothing = np.zeros((len(objects), 0), np.float32)
        self._boxes.append(objects.boxes)
        self._surprise.append(objects.unguided)
        self._embeddings.append(nothing if objects.embeddings is None else objects.embeddings)
        self._tracks.append(objects.track_ids)
        self._captions += objects.captions
        self._labels += objects.labels

    def finish(self, name: str, profile: Profile, threshold: float) -> Recording:
        if not self._frames:
            msg = f"clip {name}: expected frames in which something can be seen, got none"
            raise InvalidInput(NOTHING_TO_BE_SEEN, msg)
        index, pts, epochs, fused, calm, surprise = (np.array(column) for column in zip(*self._frames, strict=True))
        counts = [len(boxes) for boxes in self._boxes]
        seen = Seen(
            boxes=np.concatenate(self._boxes),
            embeddings=np.concatenate(self._embeddings),
            captions=tuple(self._captions),
            surprise=np.concatenate(self._surprise),
        )
        return Recording(
            name,
            index.astype(np.int64),
            pts,
            epochs.astype(np.int64),
            fused,
            calm,
            surprise,
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            seen,
            np.concatenate(self._tracks),
            tuple(self._labels),
            self._size,
            profile,
            threshold,
        )
