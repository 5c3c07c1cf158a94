"""What is said of an object by what is known of it already: its class, load, pace, and how people hold themselves.

No picture is looked at. A caption is a sentence for people and the facts behind it, for comparing it with rules
(``models.guidance.statements``). Of one detector and its zones there are a few thousand different captions at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Float32, Floating, Mask
from models.boxes import share_within
from models.guidance.vocabulary import CARRIED, PERSON, RIDDEN, UNUSUAL, Fact, Unusual, category, named, wordings
from models.observation import Objects
from models.posture import ARMS_RAISED, FALLING, LIKELY, LYING, POSTURES, STANDING, SURE, UNLIKELY

Zones = Sequence[tuple[str, Mask]]
"""Names of zones, and for each object whether it stands in it, ``(N,)``."""

STILL, SLOW, RUNNING = 0.15, 0.45, 1.35
"""Body heights a second below which a person stands, walks slowly, and from which one runs. People walk at 1.4 m/s,
0.8 of their height a second, and run rather than walk from 2 m/s, 1.2 of it. What comes towards the camera looks slower
than it is."""

MOVING, RACING = 0.15, 1.5
"""Of its own height a second, from which a vehicle or an animal moves, and an animal runs."""

_PACES = ("standing", "walking slowly", "walking", "running")
_ARMS = f"{PERSON} {POSTURES[ARMS_RAISED]}"
_ON_THE_MOVE = {*_PACES[1:], "falling"}
_SAID = {"standing": "standing still", "lying": "lying down"}  # of states; the others are said as they are called
_ON = 0.3  # of what is ridden, at least this much lies behind the rider
_CARRIED = 0.6  # of what is carried, at least this much lies in the carrier's box and a margin around it
_MARGIN = 0.15  # of the carrier's width and height


@dataclass(frozen=True, slots=True)
class Caption:
    """What is said of one object.

    Attributes:
        text: A sentence for people, such as "a person riding a bicycle, faster than usual here".
        facts: What is known, as ``models.guidance.vocabulary`` names it.
        unknown: Facts that it may or may not have: nobody looked.
        zone: The named zone that it stands in; None for none.
        guesses: Those of ``facts`` that are likely and not sure; the text says "perhaps".
    """

    text: str
    facts: tuple[Fact, ...]
    unknown: tuple[Fact, ...] = ()
    zone: str | None = None
    guesses: tuple[Fact, ...] = ()

    def firm(self) -> Caption:
        """The same without its guesses: what is likely may be, and is not said."""
        facts = tuple(fact for fact in self.facts if fact not in self.guesses)
        return replace(self, facts=facts, unknown=(*self.unknown, *self.guesses), guesses=())


SOMETHING = Caption("something moving", ("moving",))
"""Of a moving region that no detector has named."""


def describe(
    objects: Objects,
    velocities: Floating,
    aspect: float,
    unusual: Sequence[Sequence[Unusual]] | None = None,
    zones: Zones = (),
    postures: Float32 | None = None,
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
        postures: ``(N, 6)`` confidences of ``models.posture.POSTURES``, NaN where nobody can tell; None if nobody
            looked.
        recognised: False if the detector knows no classes: its objects are then something that moves, nobody knows
            what.

    Who has a posture is a person, whatever the detector says: it takes those who lie for chairs and bags.

    Returns:
        ``N`` captions.
    """
    count = len(objects)
    confidences = np.full((count, len(POSTURES)), np.nan, np.float32) if postures is None else postures
    labels = [objects.label(index) for index in range(count)]
    people = np.asarray(~np.isnan(confidences).all(axis=1))
    labels = [PERSON if person else label for label, person in zip(labels, people.tolist(), strict=True)]
    places = [next((name for name, inside in zones if inside[index]), None) for index in range(count)]
    bodies = _bodies(labels, objects.boxes, velocities, aspect, confidences)
    if not recognised:
        bodies = [body if person else SOMETHING for body, person in zip(bodies, people.tolist(), strict=True)]
    return tuple(_whole(*parts) for parts in zip(bodies, unusual or [()] * count, places, strict=True))


