"""What a body rides, pushes or holds: one entry a thing, a function that draws it around the body.

Each is given the brush, the actor, its joints in the world, and a call that draws the body itself, which it makes
between what lies behind the body and what lies before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.arrays import Float64
from training.virtual.actor import Actor
from training.virtual.brush import Brush, Tone, toned
from training.virtual.poses import BOARD, CRANK, RELEASE, RUNG, SADDLE, WHEEL, juggling, throwing
from training.virtual.skeleton import Joint

Draw = Callable[[], None]

STEEL: Tone = (120.0, 116.0, 112.0)
TYRE: Tone = (34.0, 34.0, 36.0)
BALLS: tuple[Tone, ...] = ((60.0, 150.0, 235.0), (225.0, 228.0, 230.0), (70.0, 60.0, 210.0), (90.0, 200.0, 210.0))
BOXES: tuple[Tone, ...] = ((96.0, 140.0, 178.0), (74.0, 112.0, 150.0), (196.0, 200.0, 202.0), (150.0, 110.0, 70.0))
COATS: tuple[Tone, ...] = ((40.0, 60.0, 84.0), (34.0, 34.0, 38.0), (190.0, 205.0, 212.0), (70.0, 110.0, 150.0))
"""Of dogs."""


@dataclass(frozen=True)
class Gear:
    """One entry."""

    draw: Callable[[Brush, Actor, Float64, Draw], None]
    size: tuple[float, float, float]
    """The room it takes: metres before and behind, to each side, and up."""


def reach(actor: Actor) -> Float64:
    """(8, 3) world metres: corners of the room that the actor's gear takes."""
    long, wide, tall = GEAR[actor.action.gear or ""].size
    corners = [[x, y, z] for x in (-long, long) for y in (-wide, wide) for z in (0.0, tall)]
    return actor.to_world(np.array(corners))


def _at(actor: Actor, x: float, y: float, z: float) -> Float64:
    return np.asarray(actor.to_world(np.array([[x, y, z]]))[0])


def _axle(actor: Actor) -> Float64:
    return np.array([-math.sin(actor.heading), math.cos(actor.heading), 0.0])


def _layered(brush: Brush, actor: Actor, body: Draw, *parts: tuple[float, float, Draw]) -> None:
    """Draw the body, at (0, 0), and parts at (x, y) of the body frame, the far ones first."""
    eye = brush.camera.position[:2]
    ordered = [(0.0, 0.0, body), *parts]
    away = [float(np.hypot(*(_at(actor, x, y, 0.0)[:2] - eye))) for x, y, _ in ordered]
    for index in sorted(range(len(ordered)), key=lambda i: -away[i]):
        ordered[index][2]()


def _own(actor: Actor, tones: tuple[Tone, ...]) -> Tone:
    """One of several colours, always the same for one actor."""
    return tones[int(actor.temper * 997) % len(tones)]


def _wheels(brush: Brush, actor: Actor, places: tuple[tuple[float, float], ...], radius: float) -> None:
    for x, y in places:
        brush.ring(_at(actor, x, y, radius), _axle(actor), radius, 0.05, TYRE)


# Ridden


