"""How bodies hold themselves: a function an action, from the `BodyState` of a body to its joints.

Joints are in the body frame, (JOINTS, 3) metres. What is ridden, pushed or carried is drawn by `gear`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.arrays import Float64
from training.virtual.skeleton import SHIN, SOLE, THIGH, Joint, body, rotate

WHEEL = 0.34
"""Radius of a bicycle's wheel, in metres."""
CRANK = np.array([0.0, 0.0, 0.29])
"""Where a bicycle's cranks turn, in the body frame."""
SADDLE = 0.92
PEDAL_METRES = 4.6
"""Metres a turn of the pedals takes a bicycle."""
BOARD = 0.13
"""Height of a skateboard's deck, in metres."""
RUNG = 0.30
"""Metres from one step of a ladder to the next."""
UP = np.array([0.0, 0.0, 1.0])
ORIGIN = np.zeros(3)
MIRRORED = np.array([1.0, -1.0, 1.0])
"""Times a point on the left: the one on the right."""


@dataclass(frozen=True)
class BodyState:
    """All that a pose depends on."""

    height: float
    feet: Float64
    """(2, 3) metres in the body frame: the balls of the feet."""
    rolls: Float64
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


def walk(now: BodyState) -> Float64:
    """A stride, with arms that swing against the legs."""
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


def run(now: BodyState) -> Float64:
    """A bound, leaning forward, elbows bent."""
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


def stand(now: BodyState) -> Float64:
    """Weight shifting slowly from foot to foot."""
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


def phone(now: BodyState) -> Float64:
    """Standing, a hand held up before a bowed head."""
    joints = stand(now)
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


def talk(now: BodyState) -> Float64:
    """Standing, with hands that speak now and then."""
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


def cycle(now: BodyState) -> Float64:
    """On a bicycle's saddle, feet on turning pedals."""
    turn = 2.0 * math.pi * now.travelled / PEDAL_METRES
    circle = np.array([[math.cos(turn + a), 0.0, -math.sin(turn + a)] for a in (0.0, math.pi)])
    pedals = CRANK + 0.17 * circle + np.array([[0.06, 0.09, 0.0], [0.06, -0.09, 0.0]])
    grips = (np.array([0.42, 0.24, 1.02]), np.array([0.42, -0.24, 1.02]))
    return body(
        now.height, pedals, np.zeros(2), hips=_seat(SADDLE, now.height), offset=(-0.24, 0.0), lean=0.42, hands=grips
    )


FALL_S = 0.75
"""From upright to the ground; a free fall of a body's height takes about as long."""


def _lying(now: BodyState, angle: float, flail: float) -> Float64:
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


def fall(now: BodyState) -> Float64:
    """Down to one side within `FALL_S`, then lying."""
    down = min(now.seconds / FALL_S, 1.0)
    settle = max(0.0, now.seconds - FALL_S)
    stir = 0.05 * math.sin(1.7 * settle) * min(settle, 1.0)
    return _lying(now, 0.5 * math.pi * down * down, 0.9 * math.sin(math.pi * min(down, 0.5)) - 0.5 * down + stir + 0.2)


def get_up(now: BodyState) -> Float64:
    """From lying over a crouch to standing."""
    up = min(now.seconds / max(now.seconds + now.remaining, 1e-6), 1.0)
    eased = up * up * (3.0 - 2.0 * up)
    lying = _lying(now, 0.5 * math.pi * (1.0 - eased), 0.6 - 0.4 * eased)
    crouch = body(
        now.height, now.feet, now.rolls, hips=0.45 + 0.547 * eased, lean=0.9 * (1.0 - eased), swing=(0.4, 0.3)
    )
    return np.asarray(lying * (1.0 - eased) + crouch * eased)


