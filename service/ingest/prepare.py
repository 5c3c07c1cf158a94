"""The work on frames that belongs to their stream alone: small grey pictures, background, flow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from models.observation import Changes, Motion, SceneChange
from service.frames import CLEAR, KeptPlaces, Sight
from service.ingest.background import Background
from service.ingest.flow import DenseFlow
from service.ingest.seams import Seam, SeamFinder
from service.ingest.sight import SightMonitor

PAIR_INTERVAL_S = 0.1
"""Flow compares pictures at most so far apart where the source's rate allows. Nearer ones show less movement over
the same noise; over longer ones limbs and crossing people no longer match."""

MAX_PAIR_S = 1.5
"""Pictures further apart than this show no motion that could be matched. Ped2 thinned to a picture in 1.0, 1.2, 1.5 and
2.0 s: causal AUC 0.85, 0.84, 0.72 and 0.60 with flow, 0.44, 0.52, 0.57 and 0.66 without (decision 0014)."""

PAIR_SLACK = 1.05
"""Time stamps jitter: a picture 0.104 s old still counts as one of 0.1 s."""

MAX_KEPT = 16
"""Pictures kept for pairing: 0.1 s of the fastest cameras (120 frames/s), with room."""

MARGIN = 24
"""Pixels around the foreground that flow is computed for: what moves 20 pixels between two pictures (half the width of
the picture a second, at 10 pictures a second) is then found whole in both."""

MIN_PART = 128
"""Flow is computed coarse to fine; a smaller part of the picture has too few levels for what moves far."""

PART_STEP = 16
"""Parts grow to multiples of this, so that the flow's buffers seldom change their size."""


class Scenery:
    """What one camera usually sees, remembered over gaps and reconnects. Not thread-safe.

    Attributes:
        background: The ground behind what moves.
        sight: Whether anything can be seen.
        places: What stands still, as the stages say.
    """

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self.background = Background()
        self.sight = SightMonitor()
        self.places = KeptPlaces()


