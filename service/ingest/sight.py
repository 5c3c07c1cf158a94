"""Tells a picture that says nothing, though it arrives: frozen, black, white, covered, out of focus.

What a camera usually sees is remembered as a slow mean of its pictures. A picture is compared with it in two bands,
fine structure (edges) and coarse layout, by the slope of the one on the other: the share of what is usual that is
still there, whatever noise and people lie over it. Measured on Ped2, falls, the office by day and by infrared, and a
drawn street, each with what it became under a hand, a bag, spray, blur, fog, darkness and too much light:

    ============================  =============  ==========================================  =========
    picture                       slope of fine  fine structure, share of the usual           of coarse
    ============================  =============  ==========================================  =========
    as usual                      0.7 to 1.0     0.9 to 1.1                                  0.98 to 1.05
    dense fog (93 % of it white)  0.05 to 0.07   0.07                                        0.07
    dark (6 % of the light)       0.04 to 0.06   0.06                                        0.06
    hand, bag, spray              0.00           0.00 to 0.06                                -0.14 to 0.5
    out of focus (4 % of width)   0.00 to 0.06   0.02 to 0.2                                 0.54 to 0.92
    camera moved by 10 pixels     -0.04 to 0.07  1 and more                                  0.36 to 0.9
    ============================  =============  ==========================================  =========

So fog and darkness leave both bands alike, however thin; a lens that is covered leaves neither; and one that is out of
focus the coarse one alone.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32
from service.frames import CLEAR, Blindness, Sight

LOOK_S = 0.25
"""Seconds between two looks at what is in the picture. Whether it is the same to the bit is seen of every frame."""

FROZEN_S = 10.0
"""The same picture for so long is frozen, where every frame is coded by itself. A sensor's noise never comes twice: on
35 hours of real cameras the longest run was 2.2 s, of a coder that skips what hardly changes."""

FROZEN_CODED_S = 60.0
"""Where frames are coded as differences from others, a still scene makes them the same until the next key frame: with
noise of 0.3 grey levels for 11 s (x264 at 10 frames a second, a key frame every 25 s), and never across one. A drawn
scene without any noise is like a frozen camera; it is given the benefit of the doubt for so long."""

FROZEN_KEYS = 3
"""And so many key frames in it have to be the same as the picture before them: a scene that is really there never
comes out of the coder twice alike."""

UNCHANGED_S = 2.0
"""From then on an unchanged picture may turn out to be frozen, and what is learned of it waits."""

USUAL_S = 60.0
"""Time constant of what is usual: light that changes over minutes is followed."""

FLAT = 4.0
"""Grey levels between the darkest and the lightest hundredth of a smoothed picture. Noise of 6 levels alone leaves
less than this; the darkest real picture, of a night by infrared, 80, and a street at 6 % of its light 4.3."""

GONE_SLOPE = 0.03
GONE_SHARE = 0.25
"""What is left of the usual fine structure, where nothing can be seen; see the table above."""

BLURRED_SLOPE = 0.5  # of the slope of the coarse band
BLURRED_SHARE = 0.5
KEPT_COARSE = ((0.5, 1.5), 0.8)  # slope and correlation of the coarse band
"""And where it is out of focus: half of the edges are gone, and the layout is as it was, no weaker and, as in the glare
of headlights, no stronger."""

CELLS_ON_LONG_SIDE = 16
LEAST_CELLS = 12
LEAST_STRUCTURE = 0.6
"""Grey levels of fine structure that have to be usual in so many cells of a picture before it can be missed. A camera
that looks at a bare wall is judged by ``FLAT`` alone."""

BLACK, WHITE = 40.0, 215.0
"""Mean grey level below and above which a picture without structure is called black and white."""

GONE_S = 8.0
"""A hand that wipes the lens, headlights and a bus close by are gone sooner, and a camera has found its exposure: the
one of the office shows black for 5.5 s when the light goes out at night, before its infrared comes on."""

BLURRED_S = 20.0
"""A lens that seeks its focus finds it within some seconds; a drop runs down."""

CLEAR_S = 1.0
"""So long something has to be seen again."""


@dataclass(frozen=True, slots=True)
class _Bands:
    """The structure of one picture, smooth enough that noise of single pixels does not matter."""

    fine: Float32
    coarse: Float32
    smooth: Float32


class SightMonitor:
    """Follows what can be seen by one camera, over gaps as well. Not thread-safe."""

    def __init__(self) -> None:
        self._frozen = _Frozen()
        self._usual: Float32 | None = None
        self._last_fine: Float32 | None = None
        self._looked = -math.inf
        self._now: Blindness | None = None
        self._since = 0.0
        self._clear_since: float | None = None
        self._told: Blindness | None = None

    def see(self, grey: NDArray[np.uint8], luma: Callable[[], NDArray[np.uint8]], pts: float, *, key: bool) -> None:
        """Take in every decoded frame.

        Args:
            grey: ``(h, w)`` at analysis resolution.
            luma: Gives it at full resolution, ``(H, W)``; asked for only where ``grey`` is as before.
            pts: Presentation time in seconds.
            key: Whether it was coded without reference to others.
        """
        self._frozen.see(grey, luma, pts, key=key)

    def look(self, grey: NDArray[np.uint8], pts: float) -> Sight:
        """Say what can be seen in the frame last seen.

        Args:
            grey: As in ``see``.
            pts: Likewise.
        """
        if self._usual is not None and self._usual.shape != grey.shape:
            self._usual = self._last_fine = None
        if not 0 <= pts - self._looked < LOOK_S:
            self._judge(grey, pts)
        unchanged_s = self._frozen.unchanged_s
        if self._frozen.is_frozen:
            return Sight(Blindness.FROZEN, unchanged_s)
        if self._told is not None:
            return Sight(self._told, pts - self._since)
        if self._now is None and unchanged_s < UNCHANGED_S:
            return CLEAR
        return replace(CLEAR, doubtful=True, hidden=self._now not in (None, Blindness.OUT_OF_FOCUS))

    def _judge(self, grey: NDArray[np.uint8], pts: float) -> None:
        step, self._looked = pts - self._looked, pts
        bands = _bands(grey)
        seen = self._reason(bands)
        self._last_fine = bands.fine
        if seen is None:
            self._learn(grey, step)
        self._follow(seen, pts)

    def _reason(self, bands: _Bands) -> Blindness | None:
        """Why this picture says nothing, seen by itself."""
        thinned = bands.smooth[::4, ::4]
        if _flat(thinned):
            return _by_light(thinned)
        if self._usual is None or self._last_fine is None:
            return None
        usual = _bands(self._usual)
        strength = _cells(usual.fine * usual.fine)
        telling = strength > LEAST_STRUCTURE**2
        if np.count_nonzero(telling) < LEAST_CELLS:
            return None
        # Noise is another one in every frame, so that only what lasts is left of the product of two.
        lasting = np.maximum(0.0, _cells(bands.fine * self._last_fine)[telling])
        share = float(np.sqrt(np.median(lasting / strength[telling])))
        fine = float(np.median(_cells(bands.fine * usual.fine)[telling] / strength[telling]))
        coarse = _slope(bands.coarse, usual.coarse)
        kept = _kept(coarse, bands, usual)
        if share < GONE_SHARE and fine < GONE_SLOPE and not kept:
            return _by_light(thinned)
        if kept and share < BLURRED_SHARE and fine < BLURRED_SLOPE * coarse:
            return Blindness.OUT_OF_FOCUS
        return None

    def _learn(self, grey: NDArray[np.uint8], step: float) -> None:
        if self._usual is None:
            self._usual = grey.astype(np.float32)
        else:
            cv2.accumulateWeighted(grey, self._usual, 1 - math.exp(-min(max(step, 0.0), LOOK_S * 4) / USUAL_S))

    def _follow(self, seen: Blindness | None, pts: float) -> None:
        """What is told follows what is seen, after a while."""
        if seen is None:
            if self._clear_since is None:
                self._clear_since = pts
            if self._told is None or pts - self._clear_since >= CLEAR_S:
                self._now = self._told = None
            return
        self._clear_since = None
        if self._now is None or pts < self._since:
            self._since = pts
        self._now = seen
        if self._told is not None or pts - self._since >= (BLURRED_S if seen is Blindness.OUT_OF_FOCUS else GONE_S):
            self._told = seen


class _Frozen:
    """For how long the picture has been the same to the bit."""

    def __init__(self) -> None:
        self._grey: NDArray[np.uint8] | None = None
        self._sum: int | None = None
        self._since = self._pts = 0.0
        self._frames = self._keys = 0

    def see(self, grey: NDArray[np.uint8], luma: Callable[[], NDArray[np.uint8]], pts: float, *, key: bool) -> None:
        """Take in the next frame."""
        same = self._grey is not None and pts > self._pts and np.array_equal(grey, self._grey)
        # Shrinking may hide a change of single pixels, so that whole pictures are compared while the small ones agree.
        full = zlib.crc32(np.ascontiguousarray(luma()).data) if same else None
        if not same or (self._sum is not None and full != self._sum):
            self._since, self._frames, self._keys = pts, 0, 0
        else:
            self._frames += 1
            self._keys += key
        self._grey, self._sum, self._pts = grey, full, pts

    @property
    def unchanged_s(self) -> float:
        """Seconds of presentation time since the picture last changed."""
        return self._pts - self._since

    @property
    def is_frozen(self) -> bool:
        """Whether that cannot be a scene that is still."""
        if self._keys == self._frames:
            return self.unchanged_s >= FROZEN_S and self._frames > 1
        return self.unchanged_s >= FROZEN_CODED_S and self._keys >= FROZEN_KEYS


def _flat(smooth: Float32) -> bool:
    """Whether there is nothing in a picture; a clock that is written over a black or white one does not count."""
    low, high = np.percentile(smooth, (1, 99))
    if high - low >= FLAT:
        return False
    return not BLACK <= float(smooth.mean()) <= WHITE or float(np.ptp(smooth)) < 2 * FLAT


def _cells(values: Float32) -> Float32:
    """Means over the cells of a coarse grid: their medians do not mind what covers less than half of the picture."""
    height, width = values.shape
    side = max(1.0, max(height, width) / CELLS_ON_LONG_SIDE)
    size = (max(1, round(width / side)), max(1, round(height / side)))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _by_light(picture: Float32) -> Blindness:
    mean = float(picture.mean())
    if mean < BLACK:
        return Blindness.BLACK
    return Blindness.WHITE if mean > WHITE else Blindness.COVERED


def _kept(coarse: float, bands: _Bands, usual: _Bands) -> bool:
    """Whether the layout of the scene is still there."""
    (low, high), correlation = KEPT_COARSE
    most = float(bands.coarse.std()) * float(usual.coarse.std())
    return low < coarse < high and float((bands.coarse * usual.coarse).mean()) > correlation * most


def _bands(grey: NDArray[np.uint8] | Float32) -> _Bands:
    picture = np.asarray(grey, np.float32)
    smooth = np.asarray(cv2.GaussianBlur(picture, (0, 0), 2.5), np.float32)
    fine = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.8), np.float32) - smooth
    coarse = np.asarray(cv2.GaussianBlur(smooth[::4, ::4], (0, 0), 2.0), np.float32)
    return _Bands(fine, coarse - coarse.mean(), smooth)


def _slope(now: Float32, usual: Float32) -> float:
    """The share of what is usual that is in a picture: the slope of its regression on that, as most cells have it."""
    strength = _cells(usual * usual)
    telling = strength >= np.median(strength)
    return float(np.median(_cells(now * usual)[telling] / np.maximum(strength[telling], 1e-6)))
