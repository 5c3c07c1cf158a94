"""What is said of an object by what is known of it already: its class, who rides or carries what, how it moves.

No picture is looked at. A caption is a sentence for people and the facts behind it, for comparing it with rules
(``models.guidance.statements``). Of one detector and its zones there are a few thousand different captions at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.arrays import Floating, Mask
from models.guidance.vocabulary import CARRIED, PERSON, RIDDEN, UNUSUAL, Fact, Unusual, category, named, wordings
from models.observation import Objects

Zones = Sequence[tuple[str, Mask]]
"""Names of zones, and for each object whether it stands in it, ``(N,)``."""

STANDING, SLOW, RUNNING = 0.15, 0.45, 1.35
"""Body heights a second below which a person stands, walks slowly, and from which one runs. People walk at 1.4 m/s,
0.8 of their height a second, and run rather than walk from 2 m/s, 1.2 of it. What comes towards the camera looks slower
than it is."""

MOVING, RACING = 0.15, 1.5
"""Of its own height a second, from which a vehicle or an animal moves, and an animal runs."""

LYING = 1.3
"""Width over height, in pixels, of a person who lies. One who stands is at 0.3 to 0.5, one who sits or bends at 1."""

_EDGE = 0.01  # of the picture: a box this near to its border is cut off there
_ON = 0.3  # of what is ridden, at least this much lies behind the rider
_HELD = 0.6  # of what is carried, at least this much lies in the carrier's box and a margin around it
_MARGIN = 0.15  # of the carrier's width and height


@dataclass(frozen=True, slots=True)
class Caption:
    """What is said of one object.

    Attributes:
        text: A sentence for people, such as "a person riding a bicycle, faster than usual here".
        facts: What is known, as ``models.guidance.vocabulary`` names it.
        unknown: Facts that it may or may not have: nobody looked.
        zone: The named zone that it stands in; None for none.
    """

    text: str
    facts: tuple[Fact, ...]
    unknown: tuple[Fact, ...] = ()
    zone: str | None = None


SOMETHING = Caption("something moving", ("moving",))
"""Of a moving region that no detector has named."""


def describe(
    objects: Objects,
    velocities: Floating,
    aspect: float,
    unusual: Sequence[Sequence[Unusual]] | None = None,
    zones: Zones = (),
    *,
    recognised: bool = True,
) -> tuple[Caption, ...]:
    """Say what each object of a frame is and does.

    Args:
        objects: ``N`` objects.
        velocities: ``(N, 2)`` in picture heights a second; NaN where it is not known.
        aspect: The picture's width over its height.
        unusual: For each object, what heads found unusual of it where it is. None if there is nobody to say so.
        zones: Named zones and who stands in them.
        recognised: False if the detector knows no classes: its objects are then something that moves, nobody knows
            what.

    Returns:
        ``N`` captions.
    """
    count = len(objects)
    labels = [objects.label(index) for index in range(count)]
    places = [next((name for name, inside in zones if inside[index]), None) for index in range(count)]
    bodies = _bodies(labels, objects.boxes, velocities, aspect) if recognised else [SOMETHING] * count
    return tuple(_whole(*parts) for parts in zip(bodies, unusual or [()] * count, places, strict=True))


def _bodies(labels: Sequence[str], shares: Floating, velocities: Floating, aspect: float) -> list[Caption]:
    """What each object is and does by itself; a ridden vehicle does what its rider does.

    Args:
        labels: Of ``N`` objects.
        shares: ``(N, 4)`` boxes as fractions of the picture.
        velocities: ``(N, 2)`` in picture heights a second.
        aspect: The picture's width over its height.
    """
    boxes = shares.astype(np.float64) * (aspect, 1.0, aspect, 1.0)
    speeds = np.hypot(velocities[:, 0], velocities[:, 1]) / np.maximum(boxes[:, 3], 1e-6)
    ridden, carried = _riders(labels, boxes, speeds), _carriers(labels, boxes)
    lying = _lying(shares, boxes)
    bodies = [
        _person(labels, speeds[index], bool(lying[index]), ridden.get(index), carried.get(index))
        if label == PERSON
        else _thing(label, speeds[index])
        for index, label in enumerate(labels)
    ]
    for rider, vehicle in ridden.items():
        whole = bodies[rider]
        bodies[vehicle] = Caption(f"{named(labels[vehicle])} with its rider", whole.facts, whole.unknown)
    return bodies


def _whole(body: Caption, unusual: Sequence[Unusual], place: str | None) -> Caption:
    said = [body.text, *(UNUSUAL[fact] for fact in unusual), *([] if place is None else [f"in {place}"])]
    subject = body.facts[0]
    known = set(wordings(subject))
    facts = [each for fact in unusual for each in (fact, f"{subject} {fact}") if each in known]
    return Caption(", ".join(said), (*body.facts, *facts), body.unknown, place)


def _person(labels: Sequence[str], speed: float, lying: bool, ridden: int | None, carried: int | None) -> Caption:
    """What is said of a person.

    Args:
        labels: Of all objects.
        speed: In body heights a second, or NaN.
        lying: Whether it lies.
        ridden: Index of what it rides, if anything.
        carried: Index of what it carries, if anything.
    """
    if ridden is not None:
        vehicle = labels[ridden]
        on = "riding" if category(vehicle) or vehicle in {"skateboard", "scooter"} else "on"
        return Caption(f"a person {on} {named(vehicle)}", (PERSON, f"rides {vehicle}", "moving"))
    item = () if carried is None else (f"carries {labels[carried]}",)
    load = "" if carried is None else f" with {named(labels[carried])}"
    states = ("standing", "walking slowly", "walking", "running")
    if lying:
        return Caption(f"a person lying on the ground{load}", (PERSON, *item, "person lying"))
    if np.isnan(speed):
        return Caption(f"a person{load}", (PERSON, *item), (*(f"person {state}" for state in states), "moving"))
    state = states[int(np.searchsorted((STANDING, SLOW, RUNNING), speed, side="right"))]
    moving = () if state == "standing" else ("moving",)
    said = "standing still" if state == "standing" else state
    return Caption(f"a person {said}{load}", (PERSON, *item, f"person {state}", *moving))


def _thing(label: str, speed: float) -> Caption:
    name, kind = named(label), category(label)
    if np.isnan(speed):
        states = () if kind is None else tuple(f"{label} {state}" for state in ("moving", "still", "running"))
        return Caption(name, (label,), (*states, "moving"))
    if speed < MOVING:
        return Caption(name, (label,)) if kind is None else Caption(f"{name} standing still", (label, f"{label} still"))
    if kind == "vehicle":
        return Caption(f"{name} driving", (label, f"{label} moving", "moving"))
    if kind == "animal":
        state = "running" if speed >= RACING else "moving"
        return Caption(f"{name} {state}", (label, f"{label} {state}", "moving"))
    return Caption(f"{name} moving", (label, "moving"))


def _lying(shares: Floating, boxes: Floating) -> Mask:
    """``(N,)``: wide and low, and not because the picture's border cuts it off."""
    cut = (shares[:, :2] < _EDGE).any(axis=1) | (shares[:, :2] + shares[:, 2:] > 1 - _EDGE).any(axis=1)
    wide: Mask = (boxes[:, 2] >= LYING * boxes[:, 3]) & ~cut
    return wide


