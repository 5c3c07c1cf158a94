"""Which pixels differ from the background of a fixed camera.

Each pixel holds two values: the background and a candidate, each with the time it was seen. The value seen for
longer is the background. So a model that starts on a crowd clears itself as soon as the ground shows; a person who
stands is absorbed only after ``ABSORB_S``; and the ground behind them is still known when they leave.

All learning happens in looks, a quarter of a second of presentation time apart whatever the frame rate; the
frames between are only classified. Measured on Ped2 at 360x240 on one thread (``python -m tests.bench foreground``):
0.7 ms a frame, 1.0 with the looks at 10 frames a second, where OpenCV's MOG2 takes 1.3; it covers 0.92 of the people
that a detector finds, MOG2 0.45.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from models.arrays import Float32, Mask
from models.observation import Changes, SceneChange
from service.frames import KEPT_S
from service.ingest.changes import ChangeFinder, inside
from service.ingest.disturbance import Disturbance
from service.ingest.scene_change import Affine, exposure, tell

ABSORB_S = 60.0
"""What stands still for so long becomes background, in a model that knew the ground for as long."""

SETTLING_S = 4.0
"""So long after it began a model still shows ghosts of who stood in its first picture. In 83 cold starts on Ped2, falls
two more cameras and a drawn street, ghosts covered as much as 1.2 times what really moved after 1.5 and 2 s, up to
0.26 of it after 3 s, 0.18 after 4 s and 0.08 to 0.21 after 5 s, where crowds never show the ground."""

_COLOUR_S = 2.0  # how often it is looked whether the picture has colours
_TICK_S = ABSORB_S / 255  # support is counted in uint8 ticks, which saturate where they should
_FOLLOW_S = 4.0  # time constant of the background's own drift, where it shows
_FORGET = 0.5  # ticks a candidate loses per tick in which the background, or something else, shows
_MARGIN = 2  # ticks by which a candidate must have been seen for longer
_MIN_CONTRAST = 11.0  # grey levels
_NOISE_FACTOR = 5.0  # contrast over the spread of the background around its mean
_MAX_SPREAD = 8.0  # what differs more is no noise
_RESTLESS_S = 20.0  # over which a pixel's changes of state are counted
_RESTLESS = (0.2, 0.4)  # share of looks with a change: people passing stay near the first, leaves above the second
_RESTLESS_FACTOR = 3.0  # contrast over the usual difference, where it is restless
_GAIN_PER_S = 0.25  # automatic exposure is slower than this, a switched light faster
_SHADOW_RATIO = (0.45, 0.96)
_SLIGHT_SHADOW_RATIO = 0.7
_RATIO_SCALE = 200.0

_WINDOW = (5, 5)
_GHOSTS_S = 1.0  # how often ghosts are looked for
_STILL_TICKS = 6
_MIN_GHOST = 30  # pixels
_EDGE_FACTOR = 1.5
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_SQUARE_3 = np.ones((3, 3), np.uint8)
_SQUARE_5 = np.ones((5, 5), np.uint8)
_SQUARE_7 = np.ones((7, 7), np.uint8)


class Background:
    """The background model of one stream, from grey pictures at analysis resolution. Not thread-safe."""

    def __init__(self) -> None:
        self._model: _Model | None = None
        self._disturbance = Disturbance()
        self._resumes = False
        self._kept = self._people = np.zeros((0, 4), np.float32)
        self._changes = ChangeFinder()
        self._scene_change: SceneChange | None = None
        self._colour: float | None = None
        self._coloured_at = -np.inf

    @property
    def settled(self) -> bool:
        """Whether the ground is known by now: right after a start, people who stood in it leave ghosts."""
        return self._model is not None and self._model.age >= SETTLING_S

    def keep(self, boxes: Float32, people: Mask) -> None:
        """Say what stands still, from the next frame on: it is not to become background, for ``KEPT_S`` at most.

        Args:
            boxes: ``(N, 4)`` x, y, width and height as fractions of the picture; replaces what was said before.
            people: ``(N,)`` which of them came by themselves, and so were not left there.
        """
        self._kept, self._people = boxes, boxes[people]

    def changes(self, pts: float) -> Changes:
        """What was left in the scene, and what is gone from it; nothing while that cannot be seen.

        Args:
            pts: Presentation time of the frame that was given last, seconds.
        """
        return self._changes.found(pts) if self.settled and not self._disturbance.active else Changes.none()

    def resume(self) -> None:
        """Say that something was missed before the next frame. What was learned stays, unless that is too old."""
        self._resumes = True

    @property
    def scene_change(self) -> SceneChange | None:
        """What became of the whole picture, if that was known with the frame that was given last."""
        return self._scene_change

    def update(
        self, grey: NDArray[np.uint8], pts: float, colour: Callable[[], float] | None = None
    ) -> tuple[NDArray[np.uint8], bool]:
        """Look at the next frame and learn from it.

        Args:
            grey: ``(h, w)`` uint8.
            pts: Presentation time in seconds; learning goes by its differences.
            colour: How colourful its picture is (``colourfulness``), asked for now and then; None where nobody knows.

        Returns:
            ``(h, w)`` uint8 mask, 1 where the picture differs from its background; and whether the whole
            picture is disturbed: then the mask is empty and says nothing.
        """
        smooth = cv2.GaussianBlur(grey, (3, 3), 0)
        self._scene_change = None
        if self._resumes and self._model is not None:
            self._disturbance = Disturbance()
            if not self._model.resume(pts):
                self._model = None
        self._resumes = False
        if self._model is None or self._model.shape != grey.shape:
            self._model, self._disturbance = _Model(smooth, pts), Disturbance()
            self._changes.reset()
            return np.zeros_like(grey), False
        model = self._model
        level = model.contrast / 2
        settled = self._disturbance.update(smooth, model.expected, model.usual_difference, level, pts)
        if settled:
            self._replace(model, smooth, pts, None if colour is None else colour())
        if settled or self._disturbance.active:
            return np.zeros_like(grey), True
        if colour is not None and not 0 <= pts - self._coloured_at < _COLOUR_S:
            self._colour, self._coloured_at = colour(), pts
        hidden, shadow = model.classify(smooth)
        model.learn(smooth, hidden, pts, self._kept)
        if self.settled:
            self._changes.update(smooth, model.expected, model.contrasts, self._people, pts)
        return np.bitwise_and(_without_shadow(hidden, shadow), np.uint8(1), dtype=np.uint8), False

    def _replace(self, model: _Model, smooth: MatLike, pts: float, colour: float | None) -> None:
        """Go on with another picture, and say what became of the one before."""
        took_s = self._disturbance.took_s
        if took_s is not None:
            self._scene_change = tell(model.expected, smooth, (self._colour, colour), took_s)
        self._colour, self._coloured_at = colour, pts
        affine = exposure(model.expected, smooth) if self._scene_change is SceneChange.EXPOSURE else None
        if affine is not None:
            model.expose(affine)  # the same ground, known as well as before
            self._changes.expose(affine)
            return
        self._model = _Model(smooth, pts)
        self._changes.reset()


def _without_shadow(hidden: MatLike, shadow: MatLike) -> MatLike:
    """Take the shadow out, with the rim that its edge leaves; specks out, gaps closed."""
    core = cv2.morphologyEx(cv2.bitwise_and(hidden, shadow), cv2.MORPH_OPEN, _SQUARE_5)
    solid = cv2.subtract(hidden, core)
    thin = cv2.subtract(solid, cv2.morphologyEx(solid, cv2.MORPH_OPEN, _SQUARE_5))
    rim = cv2.bitwise_and(thin, cv2.dilate(core, _SQUARE_7))
    return cv2.morphologyEx(cv2.medianBlur(cv2.subtract(solid, rim), 3), cv2.MORPH_CLOSE, _SQUARE_5)


class _Model:
    """The state of every pixel. Masks are uint8, 0 or 255."""

    def __init__(self, smooth: MatLike, pts: float) -> None:
        self.shape = smooth.shape
        self.contrast = _MIN_CONTRAST
        self.expected: MatLike
        self.usual_difference: MatLike = np.zeros(self.shape, np.uint8)
        self._started = self._looked = pts
        self._spread = 1.0
        self._mean = smooth.astype(np.float32)
        self._seen: MatLike = np.zeros(self.shape, np.uint8)
        self._candidate: MatLike = smooth.copy()
        self._candidate_seen: MatLike = np.zeros(self.shape, np.uint8)
        self._to_forget = 0.0
        self._until_ghosts = _GHOSTS_S
        self._differs: MatLike = np.zeros(self.shape, np.uint8)
        self._changes = np.zeros(self.shape, np.float32)
        self._difference = np.zeros(self.shape, np.float32)
        self._kept_s = np.zeros(self.shape, np.float32)
        self.contrasts: MatLike = np.full(self.shape, round(self.contrast), np.uint8)
        self._picture()

    @property
    def age(self) -> float:
        """Seconds that it has watched."""
        return self._looked - self._started

    def resume(self, pts: float) -> bool:
        """Go on at a later time, of which nothing is learned; False if that is too late to believe what is known."""
        missed = pts - self._looked
        self._looked, self._started = pts, self._started + missed
        return 0 <= missed <= ABSORB_S

    def _picture(self) -> None:
        """What follows from the background alone, kept from look to look."""
        self.expected = cv2.convertScaleAbs(self._mean)
        # A pixel may also look like its neighbours do: a camera that shakes by a pixel, a leaf.
        self._lightest = cv2.dilate(self.expected, _CROSS)
        self._darkest = cv2.erode(self.expected, _CROSS)
        self._local = cv2.blur(self.expected, _WINDOW)
        self._texture = cv2.blur(cv2.absdiff(self.expected, self._local), _WINDOW)

    def expose(self, affine: Affine) -> None:
        """Go with a change of the exposure."""
        self._mean = np.clip(affine.gain * self._mean + affine.offset, 0, 255).astype(np.float32)
        self._candidate = affine.of(self._candidate)
        self._picture()

    def classify(self, smooth: MatLike) -> tuple[MatLike, MatLike]:
        """Where the background is hidden, and where it only lies in shadow (which hides it from learning)."""
        beyond = cv2.max(cv2.subtract(smooth, self._lightest), cv2.subtract(self._darkest, smooth))
        strong = cv2.medianBlur(cv2.compare(beyond, self.contrasts, cv2.CMP_GT), 3)
        difference = cv2.absdiff(smooth, self.expected)
        weak = cv2.compare(cv2.add(difference, difference), self.contrasts, cv2.CMP_GT)
        hidden = cv2.bitwise_or(strong, cv2.bitwise_and(weak, cv2.dilate(strong, _SQUARE_7)))
        return hidden, self._shadow(smooth)

    def _shadow(self, smooth: MatLike) -> MatLike:
        """Mask of what is its background, only darker: the same texture times a ratio.

        Where the ground has no texture to compare, a plain dark coat looks the same, so only a slight shadow
        counts there.
        """
        ratio = cv2.divide(cv2.blur(smooth, _WINDOW), self._local, scale=_RATIO_SCALE)
        low, high = (_RATIO_SCALE * bound for bound in _SHADOW_RATIO)
        predicted = cv2.multiply(self.expected, ratio, scale=1 / _RATIO_SCALE)
        residual = cv2.blur(cv2.absdiff(smooth, predicted), _WINDOW)
        noise = self._spread + 0.5
        bearable = np.maximum(cv2.convertScaleAbs(self._texture, alpha=0.5), np.uint8(noise))
        alike = cv2.compare(residual, bearable, cv2.CMP_LE)
        telling = _above(self._texture, 1.5 * noise)
        slight = _above(ratio, _RATIO_SCALE * _SLIGHT_SHADOW_RATIO)
        return cv2.bitwise_and(cv2.bitwise_and(cv2.inRange(ratio, low, high), alike), cv2.bitwise_or(telling, slight))

    def learn(self, smooth: MatLike, hidden: MatLike, pts: float, kept: Float32) -> None:
        """Learn from a classified frame, if a look is due; of ``kept`` see ``Background.keep``."""
        step = pts - self._looked
        if step < 0:
            self._looked = self._started = pts
            return
        ticks = min(int(step / _TICK_S), 255)
        if ticks < 1:
            return
        self._looked += ticks * _TICK_S if ticks < 255 else step
        shows = cv2.bitwise_not(hidden)
        difference = cv2.absdiff(smooth, self.expected)
        self._learn_contrast(difference, shows, step, pts - self._started)
        self._follow_gain(smooth, shows, step)
        cv2.accumulateWeighted(smooth, self._mean, 1 - np.exp(-step / _FOLLOW_S), mask=shows)
        self._learn_candidate(smooth, hidden, shows, ticks, self._spared(kept, hidden, ticks * _TICK_S))
        self._picture()

    def _spared(self, kept: Float32, hidden: MatLike, step: float) -> MatLike | None:
        """Mask of what is not to be learned now; None for nothing."""
        if not len(kept):
            return None
        told = cv2.bitwise_and(inside(kept, self.shape), hidden)
        # Counted where it is hidden, and anew where the ground shows again.
        self._kept_s = np.where(hidden > 0, self._kept_s + np.float32(step) * (told > 0), np.float32(0))
        return cv2.bitwise_and(told, _above(np.float32(KEPT_S) - self._kept_s, 0).astype(np.uint8))

    def _learn_candidate(
        self, smooth: MatLike, hidden: MatLike, shows: MatLike, ticks: int, spared: MatLike | None
    ) -> None:
        again = cv2.subtract(hidden, _above(cv2.absdiff(smooth, self._candidate), self.contrast))
        self._to_forget += _FORGET * ticks
        lost = int(self._to_forget)
        self._to_forget -= lost
        self._seen = np.minimum(
            cv2.add(self._seen, np.bitwise_and(shows, np.uint8(ticks))), np.uint8(255 - 2 * _MARGIN)
        )
        counted = again if spared is None else cv2.subtract(again, spared)
        gained = cv2.add(self._candidate_seen, np.bitwise_and(counted, np.uint8(ticks)))
        self._candidate_seen = cv2.subtract(gained, np.bitwise_and(cv2.bitwise_not(again), np.uint8(lost)))
        remembered = _above(self._candidate_seen, 0)
        self._candidate = cv2.copyTo(smooth, cv2.subtract(hidden, remembered), self._candidate)
        longer = cv2.bitwise_and(again, _above(cv2.subtract(self._candidate_seen, self._seen), _MARGIN))
        self._until_ghosts -= ticks * _TICK_S
        if self._until_ghosts <= 0:
            self._until_ghosts = _GHOSTS_S
            still = cv2.bitwise_and(again, _above(self._candidate_seen, _STILL_TICKS))
            longer = cv2.bitwise_or(longer, _ghosts(still, smooth, self.expected))
        if spared is not None:
            longer = cv2.subtract(longer, spared)
        if cv2.countNonZero(longer):
            self._swap(longer.view(np.bool_))

    def _swap(self, where: NDArray[np.bool_]) -> None:
        """Make the candidate the background, and the background the candidate."""
        mean, seen = self._mean[where], self._seen[where]
        self._mean[where], self._seen[where] = self._candidate[where], self._candidate_seen[where]
        self._candidate[where], self._candidate_seen[where] = np.rint(mean).astype(np.uint8), seen

    def _learn_contrast(self, difference: MatLike, shows: MatLike, step: float, age: float) -> None:
        """How much contrast makes foreground: beyond the noise, and beyond what is usual where it is restless."""
        sample, quiet = difference[::4, ::4], shows[::4, ::4] > 0
        if quiet.any():
            spread = float(np.sqrt(np.mean(np.minimum(sample[quiet], _MAX_SPREAD) ** 2)))
            self._spread += min(1.0, step) * (spread - self._spread) / 2
        self.contrast = max(_MIN_CONTRAST, _NOISE_FACTOR * self._spread)
        differs = _above(difference, self.contrast)
        rate = max(1 - np.exp(-step / _RESTLESS_S), min(1.0, step / age))
        cv2.accumulateWeighted(cv2.bitwise_xor(differs, self._differs), self._changes, rate)
        cv2.accumulateWeighted(difference, self._difference, rate)
        self._differs = differs
        low, high = _RESTLESS
        restless = cv2.convertScaleAbs(np.maximum(self._changes - 255 * low, 0), alpha=1 / (high - low))
        usual = cv2.convertScaleAbs(self._difference)
        self.usual_difference = cv2.multiply(usual, restless, scale=1 / 255)
        wanted = cv2.convertScaleAbs(cv2.blur(self.usual_difference, (3, 3)), alpha=_RESTLESS_FACTOR)
        self.contrasts = np.maximum(wanted, np.uint8(self.contrast))

    def _follow_gain(self, smooth: MatLike, shows: MatLike, step: float) -> None:
        """Scale the model with the camera's automatic exposure, judged on the background that shows."""
        quiet = shows[::4, ::4] > 0
        if np.count_nonzero(quiet) < 50:
            return
        ratios = (smooth[::4, ::4][quiet] + 8.0) / (self._mean[::4, ::4][quiet] + 8.0)
        most = _GAIN_PER_S * step
        gain = float(np.clip(np.median(ratios), 1 - most, 1 + most))
        if abs(gain - 1) > 0.005:
            self._mean *= gain
            self._candidate = cv2.convertScaleAbs(self._candidate, alpha=gain)


