"""Tells what became of a picture that is another one as a whole: another light, another exposure, another view."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from models.arrays import Float32
from models.colour import COLOURED, GREY
from models.observation import SceneChange

SIDE = 128
"""Longest side that views are compared at, in pixels."""

SAME_VIEW = 0.3
"""Correlation of the strengths of edges from which two pictures show the same, if one is moved over the other. Of 462
pairs of unrelated real pictures the most is 0.26; the same place moved by a fifth of the width has 0.38 to 0.82, turned
by 3 degrees 0.41 and more, at another light 0.33 (day and overexposed infrared) to 0.93."""

UNRELATED = 0.2
"""Below this a picture that has lost or won its colours is of another place, as are nearly all unrelated pairs."""

LEAST_SHIFT = 0.02
"""Of the longer side: a camera that is moved by less is still where it learned, within a cell of what it learned."""

INSTANT_S = 0.25
"""A cut takes no time at all; a camera that somebody turns takes longer."""

FLAT = 8.0
"""Standard deviation, in grey levels, of a picture in which too little can be seen to say that it is another place: the
light is off, or much too bright."""

EXPLAINED = 0.9
"""Share of pixels that one gain and one offset for all must explain for a change of exposure. A lamp lights some places
more than others."""

LEAST_LIGHT = 4.0
"""Grey levels by which a picture is another one on the average, over some pixels, if it is the light: a camera that
trembles changes edges alone."""

_WITHIN = 11.0  # grey levels
_CLIPPED = (8, 247)


@dataclass(frozen=True, slots=True)
class Affine:
    """How a picture follows from another: ``gain * picture + offset``, in grey levels."""

    gain: float
    offset: float

    def of(self, picture: MatLike) -> NDArray[np.uint8]:
        """What a picture, ``(h, w)`` of grey levels, becomes."""
        values = self.gain * np.asarray(picture, np.float32) + self.offset
        return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def exposure(before: MatLike, after: MatLike) -> Affine | None:
    """How all of a picture became lighter or darker alike; None if it did not.

    Args:
        before: ``(h, w)`` uint8.
        after: The same place after it.
    """
    old = np.asarray(before, np.float32)[::2, ::2].ravel()
    new = np.asarray(after, np.float32)[::2, ::2].ravel()
    low, high = _CLIPPED
    told = (old > low) & (old < high) & (new > low) & (new < high)
    for _ in range(3):
        if np.count_nonzero(told) < 0.3 * len(old):
            return None
        spread = float(old[told].var())
        if spread < 1.0:
            return None
        mean_old, mean_new = float(old[told].mean()), float(new[told].mean())
        gain = float(((old[told] - mean_old) * (new[told] - mean_new)).mean()) / spread
        predicted = np.clip(gain * (old - mean_old) + mean_new, 0, 255)
        told &= np.abs(new - predicted) < 2 * _WITHIN
    if not 0.2 < gain < 5 or float((np.abs(new - predicted) < _WITHIN).mean()) < EXPLAINED:
        return None
    return Affine(gain, mean_new - gain * mean_old)


def tell(
    before: MatLike, after: MatLike, colours: tuple[float | None, float | None], took_s: float
) -> SceneChange | None:
    """What became of a picture; None where the camera trembled and came to rest almost where it was.

    Args:
        before: ``(h, w)`` uint8, what was expected.
        after: ``(h, w)`` uint8, what is seen now.
        colours: How colourful it was and is (``models.colour.colourfulness``); None where that is not known.
        took_s: Seconds from the first frame that was another one to the first that is as now.
    """
    similarity, shift = same_view(before, after)
    was, now = colours
    if was is not None and now is not None and min(was, now) < GREY and max(was, now) > COLOURED:
        return SceneChange.INFRARED if similarity >= UNRELATED else SceneChange.CUT
    if min(float(np.std(before)), float(np.std(after))) < FLAT:
        return SceneChange.LIGHT
    if similarity < SAME_VIEW:
        return SceneChange.CUT if took_s < INSTANT_S else SceneChange.MOVED
    if shift >= LEAST_SHIFT:
        return SceneChange.MOVED
    if float(np.mean(cv2.absdiff(cv2.blur(before, (9, 9)), cv2.blur(after, (9, 9))))) < LEAST_LIGHT:
        return None
    return SceneChange.LIGHT if exposure(before, after) is None else SceneChange.EXPOSURE


def same_view(before: MatLike, after: MatLike) -> tuple[float, float]:
    """How alike the edges of two pictures are where they fit best, in [-1, 1], and the shift, over the longer side."""
    one, other = _edges(before), _edges(after)
    padded = cv2.getOptimalDFTSize(2 * one.shape[0]), cv2.getOptimalDFTSize(2 * one.shape[1])
    spectrum = np.fft.rfft2(one, padded).conj() * np.fft.rfft2(other, padded)
    fits = np.fft.irfft2(spectrum, padded) / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-6)
    best = int(fits.argmax())
    down, right = (_signed(at, size) for at, size in zip(np.unravel_index(best, fits.shape), padded, strict=True))
    return float(fits.flat[best]), float(np.hypot(down, right)) / max(one.shape)


def _signed(at: np.intp, size: int) -> int:
    return int(at) if at <= size // 2 else int(at) - size


def _edges(picture: MatLike) -> Float32:
    """Strengths of the edges, whatever the light: each over those around it, with a mean of 0."""
    scale = SIDE / max(picture.shape)
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    smooth = cv2.GaussianBlur(np.asarray(small, np.float32), (0, 0), 1.0)
    strength = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    local = strength / (cv2.GaussianBlur(strength, (0, 0), 8.0) + 2.0)
    return np.asarray(local - local.mean(), np.float32)
