"""What bodies do: one entry an action, a pose function with its gait, speed and words.

A pose function takes the `Moment` of a body and gives its joints in the body frame, (JOINTS, 3) metres. To add an
action, write one and enter it in `ACTIONS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.virtual.gait import RUN, WALK, Gait
from training.virtual.skeleton import Joint, body, rotate

Array = NDArray[np.float64]

WHEEL = 0.34
"""Radius of a bicycle's wheel, in metres."""
CRANK = np.array([0.0, 0.0, 0.29])
"""Where a bicycle's cranks turn, in the body frame."""
SADDLE = 0.92
PEDAL_METRES = 4.6
"""Metres a turn of the pedals takes a bicycle."""


@dataclass(frozen=True)
class Moment:
    """All that a pose depends on."""

    height: float
    feet: Array
    """(2, 3) metres in the body frame: the balls of the feet."""
    rolls: Array
    """(2,) radians that each heel is up."""
    phase: float
    """In strides."""
    speed: float
    travelled: float
    """Metres since the body appeared."""
    seconds: float
    """Since the action began."""
    remaining: float
    """Seconds until it ends; infinite where that is not by time."""
    temper: float
    """0..1, this body's own: larger is livelier."""


def _walk(now: Moment) -> Array:
    stride = 2.0 * math.pi * now.phase
    reach = min(now.speed / 1.4, 1.2) * (0.32 + 0.2 * now.temper)
    left = -reach * math.cos(stride + 0.4)
    return body(
        now.height,
        now.feet,
        now.rolls,
        hips=0.992,
        lean=0.03 + 0.02 * now.speed,
        twist=0.16 * reach * math.cos(stride),
        swing=(left, -left),
        elbows=(0.2 + 0.35 * max(left, 0.0), 0.2 + 0.35 * max(-left, 0.0)),
    )


def _run(now: Moment) -> Array:
    stride = 2.0 * math.pi * now.phase
    left = -0.85 * math.cos(stride + 0.3)
    bounce = 0.03 * math.cos(2.0 * stride - 0.8)
    return body(
        now.height,
        now.feet,
        now.rolls,
        hips=0.95 + bounce,
        lean=0.20,
        twist=0.25 * math.cos(stride),
        swing=(left, -left),
        elbows=(1.5, 1.5),
        spread=(0.18, 0.18),
    )


def _stand(now: Moment) -> Array:
    slow = 0.7 * now.seconds + 6.0 * now.temper
    return body(
        now.height,
        now.feet,
        now.rolls,
        hips=0.997,
        offset=(0.0, 0.025 * math.sin(0.5 * slow)),
        tilt=0.02 * math.sin(0.5 * slow + 1.0),
        swing=(0.04 * math.sin(slow), 0.03 * math.sin(slow + 2.0)),
        elbows=(0.22, 0.28),
    )


def _phone(now: Moment) -> Array:
    joints = _stand(now)
    slow = 0.02 * math.sin(1.3 * now.seconds + 6.0 * now.temper)
    held = np.array([0.24, -0.05 + slow, 0.70]) * now.height
    return body(
        now.height,
        now.feet,
        now.rolls,
        hips=0.997,
        offset=(0.0, float(joints[Joint.PELVIS, 1])),
        lean=0.06,
        hands=(None, held),
    )


def _talk(now: Moment) -> Array:
    beat = 2.1 * now.seconds + 9.0 * now.temper
    speaks = max(0.0, math.sin(0.45 * now.seconds + 6.3 * now.temper))
    right = 0.15 + speaks * (0.35 + 0.30 * math.sin(beat))
    left = 0.1 + 0.6 * speaks * (0.3 + 0.25 * math.sin(beat * 0.8 + 1.0))
    return body(
        now.height,
        now.feet,
        now.rolls,
        hips=0.997,
        offset=(0.0, 0.02 * math.sin(0.3 * beat)),
        lean=0.03 * speaks,
        twist=0.08 * math.sin(0.4 * beat),
        swing=(left * 0.5, right * 0.6),
        elbows=(0.25 + left * 1.8, 0.25 + right * 2.2),
    )


def _cycle(now: Moment) -> Array:
    turn = 2.0 * math.pi * now.travelled / PEDAL_METRES
    circle = np.array([[math.cos(turn + a), 0.0, -math.sin(turn + a)] for a in (0.0, math.pi)])
    pedals = CRANK + 0.17 * circle + np.array([[0.06, 0.09, 0.0], [0.06, -0.09, 0.0]])
    grips = (np.array([0.42, 0.24, 1.02]), np.array([0.42, -0.24, 1.02]))
    seat = SADDLE / ((0.245 + 0.246 + 0.045) * now.height)
    return body(now.height, pedals, np.zeros(2), hips=min(seat, 1.0), offset=(-0.24, 0.0), lean=0.42, hands=grips)


