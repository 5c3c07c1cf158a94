"""What a person's skeleton says of their posture: standing, sitting, crouching, lying, arms raised, falling.

Everything is measured by the body itself, so that people near and far, and cameras high and low, are read alike:

====== ==============================================================================================================
tilt   degrees between the torso (hips to shoulders) and the vertical: 0 upright, 90 level, 180 head down
fold   how far the thighs reach down, over the length of the shins, both as the picture shows them: 1 for straight legs,
       0 for level thighs. Thigh and shin are of one length, and a camera shortens all that is upright by one factor
rise   how far the hips are above the ankles, in lengths of the torso
drop   how far the head came down within ``FALL_S``, in heights of the body as it stood before
====== ==============================================================================================================

A confidence says how likely a posture is: 0.5 is as likely as not. Joints that were hardly seen pull it there, and what
cannot be judged at all is NaN, which is neither yes nor no. Where there is no skeleton the box is asked, which is never
sure. Pure functions of one frame and its past; who remembers is ``service.pipeline.postures``.

The constants are from anatomy where they can be, and were looked at on normal activities alone. What they give there,
activity by activity, is printed by ``watchword study postures`` and stands in docs/decisions/0030-postures.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from models.arrays import Float32, Floating
from models.boxes import cut_off

Posture = Literal["standing", "sitting", "crouching", "lying", "arms raised", "falling"]
POSTURES: tuple[Posture, ...] = get_args(Posture)
"""The columns of what is said here."""

STANDING, SITTING, CROUCHING, LYING, ARMS_RAISED, FALLING = range(len(POSTURES))

LIKELY, UNLIKELY = 0.6, 0.4
"""Confidence from which a posture is said, and up to which it is denied; between them it may be."""

SURE = 0.8
"""Confidence from which it is said without "perhaps"."""

SEEN, WELL_SEEN = 0.2, 0.5
"""Confidence from which a joint counts, and mean confidence of joints that leaves no doubt. MoveNet gives joints that
are hidden 0.1 to 0.2, and those in plain sight 0.5 to 0.9."""

SHOULDERS, HIPS = (5, 6), (11, 12)
"""Of the joints, in COCO's order: the ends of the torso."""

TRUNK = (*SHOULDERS, *HIPS)
"""What holds still while limbs move."""

UPRIGHT, LEANING = 35.0, 55.0
"""Degrees of tilt up to which a torso is upright, and from which it is not. Who walks leans by at most 11 (99 % of the
frames), who sits by 15; the backs of chairs lean by up to 30."""

LEVEL = 70.0
"""Degrees from which a torso lies: 20 from level. From ``LEANING`` on it may (``level``)."""

HEAD_DOWN = 120.0
"""Degrees from which the head is so far below the hips as nobody stands, sits or bends: lying, the head towards the
camera. Who picks something up is at 100 for a moment."""

BENT, STRAIGHT = 0.7, 0.9
"""Fold at which a thigh is raised by 45 degrees, and by 26: somebody sits, or stands. Of sitting frames 75 % are below
the first and of walking ones 75 % above the second."""

LOW, HIGH = 0.6, 0.9
"""Rise up to which hips are about as low as ankles, and from which they are not. Standing it is 1.1 to 1.4, sitting 1.3
to 1.6 (the camera sees the shins in full), squatting 0.3 to 0.6, lying about 0."""

ABOVE = 0.15
"""Torsos by which both wrists are above the shoulders when arms are raised: more than the noise of a joint. One hand
alone may be on a telephone."""

FALL_S = 1.2
"""Seconds that a fall takes at most: a body falls in 0.6 to 1, and who lies down does it in 2 or more."""

SUNK, FALLEN = 0.45, 0.65
"""Drop up to which it is no fall, and from which it is one. Lying is 0.8 or more; sitting down takes 0.3; who picks
something up bends by 0.46 at most."""

NARROW, FLAT = 0.8, 1.5
"""Width over height of a person's box without a skeleton, up to which they are upright, and from which they lie as far
as a box can tell. One who stands is at 0.3 to 0.5, one who sits or bends at up to 1."""

LAID, LONGEST, SHRUNK = (0.3, 0.6), (1.3, 1.5), (0.35, 0.5)
"""Length of a box over the height that the body stood at, up to which it is as wide as one that stands, and from which
it lies; lengths that a body with its arms stretched out has, and has not; and height over the same, up to which so
little is left as of one who lies (shoulders are 0.26 of a body wide), and from which not. Who bends down keeps 0.54. A
track that goes on with the table that somebody passed is longer than they, or higher."""

BOX = 0.7
"""The most that a box says: half a body behind a table is as wide as one that lies."""