def _riders(labels: Sequence[str], boxes: Floating, speeds: Floating) -> dict[int, int]:
    """What each rider rides. One who stands still beside a bicycle rides nothing."""
    found = []
    for vehicle in (index for index, label in enumerate(labels) if label in RIDDEN):
        for person in (index for index, label in enumerate(labels) if label == PERSON):
            share = _shared(boxes[vehicle], boxes[person])
            if labels[vehicle] not in {"bicycle", "motorcycle", "horse"}:
                share = _underfoot(boxes[vehicle], boxes[person])
            above = boxes[person, 1] < boxes[vehicle, 1] + 0.5 * boxes[vehicle, 3]
            if share >= _ON and above and not speeds[person] < STANDING:
                found.append((share, person, vehicle))
    return _matched(found)


def _carriers(labels: Sequence[str], boxes: Floating) -> dict[int, int]:
    """What each person carries: the first kind of ``CARRIED`` that is there."""
    found = []
    for item in (index for index, label in enumerate(labels) if label in CARRIED):
        for person in (index for index, label in enumerate(labels) if label == PERSON):
            x, y, width, height = boxes[person]
            around = np.array((x - _MARGIN * width, y - _MARGIN * height, width, height))
            around[2:] *= 1 + 2 * _MARGIN
            share = _shared(boxes[item], around)
            if share >= _HELD:
                found.append((share - CARRIED.index(labels[item]), person, item))
    return _matched(found)


def _matched(pairs: Sequence[tuple[float, int, int]]) -> dict[int, int]:
    """Best pairs first, each person and each thing in one of them."""
    taken: dict[int, int] = {}
    for _, person, thing in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if person not in taken and thing not in taken.values():
            taken[person] = thing
    return taken


def _shared(inner: Floating, outer: Floating) -> float:
    """The share of the inner box that lies in the outer one."""
    size = np.minimum(inner[:2] + inner[2:], outer[:2] + outer[2:]) - np.maximum(inner[:2], outer[:2])
    return float(np.prod(np.maximum(size, 0.0)) / max(float(inner[2] * inner[3]), 1e-12))


def _underfoot(board: Floating, person: Floating) -> float:
    """The share of a board's width that lies under a person whose feet are at its height; else 0."""
    feet = person[1] + person[3]
    if abs(feet - board[1] - 0.5 * board[3]) > _MARGIN * person[3]:
        return 0.0
    width = min(board[0] + board[2], person[0] + person[2]) - max(board[0], person[0])
    return float(max(width, 0.0) / max(float(board[2]), 1e-12))