def _drive(now: Moment) -> Array:
    feet = np.array([[0.62, 0.14, 0.34], [0.62, -0.14, 0.34]])
    wheel = (np.array([0.42, 0.16, 1.05]), np.array([0.42, -0.16, 1.05]))
    seat = 0.74 / ((0.245 + 0.246 + 0.045) * now.height)
    return body(now.height, feet, np.zeros(2), hips=seat, offset=(-0.05, 0.0), lean=-0.05, hands=wheel)


FALL_S = 0.75
"""From upright to the ground; a free fall of a body's height takes about as long."""


def _lying(now: Moment, angle: float, flail: float) -> Array:
    joints = body(
        now.height,
        now.feet,
        now.rolls,
        hips=0.98 - 0.12 * flail,
        lean=0.25 * flail,
        swing=(0.9 * flail + 0.5, 1.6 * flail - 0.2),
        elbows=(0.5, 0.7),
        spread=(0.5 + 0.4 * flail, 0.3 + 0.5 * flail),
    )
    pivot = np.array([float(now.feet[:, 0].mean()), 0.0, 0.03])
    side = -1.0 if now.temper < 0.5 else 1.0
    axis = np.array([0.55 * side, 0.835, 0.0])
    joints = rotate(joints, axis, angle, pivot)
    joints[:, 2] = np.maximum(joints[:, 2], 0.09)
    return joints


def _fall(now: Moment) -> Array:
    down = min(now.seconds / FALL_S, 1.0)
    settle = max(0.0, now.seconds - FALL_S)
    stir = 0.05 * math.sin(1.7 * settle) * min(settle, 1.0)
    return _lying(now, 0.5 * math.pi * down * down, 0.9 * math.sin(math.pi * min(down, 0.5)) - 0.5 * down + stir + 0.2)


def _get_up(now: Moment) -> Array:
    up = min(now.seconds / max(now.seconds + now.remaining, 1e-6), 1.0)
    eased = up * up * (3.0 - 2.0 * up)
    lying = _lying(now, 0.5 * math.pi * (1.0 - eased), 0.6 - 0.4 * eased)
    crouch = body(
        now.height, now.feet, now.rolls, hips=0.45 + 0.547 * eased, lean=0.9 * (1.0 - eased), swing=(0.4, 0.3)
    )
    return np.asarray(lying * (1.0 - eased) + crouch * eased)


def _fight(now: Moment) -> Array:
    beat = 2.0 * math.pi * (1.5 + 0.5 * now.temper) * now.seconds + 5.0 * now.temper
    right, left = max(0.0, math.sin(beat)) ** 2, max(0.0, math.sin(beat + 2.4)) ** 2
    guard, blow = np.array([0.20, 0.09, 0.76]), np.array([0.42, 0.02, 0.84])
    fists = [(guard + (blow - guard) * force) * now.height for force in (left, right)]
    return body(
        now.height,
        now.feet,
        now.rolls,
        hips=0.93 + 0.02 * math.sin(beat * 0.5),
        offset=(0.08 * math.sin(beat * 0.5), 0.05 * math.sin(beat * 0.31)),
        lean=0.22 + 0.2 * right - 0.15 * math.sin(beat * 0.5),
        tilt=0.1 * math.sin(beat * 0.4),
        twist=0.5 * (right - left),
        hands=(fists[0], fists[1] * (1.0, -1.0, 1.0)),
    )


@dataclass(frozen=True)
class Action:
    """One entry: how it looks, how fast it goes, and what is said of it."""

    pose: Callable[[Moment], Array]
    verb: str
    """With the subject before it: "a person in a red coat ... ". ``{way}`` becomes "to the left" and the like."""
    speed: tuple[float, float] | None = None
    """Metres a second; None where the population's own walking speed is meant, or there is no going."""
    gait: Gait = WALK
    vehicle: str | None = None


ACTIONS: dict[str, Action] = {
    "walk": Action(_walk, "walks {way}"),
    "stand": Action(_stand, "stands"),
    "phone": Action(_phone, "stands and looks at a phone"),
    "talk": Action(_talk, "stands and talks"),
    "run": Action(_run, "runs {way}", speed=(3.0, 4.0), gait=RUN),
    "cycle": Action(_cycle, "rides a bicycle {way}", speed=(3.2, 4.6), vehicle="bicycle"),
    "drive": Action(_drive, "drives a small cart {way}", speed=(2.4, 3.4), vehicle="cart"),
    "fall": Action(_fall, "falls and lies on the ground"),
    "get_up": Action(_get_up, "gets up from the ground"),
    "fight": Action(_fight, "fights"),
    "against_stream": Action(_walk, "walks {way} against the stream", speed=(1.3, 1.7)),
}