class Preparer:
    """Prepares the frames of one epoch of one stream. Not thread-safe.

    ``see`` keeps a small grey picture of every decoded frame, so that ``prepare`` finds one close in time for
    the flow even if only every fifth frame is looked at.
    """

    def __init__(self, analysis_side: int = 360, scenery: Scenery | None = None) -> None:
        """Begin an epoch.

        Args:
            analysis_side: Longest side of the pictures that motion is computed on, in pixels, at least 16.
            scenery: What the camera saw before; None for one that has no past.

        Raises:
            ValueError: If the side is smaller.
        """
        if analysis_side < 16:
            msg = f"expected an analysis side of at least 16 pixels, got {analysis_side}"
            raise ValueError(msg)
        self._side = analysis_side
        self._scenery = scenery or Scenery()
        self._scenery.background.resume()
        self._sight = CLEAR
        self._flow = DenseFlow()
        self._seams = SeamFinder()
        self._scene_change: SceneChange | None = None
        self._begins_anew = False
        self._seen: deque[tuple[float, NDArray[np.uint8]]] = deque(maxlen=MAX_KEPT)

    def see(self, luma: NDArray[np.uint8], pts: float, *, key: bool = True) -> None:
        """Take in a decoded frame.

        Args:
            luma: ``(H, W)`` brightness at full resolution.
            pts: Presentation time in seconds. If it does not grow, or the size changes, pairing starts afresh.
            key: Whether it was coded without reference to other frames.
        """
        grey = self._shrink(luma)
        self._scenery.sight.see(grey, lambda: luma, pts, key=key)
        if self._seen and (pts <= self._seen[-1][0] or grey.shape != self._seen[-1][1].shape):
            self._seen.clear()
        self._seen.append((pts, grey))
        # One picture older than the wished interval stays: at low rates it is the only partner there is.
        while len(self._seen) > 2 and self._seen[1][0] <= pts - PAIR_INTERVAL_S * PAIR_SLACK:
            self._seen.popleft()

    def prepare(self, pts: float, colour: Callable[[], float] | None = None) -> Motion | None:
        """Background and flow of the frame last seen.

        Args:
            pts: Its presentation time.
            colour: How colourful it is (``colourfulness``), asked for now and then; None where nobody knows.

        Returns:
            Its motion, without flow if the frame before is too long ago; None of the first frame, and while nothing can
            be seen.

        Raises:
            ValueError: If the frame last seen is another one.
        """
        if not self._seen or self._seen[-1][0] != pts:
            last = f"one of {self._seen[-1][0]} s" if self._seen else "none"
            msg = f"expected to prepare the frame last seen, {last}, got one of {pts} s"
            raise ValueError(msg)
        grey = self._seen[-1][1]
        background, self._sight = self._scenery.background, self._scenery.sight.look(grey, pts)
        kept = self._scenery.places.read(pts)
        background.keep(kept.boxes, kept.people)
        self._scene_change, self._begins_anew = None, False
        if self._sight.blind is not None:
            # What moved meanwhile is not known: the next picture that says something has none to be compared with.
            self._seen.clear()
            background.resume()
            return None
        if self._sight.hidden:
            foreground, disturbed = np.zeros_like(grey), True
        else:
            foreground, disturbed = background.update(grey, pts, colour)
            self._scene_change = background.scene_change
            foreground, disturbed = self._look_for_seams(grey, foreground, pts, disturbed=disturbed)
        self._begins_anew = self._scene_change in (SceneChange.CUT, SceneChange.MOVED)
        self._sight = replace(self._sight, settled=background.settled)
        partner = self._partner(pts)
        if partner is None:
            return None
        earlier, picture = partner
        matched = pts - earlier <= MAX_PAIR_S * PAIR_SLACK
        flow = np.zeros((*grey.shape, 2), np.float32)
        part = moving_part(foreground) if matched and not disturbed else None
        if part is not None:
            pair = np.ascontiguousarray(picture[part]), np.ascontiguousarray(grey[part])
            flow[part] = self._flow.compute(*pair)
        return Motion(flow, foreground, pts - earlier, disturbed, matched)

    def _look_for_seams(
        self, grey: NDArray[np.uint8], foreground: NDArray[np.uint8], pts: float, *, disturbed: bool
    ) -> tuple[NDArray[np.uint8], bool]:
        """The foreground and whether it is disturbed, with what a seam makes of them."""
        if disturbed:
            self._seams.reset()
            return foreground, True
        match self._seams.update(grey, foreground, pts):
            case Seam.SUSPECTED:
                # Nobody was where they are now: neither this frame nor the next is compared with those before.
                self._forget_earlier()
                return np.zeros_like(foreground), True
            case Seam.FOUND:
                self._scene_change = SceneChange.CUT
        return foreground, False

    def _forget_earlier(self) -> None:
        """Compare the frames to come with none before the one seen last."""
        while len(self._seen) > 1:
            self._seen.popleft()

    @property
    def scene_change(self) -> SceneChange | None:
        """What became of the whole picture, if that was known with the frame that was prepared last."""
        return self._scene_change

    @property
    def begins_anew(self) -> bool:
        """Whether the frame that was prepared last shows another picture than those before: an epoch begins."""
        return self._begins_anew

    @property
    def sight(self) -> Sight:
        """What can be seen in the frame that was prepared last."""
        return self._sight

    @property
    def changes(self) -> Changes:
        """What was left in the scene of the frame that was prepared last, and what is gone from it."""
        return self._scenery.background.changes(self._seen[-1][0]) if self._seen else Changes.none()

    @property
    def grey(self) -> NDArray[np.uint8] | None:
        """The frame seen last, ``(h, w)`` at analysis resolution; None while nothing can be seen. Not to be written."""
        return self._seen[-1][1] if self._seen else None

    def _partner(self, pts: float) -> tuple[float, NDArray[np.uint8]] | None:
        """The oldest picture within the wished interval, else the newest before it."""
        earlier = list(self._seen)[:-1]
        near = [entry for entry in earlier if pts - entry[0] <= PAIR_INTERVAL_S * PAIR_SLACK]
        if near:
            return near[0]
        return earlier[-1] if earlier else None

    def _shrink(self, luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture at analysis resolution, averaged and not sampled, so that fine texture does not flicker.

        Halving exactly is the fast path of averaging: 0.1 ms for 1280x720, where one averaging resize by a
        fraction took 1.3 ms.
        """
        height, width = luma.shape
        ratio = self._side / max(height, width)
        if ratio >= 1:
            return luma.copy()  # the decoder may reuse what the plane points to
        target = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        small: cv2.typing.MatLike = luma
        while small.shape[1] >= 2 * target[0] and small.shape[0] >= 2 * target[1]:
            half = (small.shape[1] // 2, small.shape[0] // 2)
            small = cv2.resize(small, half, interpolation=cv2.INTER_AREA)
        return cv2.resize(small, target, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def moving_part(foreground: NDArray[np.uint8]) -> tuple[slice, slice] | None:
    """The rows and columns that flow is worth computing for: the foreground's, with a margin; None if there is none.

    Flow is most of a frame's cost and says nothing where nothing moves. In Ped2's crowds half of the picture is left,
    on a quiet camera next to nothing.
    """
    x, y, width, height = cv2.boundingRect(foreground)
    if width == 0:
        return None
    rows, columns = foreground.shape
    return _grown(y, y + height, rows), _grown(x, x + width, columns)


def _grown(start: int, stop: int, size: int) -> slice:
    """The range with its margin, at least ``MIN_PART`` long, and within ``size``."""
    length = stop - start + 2 * MARGIN
    length = min(size, max(MIN_PART, -(-length // PART_STEP) * PART_STEP))
    first = min(max(0, (start + stop - length) // 2), size - length)
    return slice(first, first + length)