def fight(now: BodyState) -> Float64:
    """Fists up, in and out, blow after blow, and now and then a kick."""
    beat = 2.0 * math.pi * (1.5 + 0.5 * now.temper) * now.seconds + 5.0 * now.temper
    right, left = max(0.0, math.sin(beat)) ** 2, max(0.0, math.sin(beat + 2.4)) ** 2
    kick = max(0.0, math.sin(0.37 * beat + 9.0 * now.temper)) ** 8
    guard, blow = np.array([0.18, 0.09, 0.78]), np.array([0.46, 0.02, 0.86])
    fists = [(guard + (blow - guard) * force) * now.height for force in (left, right)]
    feet = now.feet + now.height * kick * np.array([[0.0, 0.0, 0.0], [0.42, 0.0, 0.40]])
    return body(
        now.height,
        feet,
        now.rolls,
        hips=0.92 + 0.03 * math.sin(beat * 0.5),
        offset=(0.12 * math.sin(beat * 0.5) - 0.05 * kick, 0.08 * math.sin(beat * 0.31)),
        lean=0.22 + 0.3 * right - 0.25 * math.sin(beat * 0.5) - 0.5 * kick,
        tilt=0.18 * math.sin(beat * 0.4),
        twist=0.7 * (right - left),
        hands=(fists[0], fists[1] * MIRRORED),
    )


# On wheels


def skateboard(now: BodyState) -> Float64:
    """Sideways on a board, knees bent, arms out."""
    sway = 0.08 * math.sin(1.1 * now.travelled + 6.0 * now.temper)
    feet = np.array([[0.02, 0.27, BOARD], [0.02, -0.27, BOARD]])
    across = body(
        now.height,
        feet,
        np.zeros(2),
        hips=0.86 + 0.5 * abs(sway),
        lean=0.22 + sway,
        tilt=0.12,
        swing=(0.25, 0.1 - sway),
        elbows=(0.35, 0.5),
        spread=(1.0, 0.85),
    )
    return rotate(across, UP, -0.5 * math.pi, ORIGIN)


def scooter(now: BodyState) -> Float64:
    """One foot on the deck; the other pushes off the ground again and again."""
    kick = now.travelled / 2.4 % 1.0
    pushes = kick < 0.4
    along = 0.45 - 1.9 * kick if pushes else -0.31 + 1.27 * (kick - 0.4)
    lift = 0.0 if pushes else 0.16 * math.sin(math.pi * (kick - 0.4) / 0.6)
    feet = np.array([[along, 0.17, lift], [0.06, -0.02, 0.12]])
    bars = (np.array([0.46, 0.24, 0.99]), np.array([0.46, -0.24, 0.99]))
    rolls = np.array([0.0 if pushes else 0.6, 0.0])
    return body(now.height, feet, rolls, hips=0.93, offset=(0.02, -0.02), lean=0.28, hands=bars)


def motorcycle(now: BodyState) -> Float64:
    """Astride, hands wide on the bars."""
    feet = np.array([[0.0, 0.22, 0.34], [0.0, -0.22, 0.34]])
    grips = (np.array([0.42, 0.34, 1.02]), np.array([0.42, -0.34, 1.02]))
    return body(
        now.height, feet, np.zeros(2), hips=_seat(0.86, now.height), offset=(-0.22, 0.0), lean=0.30, hands=grips
    )


def wheelchair(now: BodyState) -> Float64:
    """Seated, hands pushing the rims."""
    turn = 2.0 * math.pi * now.travelled / 1.5
    rims = [np.array([0.14 - 0.20 * math.cos(turn), side * 0.31, 0.66 - 0.07 * math.sin(turn)]) for side in (1, -1)]
    feet = np.array([[0.50, 0.11, 0.16], [0.50, -0.11, 0.16]])
    lean = 0.12 - 0.12 * math.cos(turn)
    return body(
        now.height,
        feet,
        np.zeros(2),
        hips=_seat(0.58, now.height),
        offset=(-0.08, 0.0),
        lean=lean,
        hands=(rims[0], rims[1]),
    )


def drive(now: BodyState) -> Float64:
    """Seated behind a wheel."""
    feet = np.array([[0.62, 0.14, 0.34], [0.62, -0.14, 0.34]])
    wheel = (np.array([0.42, 0.16, 1.05]), np.array([0.42, -0.16, 1.05]))
    return body(
        now.height, feet, np.zeros(2), hips=_seat(0.74, now.height), offset=(-0.05, 0.0), lean=-0.05, hands=wheel
    )