def _bodies(
    labels: Sequence[str], shares: Floating, velocities: Floating, aspect: float, postures: Float32
) -> list[Caption]:
    """What each object is and does by itself; a ridden vehicle does what its rider does.

    Args:
        labels: Of ``N`` objects.
        shares: ``(N, 4)`` boxes as fractions of the picture.
        velocities: ``(N, 2)`` in picture heights a second.
        aspect: The picture's width over its height.
        postures: ``(N, 6)``.
    """
    boxes = shares.astype(np.float64) * (aspect, 1.0, aspect, 1.0)
    speeds = np.hypot(velocities[:, 0], velocities[:, 1]) / np.maximum(boxes[:, 3], 1e-6)
    ridden, carried = _riders(labels, boxes, speeds), _carriers(labels, boxes)
    bodies = [
        _person(labels, float(speeds[index]), postures[index], ridden.get(index), carried.get(index))
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
    return Caption(", ".join(said), (*body.facts, *facts), body.unknown, place, body.guesses)


def _person(labels: Sequence[str], speed: float, posture: Float32, ridden: int | None, carried: int | None) -> Caption:
    """What is said of a person.

    Args:
        labels: Of all objects.
        speed: In body heights a second, or NaN.
        posture: ``(6,)`` confidences.
        ridden: Index of what it rides, if anything.
        carried: Index of what it carries, if anything.
    """
    if ridden is not None:
        vehicle = labels[ridden]
        on = "riding" if category(vehicle) or vehicle in {"skateboard", "scooter"} else "on"
        return Caption(f"a person {on} {named(vehicle)}", (PERSON, f"rides {vehicle}", "moving"), (_ARMS,))
    item = None if carried is None else labels[carried]
    state, sure = _state(speed, posture)
    raised, surely = bool(posture[ARMS_RAISED] >= LIKELY), bool(posture[ARMS_RAISED] >= SURE)
    facts = (
        PERSON,
        *([] if item is None else [f"carries {item}"]),
        *([] if state is None else [f"{PERSON} {state}"]),
        *([_ARMS] if raised else []),
        *(["moving"] if state in _ON_THE_MOVE else []),
    )
    said = (
        f"a {PERSON}",
        *([] if state is None else [f"{'' if sure else 'perhaps '}{_SAID.get(state, state)}"]),
        *([f"{'' if surely else 'perhaps '}with raised arms"] if raised else []),
        *([] if item is None else [f"{'and' if raised else 'with'} {named(item)}"]),
    )
    guesses = (*([] if sure else [f"{PERSON} {state}"]), *([_ARMS] if raised and not surely else []))
    unknown = tuple(dict.fromkeys(fact for fact in _open(state, speed, posture) if fact not in facts))
    return Caption(" ".join(said), facts, unknown, guesses=guesses)


def _state(speed: float, posture: Float32) -> tuple[str | None, bool]:
    """What a person does, as the vocabulary calls it, and whether that is sure; None if nobody can tell.

    Args:
        speed: In body heights a second, or NaN.
        posture: ``(6,)`` confidences.
    """
    if posture[FALLING] >= LIKELY:
        return POSTURES[FALLING], bool(posture[FALLING] >= SURE)
    known = np.nan_to_num(posture[: LYING + 1], nan=-1.0)
    best = int(known.argmax())
    walks = speed >= SLOW
    if best != STANDING and known[best] >= LIKELY and (not walks or best == LYING):
        return POSTURES[best], bool(known[best] >= SURE)
    if np.isnan(speed):
        return (POSTURES[STANDING], bool(known[STANDING] >= SURE)) if known[STANDING] >= LIKELY else (None, True)
    state = _PACES[int(np.searchsorted((STILL, SLOW, RUNNING), speed, side="right"))]
    # Who keeps still stands, unless somebody looked and could not tell.
    looked = not np.isnan(posture[STANDING])
    if state == POSTURES[STANDING] and looked and known[STANDING] < LIKELY:
        return None, True
    return state, True


def _open(state: str | None, speed: float, posture: Float32) -> Iterator[Fact]:
    """What a person may do or not, beside what is said: what nobody could see, and what was seen and may be."""
    shut = {name for name in POSTURES[: LYING + 1] if state in _PACES[1:] or name == state}
    if state == POSTURES[STANDING] and posture[STANDING] >= LIKELY:
        shut = set(POSTURES[: LYING + 1])
    for index, name in enumerate(POSTURES):
        after_a_fall = index == FALLING and state in {POSTURES[LYING], None}
        if name not in shut and (after_a_fall or not posture[index] <= UNLIKELY):
            yield f"{PERSON} {name}"
    if np.isnan(speed) and state in {POSTURES[STANDING], None}:
        yield from (*(f"{PERSON} {pace}" for pace in _PACES if pace != state), "moving")


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


def _riders(labels: Sequence[str], boxes: Floating, speeds: Floating) -> dict[int, int]:
    """What each rider rides. One who stands still beside a bicycle rides nothing."""
    found = []
    for vehicle in (index for index, label in enumerate(labels) if label in RIDDEN):
        for person in (index for index, label in enumerate(labels) if label == PERSON):
            share = float(share_within(boxes[vehicle], boxes[person]))
            if labels[vehicle] not in {"bicycle", "motorcycle", "horse"}:
                share = _underfoot(boxes[vehicle], boxes[person])
            above = boxes[person, 1] < boxes[vehicle, 1] + 0.5 * boxes[vehicle, 3]
            if share >= _ON and above and not speeds[person] < STILL:
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
            share = float(share_within(boxes[item], around))
            if share >= _CARRIED:
                found.append((share - CARRIED.index(labels[item]), person, item))
    return _matched(found)


def _matched(pairs: Sequence[tuple[float, int, int]]) -> dict[int, int]:
    """Best pairs first, each person and each thing in one of them."""
    taken: dict[int, int] = {}
    for _, person, thing in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if person not in taken and thing not in taken.values():
            taken[person] = thing
    return taken


def _underfoot(board: Floating, person: Floating) -> float:
    """The share of a board's width that lies under a person whose feet are at its height; else 0."""
    feet = person[1] + person[3]
    if abs(feet - board[1] - 0.5 * board[3]) > _MARGIN * person[3]:
        return 0.0
    width = min(board[0] + board[2], person[0] + person[2]) - max(board[0], person[0])
    return float(max(width, 0.0) / max(float(board[2]), 1e-12))