def _above(values: MatLike, level: float) -> MatLike:
    """Mask of the values above a level."""
    return cv2.threshold(values, level, 255, cv2.THRESH_BINARY)[1]


def _ghosts(still: MatLike, smooth: MatLike, expected: MatLike) -> MatLike:
    """Mask of the still regions whose outline is in the background and not in the picture: what left them."""
    solid = cv2.morphologyEx(still, cv2.MORPH_OPEN, _SQUARE_3)
    ghosts = np.zeros(still.shape, np.uint8)
    if cv2.countNonZero(solid) < _MIN_GHOST:
        return ghosts
    count, labels = cv2.connectedComponents(solid, ltype=cv2.CV_16U)
    outline = cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, _SQUARE_3) > 0
    owners = cv2.dilate(labels, _SQUARE_3)[outline]
    in_picture = np.bincount(owners, _edges(smooth)[outline], count)
    in_background = np.bincount(owners, _edges(expected)[outline], count)
    length = np.bincount(owners, minlength=count)
    left = in_background > _EDGE_FACTOR * in_picture + length
    left &= np.bincount(labels.ravel(), minlength=count) >= _MIN_GHOST
    left[0] = False
    ghosts[left[labels]] = 255
    return ghosts


def _edges(picture: MatLike) -> MatLike:
    return cv2.morphologyEx(picture, cv2.MORPH_GRADIENT, _CROSS)