# On foot, with something


def carry(now: BodyState) -> Float64:
    """Walking, leaning back, both hands under a box."""
    hold = now.height * np.array([0.25, 0.13, 0.60])
    return _walking(now, lean=-0.07, hands=(hold, hold * MIRRORED))


def push(now: BodyState) -> Float64:
    """Walking, leaning forward, both hands on a bar."""
    bar = now.height * np.array([0.27, 0.13, 0.59])
    return _walking(now, lean=0.16, hands=(bar, bar * MIRRORED))


def suitcase(now: BodyState) -> Float64:
    """Walking, one hand behind at a handle."""
    return _walking(now, lean=0.09, hands=(None, now.height * np.array([-0.17, -0.14, 0.46])))


def umbrella(now: BodyState) -> Float64:
    """Walking, one hand up at the stick."""
    return _walking(now, lean=0.04, hands=(None, now.height * np.array([0.13, -0.07, 0.70])))


def dog(now: BodyState) -> Float64:
    """Walking, one hand out with the leash."""
    return _walking(now, lean=0.03, hands=(now.height * np.array([0.16, 0.12, 0.55]), None))


def crawl(now: BodyState) -> Float64:
    """On hands and knees."""
    turn = 2.0 * math.pi * now.travelled / 0.9
    tall, step = now.height, 0.07 * math.cos(turn)
    lift = 0.03 * max(0.0, math.sin(turn)), 0.03 * max(0.0, -math.sin(turn))
    feet = tall * np.array([[-0.36 - step, 0.06, 0.012], [-0.36 + step, -0.06, 0.012]])
    palms = tall * np.array([[0.30 + step, 0.11, 0.03 + lift[0]], [0.30 - step, -0.11, 0.03 + lift[1]]])
    return body(
        tall,
        feet,
        np.full(2, 1.5),
        hips=0.53,
        offset=(-0.04 * tall, 0.01 * tall * math.sin(turn)),
        lean=1.38,
        hands=(palms[0], palms[1]),
    )


# On the spot


def jump(now: BodyState) -> Float64:
    """A crouch, a leap with arms and legs apart, a landing; again and again."""
    beat = (now.seconds / (1.15 - 0.25 * now.temper) + now.temper) % 1.0
    # A crouch, a leap for half of the time, a landing; arms and legs go apart in the air.
    air = max(0.0, math.sin(math.pi * (beat - 0.35) / 0.5)) if 0.35 < beat < 0.85 else 0.0
    sunk = 0.0 if air else max(0.0, math.sin(math.pi * ((beat - 0.85) % 1.0) / 0.5))
    apart = 0.06 + 0.10 * air
    feet = now.height * np.array([[0.03, apart, 0.0], [0.03, -apart, 0.0]])
    joints = body(
        now.height,
        feet,
        np.full(2, 0.9 * air),
        hips=0.997 - 0.20 * sunk,
        offset=(-0.06 * sunk, 0.0),
        lean=0.35 * sunk,
        elbows=(0.3, 0.3),
        swing=(-0.7 * sunk, -0.7 * sunk),
        spread=(0.1 + 2.3 * air, 0.1 + 2.3 * air),
    )
    joints[:, 2] += 0.30 * now.height * air
    return joints


def wave(now: BodyState) -> Float64:
    """Both arms above the head, from side to side."""
    beat = 0.13 * math.sin(7.0 * now.seconds + 6.0 * now.temper)
    left = now.height * np.array([0.05, 0.22 + beat, 1.12 - 0.5 * abs(beat)])
    right = now.height * np.array([0.05, -0.22 + beat, 1.12 - 0.5 * abs(beat)])
    return body(now.height, now.feet, now.rolls, hips=0.997, tilt=-0.3 * beat, hands=(left, right))