_LEGLESS = 0.03  # this near to the lower border the feet may be below it, and ankles a guess: at 0.1 to 0.4 then
_WRISTS, _ANKLES = (9, 10), (15, 16)
_LEGS = ((11, 13, 15), (12, 14, 16))  # hip, knee, ankle
_BENT_OVER = 90.0  # degrees of tilt; beyond, the head hangs below the hips
_DOUBT = 0.5


@dataclass(frozen=True, slots=True)
class Stance:
    """How a body was held at one moment of its track.

    Attributes:
        pts: Presentation time, seconds.
        head: Its upper end, as a fraction of the picture from the top.
        height: Of its box, as a fraction of the picture.
        upright: Whether it stood, walked or sat.
    """

    pts: float
    head: float
    height: float
    upright: bool


def unknown() -> Float32:
    """``(6,)`` NaN: nothing is known of any posture."""
    return np.full(len(POSTURES), np.nan, np.float32)


def skeleton_postures(keypoints: Floating, box: Sequence[float], aspect: float) -> Float32:
    """What one skeleton says by itself.

    Args:
        keypoints: ``(17, 3)`` x, y (fractions of the picture) and confidence in [0, 1], in the order of COCO; NaN where
            there is none.
        box: x, y, width and height of the person as fractions of the picture.
        aspect: The picture's width over its height.

    Returns:
        ``(6,)`` float32 confidences in [0, 1] of ``POSTURES``, NaN where it cannot be judged; ``falling`` never can.
    """
    body = _Body.of(keypoints, aspect, cut=box[1] + box[3] > 1.0 - _LEGLESS)
    said = unknown()
    said[ARMS_RAISED] = body.arms_raised()
    tilt, fold, rise = body.tilt(), body.fold(), body.rise()
    if math.isnan(tilt):
        return said
    upright, flat = 1.0 - _ramp(tilt, UPRIGHT, LEANING), level(tilt)
    high, straight = _ramp(rise, LOW, HIGH), _ramp(fold, BENT, STRAIGHT)
    # Legs that nobody saw decide nothing, unless the torso does it alone.
    fits = {
        STANDING: _both(upright, _both(straight, high)),
        SITTING: _both(upright, _both(1.0 - straight, high)),
        CROUCHING: _both(1.0 - flat, 1.0 - high),
        LYING: _either(_ramp(tilt, _BENT_OVER, HEAD_DOWN), _both(flat, 1.0 - high)),
    }
    for column, fit in fits.items():
        said[column] = _doubted(fit, body.seen)
    return said


def box_postures(box: Sequence[float], aspect: float) -> Float32:
    """What a person's box says where there is no skeleton: whether they may lie.

    Args:
        box: x, y, width and height as fractions of the picture.
        aspect: The picture's width over its height.

    Returns:
        As of ``skeleton_postures``; all NaN of a box that the picture's border cuts off.
    """
    said = unknown()
    if not cut_off(box):
        said[LYING] = BOX * _ramp(wideness(box, aspect), NARROW, FLAT)
    return said


def laid(box: Sequence[float], stood: float, aspect: float) -> float:
    """How likely somebody lies by a box alone, against the height of their own body.

    A body that lies across the view is as long as it was tall. One that leaves the picture loses as much height, and
    gets no longer.

    Args:
        box: x, y, width and height as fractions of the picture; it may be cut off.
        stood: Height of their box when they were upright, as a fraction of the picture.
        aspect: The picture's width over its height.

    Returns:
        In [0, ``BOX``].
    """
    long, high = box[2] * aspect / max(stood, 1e-6), box[3] / max(stood, 1e-6)
    return BOX * min(_ramp(long, *LAID), 1.0 - _ramp(long, *LONGEST), 1.0 - _ramp(high, *SHRUNK))


def falling(past: Iterable[Stance], now: Stance, low: float) -> float:
    """How likely a body fell just now: it was upright, and its head is near the ground.

    Args:
        past: Of its track.
        now: And at this moment.
        low: How likely it is that it lies or crouches, in [0, 1]; NaN is as likely as not.

    Returns:
        In [0, 1]; NaN if it was not seen upright within ``FALL_S``.
    """
    drops = [
        (now.head - then.head) / max(then.height, 1e-6)
        for then in past
        if then.upright and 0 < now.pts - then.pts <= FALL_S
    ]
    if not drops:
        return math.nan
    return _ramp(max(drops), SUNK, FALLEN) * (_DOUBT if math.isnan(low) else low)


def tilted(across: float, down: float) -> float:
    """The tilt of a torso: degrees in [0, 180] between it and the vertical.

    Args:
        across: From the shoulders to the hips, in the unit of the other.
        down: Likewise; negative where the head hangs below the hips.
    """
    return math.degrees(math.atan2(abs(across), down))