def _bicycle(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    frame = toned(actor.look.bottom_colour, 1.5)
    points = {
        "rear": (-0.53, 0, WHEEL), "front": (0.53, 0, WHEEL), "crank": tuple(CRANK),
        "saddle": (-0.22, 0, SADDLE - 0.05),
        "seat": (-0.17, 0, 0.72), "head": (0.36, 0, 0.78), "bars": (0.38, 0, 1.0),
        "left": (0.40, 0.25, 1.02), "right": (0.40, -0.25, 1.02), "nose": (0.0, 0, SADDLE - 0.05),
    }  # fmt: skip
    names = list(points)
    world = dict(zip(names, actor.to_world(np.array([points[name] for name in names])), strict=True))
    for wheel in ("rear", "front"):
        brush.ring(world[wheel], _axle(actor), WHEEL, 0.045, TYRE)
        brush.ring(world[wheel], _axle(actor), 0.05, 0.05, STEEL)
    for first, second in (
        ("rear", "crank"), ("rear", "seat"), ("seat", "crank"), ("crank", "head"), ("seat", "head"),
        ("head", "front"), ("seat", "saddle"), ("head", "bars"), ("left", "right"), ("saddle", "nose"),
    ):  # fmt: skip
        tone = TYRE if second in ("nose", "right") else frame
        brush.rod(world[first], world[second], 0.022, 0.022, tone)
    body()


def _skateboard(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    _wheels(brush, actor, ((-0.28, 0.08), (-0.28, -0.08), (0.28, 0.08), (0.28, -0.08)), 0.04)
    deck = [(-0.44, 0.06), (-0.34, 0.11), (0.34, 0.11), (0.44, 0.06), (0.44, -0.06), (0.34, -0.11), (-0.34, -0.11),
            (-0.44, -0.06)]  # fmt: skip
    top = actor.to_world(np.array([[x, y, BOARD - 0.02 + 0.05 * (abs(x) > 0.4)] for x, y in deck]))
    brush.panel(top, toned(actor.look.top_colour, 0.7))
    brush.rod(_at(actor, -0.42, 0.0, BOARD - 0.03), _at(actor, 0.42, 0.0, BOARD - 0.03), 0.035, 0.035, TYRE)
    body()


def _scooter(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    tone = toned(actor.look.bottom_colour, 1.4)
    _wheels(brush, actor, ((-0.34, 0.0), (0.50, 0.0)), 0.11)
    brush.rod(_at(actor, -0.32, 0.0, 0.10), _at(actor, 0.40, 0.0, 0.10), 0.05, 0.05, tone)

    def front() -> None:
        brush.rod(_at(actor, 0.50, 0.0, 0.12), _at(actor, 0.42, 0.0, 0.98), 0.028, 0.028, STEEL)
        brush.rod(_at(actor, 0.43, 0.26, 0.99), _at(actor, 0.43, -0.26, 0.99), 0.024, 0.024, TYRE)

    _layered(brush, actor, body, (0.45, 0.0, front))


def _motorcycle(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    paint = toned(actor.look.top_colour, 0.9)
    for x in (-0.68, 0.68):
        brush.ring(_at(actor, x, 0.0, 0.32), _axle(actor), 0.28, 0.13, TYRE)
    brush.rod(_at(actor, -0.2, 0.0, 0.42), _at(actor, 0.22, 0.0, 0.42), 0.20, 0.17, STEEL)
    brush.rod(_at(actor, -0.75, 0.0, 0.74), _at(actor, -0.1, 0.0, 0.74), 0.11, 0.12, TYRE)
    brush.rod(_at(actor, -0.05, 0.0, 0.78), _at(actor, 0.34, 0.0, 0.82), 0.15, 0.13, paint)
    brush.rod(_at(actor, -0.55, 0.16, 0.30), _at(actor, 0.1, 0.16, 0.30), 0.06, 0.05, STEEL)

    def front() -> None:
        brush.rod(_at(actor, 0.68, 0.0, 0.32), _at(actor, 0.42, 0.0, 0.95), 0.045, 0.045, STEEL)
        brush.rod(_at(actor, 0.42, 0.36, 1.02), _at(actor, 0.42, -0.36, 1.02), 0.03, 0.03, TYRE)
        brush.ball(_at(actor, 0.55, 0.0, 0.90), 0.11, (190.0, 215.0, 220.0))

    _layered(brush, actor, body, (0.55, 0.0, front))


def _wheelchair(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    def wheel(side: float) -> Draw:
        def draw() -> None:
            brush.ring(_at(actor, -0.05, 0.30 * side, 0.31), _axle(actor), 0.30, 0.04, TYRE)
            brush.ring(_at(actor, -0.05, 0.30 * side, 0.31), _axle(actor), 0.05, 0.05, STEEL)
            brush.ring(_at(actor, 0.40, 0.24 * side, 0.09), _axle(actor), 0.08, 0.04, TYRE)
            brush.rod(_at(actor, -0.20, 0.24 * side, 0.50), _at(actor, 0.48, 0.20 * side, 0.10), 0.02, 0.02, STEEL)

        return draw

    def chair() -> None:
        brush.box(_at(actor, -0.02, 0.0, 0.44), (0.46, 0.46, 0.07), actor.heading, TYRE)
        brush.box(_at(actor, -0.27, 0.0, 0.48), (0.06, 0.46, 0.46), actor.heading, (66.0, 60.0, 58.0))

    _layered(brush, actor, body, (-0.2, 0.0, chair), (0.0, 0.3, wheel(1.0)), (0.0, -0.3, wheel(-1.0)))


def _cart(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    paint: Tone = (214.0, 216.0, 214.0)
    turn, axle = actor.heading, _axle(actor)

    def wheels(side: float) -> None:
        for x in (-0.75, 0.78):
            brush.ring(_at(actor, x, 0.56 * side, 0.24), axle, 0.19, 0.13, TYRE)
            brush.ring(_at(actor, x, 0.58 * side, 0.24), axle, 0.06, 0.08, STEEL)

    def posts(x: float) -> None:
        for side in (-0.55, 0.55):
            brush.rod(_at(actor, x, side, 0.6), _at(actor, x - 0.05, side, 1.95), 0.025, 0.025, STEEL)

    def cargo() -> None:
        brush.box(_at(actor, -0.85, 0.0, 0.62), (0.85, 1.1, 0.75), turn, toned(actor.look.top_colour, 1.0))

    def front() -> None:
        posts(0.72)
        brush.box(_at(actor, 0.92, 0.0, 0.28), (0.4, 1.06, 0.52), turn, paint)

    near = 1.0 if float(axle[:2] @ (brush.camera.position[:2] - actor.position)) > 0.0 else -1.0
    wheels(-near)
    brush.box(_at(actor, 0.0, 0.0, 0.25), (2.2, 1.06, 0.32), turn, paint)
    brush.box(_at(actor, -0.05, 0.0, 0.57), (0.5, 1.0, 0.2), turn, TYRE)
    _layered(brush, actor, body, (-0.85, 0.0, cargo), (0.92, 0.0, front))
    posts(-0.4)
    wheels(near)
    brush.box(_at(actor, 0.12, 0.0, 1.95), (1.35, 1.2, 0.07), turn, paint)


# Pushed, pulled or led


def _trolley(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    def trolley() -> None:
        _wheels(brush, actor, ((0.62, 0.22), (0.62, -0.22), (1.22, 0.22), (1.22, -0.22)), 0.08)
        brush.box(_at(actor, 0.92, 0.0, 0.20), (0.75, 0.50, 0.08), actor.heading, STEEL)
        brush.box(_at(actor, 0.95, 0.0, 0.46), (0.80, 0.54, 0.46), actor.heading, (168.0, 166.0, 160.0))
        brush.box(_at(actor, 0.95, 0.0, 0.92), (0.55, 0.38, 0.16), actor.heading, _own(actor, BOXES))
        for side in (-0.24, 0.24):
            brush.rod(_at(actor, 0.60, side, 0.25), _at(actor, 0.46, side, 1.03), 0.022, 0.022, STEEL)
        brush.rod(_at(actor, 0.46, 0.26, 1.04), _at(actor, 0.46, -0.26, 1.04), 0.025, 0.025, toned((60, 50, 190), 1.0))

    _layered(brush, actor, body, (0.9, 0.0, trolley))


def _suitcase(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    hand = joints[Joint.HAND_R]

    def case() -> None:
        _wheels(brush, actor, ((-0.80, -0.14), (-0.80, -0.38)), 0.05)
        # Tilted towards the hand that pulls it.
        low, high = np.array([-0.78, -0.26, 0.10]), np.array([-0.56, -0.26, 0.66])
        lean, thick = np.array([0.93, 0.0, -0.37]) * 0.13, np.array([0.0, 0.20, 0.0])
        tone = toned(actor.look.bottom_colour, 1.3) if actor.temper < 0.5 else toned(actor.look.top_colour, 0.9)
        for side in (1.0, -1.0):
            face = np.stack([low + side * lean, high + side * lean])
            corners = np.vstack([face[0] - thick, face[0] + thick, face[1] + thick, face[1] - thick])
            brush.panel(actor.to_world(corners), toned(tone, 0.8))
            edge = np.vstack([low - lean, low + lean, high + lean, high - lean]) + side * thick
            brush.panel(actor.to_world(edge), tone)
        brush.rod(actor.to_world(high[None])[0], hand, 0.018, 0.018, STEEL)

    _layered(brush, actor, body, (-0.6, -0.3, case))


def _dog(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    coat, trot = _own(actor, COATS), 2.0 * math.pi * actor.travelled / 0.7
    hand = joints[Joint.HAND_L]

    def animal() -> None:
        x, y = 0.75, 0.38
        for leg, (along, side) in enumerate(((0.24, 0.07), (0.24, -0.07), (-0.24, 0.07), (-0.24, -0.07))):
            swing = 0.11 * math.sin(trot + math.pi * (leg in (1, 2)))
            brush.rod(
                _at(actor, x + along, y + side, 0.36), _at(actor, x + along + swing, y + side, 0.03), 0.05, 0.03, coat
            )
        brush.rod(_at(actor, x - 0.26, y, 0.42), _at(actor, x + 0.24, y, 0.44), 0.12, 0.14, coat)
        brush.rod(_at(actor, x + 0.26, y, 0.50), _at(actor, x + 0.38, y, 0.66), 0.09, 0.09, coat)
        brush.rod(_at(actor, x + 0.38, y, 0.66), _at(actor, x + 0.56, y, 0.60), 0.09, 0.045, coat)
        wag = 0.10 * math.sin(1.7 * trot)
        brush.rod(_at(actor, x - 0.30, y, 0.48), _at(actor, x - 0.50, y + wag, 0.66), 0.035, 0.02, coat)
        brush.rod(hand, _at(actor, x + 0.26, y, 0.56), 0.010, 0.010, (40.0, 40.0, 150.0))

    _layered(brush, actor, body, (0.75, 0.38, animal))


# Held


def _box(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    hands = joints[[Joint.HAND_L, Joint.HAND_R]].mean(axis=0)
    ahead = np.array([math.cos(actor.heading), math.sin(actor.heading), 0.0])
    size = (0.36, 0.50, 0.30 + 0.16 * actor.temper)
    foot = hands + 0.16 * ahead - (0.0, 0.0, 0.14)
    _layered(brush, actor, body, (0.5, 0.0, lambda: brush.box(foot, size, actor.heading, _own(actor, BOXES))))


def _umbrella(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    top = joints[Joint.HAND_R] + (0.0, 0.0, 0.92)
    brush.rod(joints[Joint.HAND_R] - (0.0, 0.0, 0.08), top, 0.012, 0.012, TYRE)
    body()
    turns = np.linspace(0.0, 2.0 * math.pi, 9) + actor.heading
    rim = top + np.stack([0.62 * np.cos(turns), 0.62 * np.sin(turns), np.full(9, -0.24)], axis=1)
    tones = (toned(actor.look.top_colour, 1.1), toned(actor.look.bottom_colour, 1.2))
    eye = brush.camera.position
    for side in sorted(range(8), key=lambda i: -float(np.linalg.norm(rim[i] + rim[i + 1] - 2.0 * eye))):
        tone = tones[side % 2 if actor.temper < 0.4 else 0]
        brush.panel(np.stack([top, rim[side], rim[side + 1]]), tone)


def _ball(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    share = throwing(actor.moment())
    body()
    if share < RELEASE:
        brush.ball(joints[Joint.HAND_R] + (0.0, 0.0, 0.05), 0.11, _own(actor, BALLS))


def _football(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    share = juggling(actor.moment())
    height = 0.32 * actor.look.height + 3.2 * share * (1.0 - share)
    place = _at(actor, 0.34 * actor.look.height, -0.06 * actor.look.height, height)
    _layered(brush, actor, body, (0.5, 0.0, lambda: brush.ball(place, 0.13, _own(actor, BALLS))))


def _broom(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    upper, lower = joints[Joint.HAND_L], joints[Joint.HAND_R]
    along = lower - upper
    # On through the lower hand to the ground, though never so flat that the broom would be longer than a broom is.
    head = upper + along / max(float(np.linalg.norm(along)), 1e-9) * 1.35
    head[2] = 0.06

    def broom() -> None:
        brush.rod(upper, head, 0.020, 0.020, (90.0, 140.0, 176.0))
        brush.box(head - (0.0, 0.0, 0.06), (0.16, 0.56, 0.18), actor.heading, (70.0, 70.0, 160.0))

    _layered(brush, actor, body, (0.6, 0.0, broom))


def _ladder(brush: Brush, actor: Actor, joints: Float64, body: Draw) -> None:
    tall = 7 * RUNG

    def front() -> None:
        for side in (-0.24, 0.24):
            brush.rod(_at(actor, 0.24, side, 0.0), _at(actor, 0.24 + 0.3 * tall, side, tall), 0.032, 0.032, tone)
        for rung in range(1, 8):
            x, z = 0.24 + 0.3 * rung * RUNG, rung * RUNG
            brush.rod(_at(actor, x, -0.24, z), _at(actor, x, 0.24, z), 0.026, 0.026, tone)

    def back() -> None:
        for side in (-0.24, 0.24):
            brush.rod(
                _at(actor, 0.26 + 0.6 * tall, side, 0.0), _at(actor, 0.26 + 0.3 * tall, side, tall), 0.026, 0.026, tone
            )

    tone: Tone = (178.0, 180.0, 176.0) if actor.temper < 0.5 else (60.0, 170.0, 220.0)
    _layered(brush, actor, body, (0.4, 0.0, front), (1.3, 0.0, back))


GEAR: dict[str, Gear] = {
    "bicycle": Gear(_bicycle, (0.9, 0.3, 1.1)),
    "skateboard": Gear(_skateboard, (0.6, 0.3, 0.2)),
    "scooter": Gear(_scooter, (0.65, 0.3, 1.1)),
    "motorcycle": Gear(_motorcycle, (1.1, 0.45, 1.2)),
    "wheelchair": Gear(_wheelchair, (0.6, 0.4, 1.0)),
    "cart": Gear(_cart, (1.4, 0.7, 2.05)),
    "trolley": Gear(_trolley, (1.45, 0.4, 1.2)),
    "suitcase": Gear(_suitcase, (1.0, 0.5, 0.8)),
    "dog": Gear(_dog, (1.4, 0.6, 0.8)),
    "box": Gear(_box, (0.9, 0.4, 1.6)),
    "umbrella": Gear(_umbrella, (0.9, 0.8, 2.4)),
    "ball": Gear(_ball, (0.8, 0.6, 2.3)),
    "football": Gear(_football, (0.8, 0.4, 1.8)),
    "broom": Gear(_broom, (1.6, 1.0, 1.5)),
    "ladder": Gear(_ladder, (1.7, 0.4, 2.2)),
}