def crouch(now: BodyState) -> Float64:
    """Down on the heels, hands at the knees."""
    down = _eased(now, 0.8)
    slow = 0.02 * math.sin(1.1 * now.seconds + 6.0 * now.temper)
    knees = now.height * np.array([0.24, 0.09, 0.30 + slow])
    return body(
        now.height,
        now.feet,
        np.full(2, 0.5 * down),
        hips=0.997 - 0.62 * down,
        offset=(-0.13 * now.height * down, 0.0),
        lean=0.6 * down,
        hands=(knees, knees * MIRRORED) if down > 0.9 else (None, None),
        swing=(0.8 * down, 0.8 * down),
    )


def pick_up(now: BodyState) -> Float64:
    """Bending down until the hands are at the ground, and up again."""
    beat = (now.seconds / 2.6 + now.temper) % 1.0
    down = math.sin(math.pi * beat) ** 2
    reach = now.height * np.array([0.22, 0.08, 0.44 - 0.40 * down])
    return body(
        now.height,
        now.feet,
        now.rolls,
        hips=0.99 - 0.14 * down,
        offset=(-0.14 * now.height * down, 0.0),
        lean=0.1 + 1.45 * down,
        hands=(reach, reach * MIRRORED),
    )


def sit(now: BodyState) -> Float64:
    """Hips back and down to the height of a bench, hands in the lap."""
    down = _eased(now, 1.0)
    slow = 0.05 * math.sin(0.6 * now.seconds + 6.0 * now.temper)
    lap = now.height * np.array([0.08, 0.06, 0.40 + 0.1 * slow])
    return body(
        now.height,
        now.feet,
        now.rolls,
        hips=0.997 + (_seat(0.50, now.height) - 0.997) * down,
        offset=(-0.40 * down, 0.0),
        lean=0.5 * math.sin(math.pi * down) + 0.06 + slow,
        hands=(lap, lap * MIRRORED) if down > 0.9 else (None, None),
    )


def dance(now: BodyState) -> Float64:
    """From foot to foot, arms up in turn, the whole body swaying and turning."""
    beat = 2.0 * math.pi * (now.seconds * (0.9 + 0.3 * now.temper) + now.temper)
    side, up = math.sin(beat), 0.5 + 0.5 * math.sin(beat + 0.6)
    feet = now.height * np.array([[0.03, 0.10, 0.05 * max(0.0, -side)], [0.03, -0.10, 0.05 * max(0.0, side)]])
    left = now.height * np.array([0.14, 0.26, 0.66 + 0.42 * up])
    right = now.height * np.array([0.14, -0.26, 1.08 - 0.42 * up])
    joints = body(
        now.height,
        feet,
        np.maximum(0.0, np.array([-0.8 * side, 0.8 * side])),
        hips=0.955 + 0.03 * math.cos(2.0 * beat),
        offset=(0.0, 0.05 * now.height * side),
        tilt=-0.22 * side,
        twist=0.45 * math.sin(0.5 * beat),
        hands=(left, right),
    )
    return rotate(joints, UP, 0.8 * math.sin(0.25 * beat), ORIGIN)


THROW_S = 2.2
RELEASE = 0.50
"""The share of a throw at which the ball leaves the hand."""


def throwing(now: BodyState) -> float:
    """0..1, how far a throw has come."""
    return (now.seconds / THROW_S + now.temper) % 1.0


def throw(now: BodyState) -> Float64:
    """Back with the arm, a step, and an overarm throw."""
    share = throwing(now)
    marks = (0.0, 0.30, 0.42, RELEASE, 0.62, 1.0)
    hand = [(0.12, -0.14, 0.55), (-0.22, -0.22, 0.92), (-0.16, -0.20, 1.02), (0.28, -0.10, 1.0), (0.26, 0.02, 0.50),
            (0.12, -0.14, 0.55)]  # fmt: skip
    at = np.array([np.interp(share, marks, [point[axis] for point in hand]) for axis in range(3)])
    turn = float(np.interp(share, marks, (0.0, -0.8, -0.8, 0.5, 0.6, 0.0)))
    stride = float(np.interp(share, marks, (0.0, 0.5, 1.0, 1.0, 0.8, 0.0)))
    feet = now.height * np.array([[0.03 + 0.16 * stride, 0.06, 0.0], [0.03 - 0.14 * stride, -0.07, 0.0]])
    aim = now.height * np.array([0.30, 0.10, 0.62 + 0.18 * (turn < 0.0)])
    return body(
        now.height,
        feet,
        np.array([0.0, 0.5 * stride]),
        hips=0.985 - 0.04 * stride,
        lean=0.1 + 0.45 * turn,
        twist=turn,
        hands=(aim, now.height * at),
    )