def level(tilt: float) -> float:
    """How likely a torso lies, in [0, 1], by its tilt in degrees alone; NaN of NaN. ``LIKELY`` is at 64."""
    return _ramp(tilt, LEANING, LEVEL)


def wideness(box: Sequence[float], aspect: float) -> float:
    """Width over height of a box as it is seen."""
    return box[2] * aspect / max(box[3], 1e-6)


@dataclass(frozen=True, slots=True)
class _Body:
    """The joints that were seen, x (in picture heights) and y down, and how well they were."""

    joints: dict[int, tuple[float, float]]
    seen: float

    @classmethod
    def of(cls, keypoints: Floating, aspect: float, *, cut: bool) -> _Body:
        """Of a skeleton; one that the lower border may ``cut`` off has ankles only if they were well seen."""
        found = {
            joint: (x * aspect, y, sure)
            for joint, (x, y, sure) in enumerate(keypoints.tolist())
            if sure >= (WELL_SEEN if cut and joint in _ANKLES else SEEN)
        }
        # Arms and faces are hidden or not, which says nothing of how the rest was seen.
        trunk = [found[joint][2] for joint in (*SHOULDERS, *(j for leg in _LEGS for j in leg)) if joint in found]
        seen = _ramp(sum(trunk) / len(trunk), SEEN, WELL_SEEN) if trunk else 0.0
        return cls({joint: (x, y) for joint, (x, y, _) in found.items()}, seen)

    def middle(self, joints: Iterable[int]) -> tuple[float, float] | None:
        """Of those that were seen; None without any."""
        points = [self.joints[joint] for joint in joints if joint in self.joints]
        if not points:
            return None
        return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)

    def tilt(self) -> float:
        return _angle(self.middle(HIPS), self.middle(SHOULDERS))

    def torso(self) -> float:
        hips, shoulders = self.middle(HIPS), self.middle(SHOULDERS)
        return math.nan if hips is None or shoulders is None else max(math.dist(hips, shoulders), 1e-6)

    def fold(self) -> float:
        """Of both legs together: of one that swings, thigh and shin are shortened by different factors."""
        legs = [[self.joints[joint] for joint in leg] for leg in _LEGS if all(joint in self.joints for joint in leg)]
        if not legs:
            return math.nan
        reach = sum(knee[1] - hip[1] for hip, knee, _ in legs)
        return reach / max(sum(math.dist(knee, ankle) for _, knee, ankle in legs), 1e-6)

    def rise(self) -> float:
        legs = [(hip, ankle) for hip, _, ankle in _LEGS if hip in self.joints and ankle in self.joints]
        if not legs:
            return math.nan
        return sum(self.joints[ankle][1] - self.joints[hip][1] for hip, ankle in legs) / len(legs) / self.torso()

    def arms_raised(self) -> float:
        """NaN unless both arms were seen, and the torso by which they are measured."""
        if not all(joint in self.joints for joint in (*SHOULDERS, *_WRISTS)) or math.isnan(self.torso()):
            return math.nan
        above = [
            (self.joints[shoulder][1] - self.joints[wrist][1]) / self.torso()
            for shoulder, wrist in zip(SHOULDERS, _WRISTS, strict=True)
        ]
        # Arms are raised along the body; of one who lies they are beside it.
        upright = 1.0 - _ramp(self.tilt(), UPRIGHT, LEANING)
        return _doubted(upright * _ramp(min(above), 0.0, 2 * ABOVE), self.seen)


def _angle(low: tuple[float, float] | None, high: tuple[float, float] | None) -> float:
    """Degrees between what leads from one point to another and straight up, in [0, 180]; NaN where one is missing."""
    if low is None or high is None:
        return math.nan
    return tilted(low[0] - high[0], low[1] - high[1])


def _ramp(value: float, zero: float, one: float) -> float:
    """0 up to one value, 1 from another on, linear between; NaN stays."""
    return value if math.isnan(value) else min(1.0, max(0.0, (value - zero) / (one - zero)))


def _both(one: float, other: float) -> float:
    """How likely two things are together; of one that is not known, nothing, unless the other rules it out."""
    if math.isnan(one) or math.isnan(other):
        return 0.0 if one == 0.0 or other == 0.0 else math.nan
    return min(one, other)


def _either(one: float, other: float) -> float:
    """How likely one of two things is; of one that is not known, nothing, unless the other is certain."""
    return 1.0 - _both(1.0 - one, 1.0 - other)


def _doubted(fit: float, seen: float) -> float:
    """A confidence, drawn towards as likely as not where joints were hardly seen."""
    return _DOUBT + (fit - _DOUBT) * seen