JUGGLE_S = 0.95


def juggling(now: BodyState) -> float:
    """0..1, from one kick of the ball to the next."""
    return (now.seconds / JUGGLE_S + now.temper) % 1.0


def kick(now: BodyState) -> Float64:
    """A foot that kicks a ball up, again and again."""
    share = juggling(now)
    up = max(0.0, math.cos(2.0 * math.pi * share)) ** 2
    feet = now.height * np.array([[0.03, 0.06, 0.0], [0.05 + 0.20 * up, -0.06, 0.20 * up]])
    return body(
        now.height,
        feet,
        np.array([0.0, -0.3 * up]),
        hips=0.985,
        offset=(-0.03 * up * now.height, 0.02 * now.height),
        lean=-0.12 * up + 0.08,
        tilt=0.08 * up,
        elbows=(0.5, 0.5),
        spread=(0.75 + 0.3 * up, 0.75),
    )


def sweep(now: BodyState) -> Float64:
    """Both hands on a broom, strokes from side to side."""
    stroke = math.sin(3.4 * now.seconds + 6.0 * now.temper)
    upper = now.height * np.array([0.16, 0.02 + 0.05 * stroke, 0.70])
    lower = now.height * np.array([0.24, -0.06 - 0.12 * stroke, 0.50])
    return body(now.height, now.feet, now.rolls, hips=0.985, lean=0.28, twist=-0.35 * stroke, hands=(upper, lower))


def climb(now: BodyState) -> Float64:
    """Up the steps of a ladder, and down before the end."""
    up = 3.0 * _eased(now, 3.5)
    rung, share = math.floor(min(up, 2.999)), up - math.floor(min(up, 2.999))
    tall, swap = now.height, rung % 2
    height = RUNG * np.array([rung, rung], dtype=np.float64)
    height[swap] += RUNG * min(1.0, 2.0 * share)
    height[1 - swap] += RUNG * max(0.0, 2.0 * share - 1.0)
    # The steps lean away by a third of their height.
    feet = np.array([[0.22 + 0.3 * height[0], 0.10, height[0]], [0.22 + 0.3 * height[1], -0.10, height[1]]])
    body_up = RUNG * up
    grip = np.array([0.45 + 0.3 * body_up, 0.20, min(0.62 * tall + body_up, 2.1)])
    joints = body(
        tall,
        feet - (0.0, 0.0, body_up),
        np.zeros(2),
        hips=0.96,
        offset=(0.05 + 0.3 * body_up, 0.0),
        lean=0.12,
        hands=(grip - (0.0, 0.0, body_up), (grip * MIRRORED) - (0.0, 0.0, body_up)),
    )
    joints[:, 2] += body_up
    return joints


def _walking(now: BodyState, *, lean: float, hands: tuple[Float64 | None, Float64 | None]) -> Float64:
    swing = 0.35 * min(now.speed / 1.4, 1.2) * math.cos(2.0 * math.pi * now.phase + 0.4)
    return body(
        now.height, now.feet, now.rolls, hips=0.985, lean=lean, swing=(-swing, swing), elbows=(0.3, 0.3), hands=hands
    )


def _seat(metres: float, height: float) -> float:
    """Hips at so many metres above the ground, as `body` wants them."""
    return min(metres / ((THIGH + SHIN + SOLE) * height), 1.0)


def _eased(now: BodyState, seconds: float) -> float:
    """0 at the beginning and the end of the action, 1 from ``seconds`` after to before them."""
    share = max(0.0, min(1.0, now.seconds / seconds, now.remaining / seconds))
    return share * share * (3.0 - 2.0 * share)
