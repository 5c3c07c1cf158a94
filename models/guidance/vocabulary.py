"""How facts of an object are said: for each fact several statements, all true of an object of which the fact is.

An operator may call the same thing a person walking, a pedestrian or people on foot. No sentence encoder puts these
near enough to each other and far enough from a cyclist (measured with all-MiniLM-L6-v2: the cosine of "people on foot"
is 0.29 to "a person walking", that of "a person riding a bicycle" 0.64 to "a person riding a motorcycle"). So a caption
is compared by all that can be said of it, and against all that can be said of others (``models.guidance.statements``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal

Unusual = Literal["fast", "wrong way"]
"""Facts of an object against what is usual where it is: what a head's terms may tell of it."""

PERSON = "person"
RIDDEN = ("bicycle", "motorcycle", "horse", "skateboard", "scooter", "skis", "snowboard", "surfboard")
"""What a person rides: a box that the person's stands on, not beside."""

CARRIED = ("suitcase", "backpack", "handbag", "umbrella")
"""What a person carries; the first that is there is named."""

VEHICLES = ("bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "van", "scooter", "tram")
ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "animal")

_NAMES: Mapping[str, tuple[str, ...]] = {
    "person": ("a person", "people", "persons", "someone", "a man", "a woman", "humans"),
    "bicycle": ("a bicycle", "bicycles", "a bike", "bikes", "two-wheelers"),
    "car": ("a car", "cars", "an automobile"),
    "motorcycle": ("a motorcycle", "motorcycles", "a motorbike", "a moped", "two-wheelers"),
    "bus": ("a bus", "buses"),
    "truck": ("a truck", "trucks", "a lorry", "a heavy goods vehicle"),
    "airplane": ("an airplane", "airplanes", "an aircraft"),
    "boat": ("a boat", "boats", "a ship"),
    "suitcase": ("a suitcase", "suitcases", "luggage", "baggage"),
    "backpack": ("a backpack", "backpacks", "a rucksack"),
    "handbag": ("a handbag", "handbags", "a bag"),
    "dog": ("a dog", "dogs", "pets"),
    "cat": ("a cat", "cats", "pets"),
    "sheep": ("a sheep", "sheep"),
    "skis": ("skis", "a pair of skis"),
    "scooter": ("a scooter", "scooters", "a kick scooter", "an e-scooter"),
}
_ON_FOOT = ("people on foot", "a person on foot", "a pedestrian", "pedestrians", "a passer-by")
_STATES: Mapping[str, tuple[str, ...]] = {
    "walking": ("a person walking", "people walking", "walking", "someone walks", "strolling", *_ON_FOOT),
    "walking slowly": (
        "a person walking slowly",
        "a person walking",
        "people walking",
        "walking",
        "strolling",
        "a person wandering around",
        *_ON_FOOT,
    ),
    "running": ("a person running", "people running", "running", "a runner", "jogging", "someone rushing", *_ON_FOOT),
    "standing": (
        "a person standing still",
        "people standing around",
        "standing",
        "a person waiting",
        "loitering",
        "a bystander",
        *_ON_FOOT,
    ),
    "sitting": (
        "a person sitting",
        "people sitting",
        "sitting",
        "a seated person",
        "sitting on a chair",
        "sitting at a desk",
        "someone taking a seat",
        "a person resting on a seat",
        "a person in a chair",
    ),
    "crouching": (
        "a person crouching",
        "crouching",
        "squatting",
        "a person kneeling",
        "kneeling on the ground",
        "a person bent low",
        "sitting on the ground",
    ),
    "lying": (
        "a person lying on the ground",
        "lying on the ground",
        "a person lying on the floor",
        "a person lying down",
        "lying down",
        "a person lying on a bed",
        "a person lying on the carpet",
        "someone sprawled on the floor",
        "a fallen person",
        "someone who has fallen",
        "a person falling to the ground",
        "a collapsed person",
        "a motionless person",
    ),
    "falling": (
        "a person falling",
        "falling",
        "a person falling to the ground",
        "a person falling down",
        "tripping and falling",
        "someone collapsing",
    ),
    "arms raised": (
        "a person with raised arms",
        "raising both arms",
        "arms raised",
        "a person with their arms in the air",
        "hands above the head",
        "a person with their hands up",
        "holding up both hands",
        "stretching the arms overhead",
    ),
}
_RIDES: Mapping[str, tuple[str, ...]] = {
    "bicycle": (
        "riding a bicycle",
        "people cycling",
        "cycling",
        "a cyclist",
        "cyclists",
        "someone on a bike",
        "pedalling",
    ),
    "motorcycle": ("riding a motorcycle", "a motorcyclist", "motorcyclists", "riding a motorbike", "riding a moped"),
    "horse": ("riding a horse", "a horse rider", "horse riding", "a person on horseback"),
    "skateboard": ("riding a skateboard", "a skateboarder", "skateboarders", "skateboarding", "a skater"),
    "scooter": ("riding a scooter", "a scooter rider", "someone on an e-scooter", "riding a kick scooter"),
    "skis": ("skiing", "a skier"),
    "snowboard": ("riding a snowboard", "a snowboarder", "snowboarding"),
    "surfboard": ("riding a surfboard", "a surfer", "surfing"),
}
_CARRIES: Mapping[str, tuple[str, ...]] = {
    "suitcase": ("a person with a suitcase", "a person pulling a suitcase", "a traveller with luggage"),
    "backpack": ("a person with a backpack", "a person carrying a rucksack"),
    "handbag": ("a person with a bag", "a person carrying a handbag"),
    "umbrella": ("a person with an umbrella", "a person walking under an umbrella"),
}
_CATEGORIES: Mapping[str, tuple[str, ...]] = {
    "vehicle": ("a vehicle", "vehicles", "traffic", "a motor vehicle"),
    "animal": ("an animal", "animals"),
}
_GOING: Mapping[str, tuple[str, ...]] = {
    "vehicle moving": ("{a} driving", "{s} driving", "a moving {n}", "a vehicle driving", "driving"),
    "vehicle still": ("a parked {n}", "parked {s}", "{a} standing still", "a stopped {n}", "a parked vehicle"),
    "animal moving": ("{a} walking", "{a} moving", "a moving animal"),
    "animal running": ("{a} running", "{a} moving", "a running animal"),
    "animal still": ("{a} standing still", "{a} sitting or lying", "a resting animal"),
    "moving": ("something moving", "movement", "a moving object"),
}
_AGAINST_USUAL: Mapping[Fact, tuple[str, ...]] = {
    "fast": ("moving faster than usual", "moving fast", "too fast", "speeding"),
    "wrong way": (
        "going the wrong way",
        "moving against the usual direction",
        "moving against the flow",
        "in the opposite direction",
        "against the crowd",
    ),
}
_OF_WHAT: Mapping[Fact, tuple[str, ...]] = {
    "fast": ("{a} moving fast", "fast {s}", "a speeding {n}"),
    "wrong way": ("{a} going the wrong way", "{s} in the wrong direction"),
}

UNUSUAL: Mapping[Unusual, str] = {"fast": "faster than usual here", "wrong way": "against the usual direction"}
"""How captions say these facts."""

Fact = str
"""What is known, such as ``person``, ``person walking``, ``person lying``, ``rides bicycle``, ``carries suitcase``,
``car moving``,
``fast``, ``wrong way``."""


def category(name: str) -> str | None:
    """``vehicle``, ``animal`` or None of a class."""
    return "vehicle" if name in VEHICLES else "animal" if name in ANIMALS else None


def named(name: str) -> str:
    """A class with its article."""
    return _names(name)[0]


@cache
def wordings(name: str) -> Mapping[Fact, tuple[str, ...]]:
    """All facts that can be known of an object of a class, and the statements that each makes true."""
    kind = category(name)
    said = {name: _names(name) + _of_category(name)}
    if name == PERSON:
        said |= {f"{PERSON} {state}": texts for state, texts in _STATES.items()}
        said |= {
            f"rides {what}": (f"a person {texts[0]}", *texts, *_names(what), *_of_category(what))
            for what, texts in _RIDES.items()
        }
        said |= {f"carries {what}": (*texts, *_names(what)) for what, texts in _CARRIES.items()}
    for going, texts in _GOING.items():
        if kind is not None and going.startswith(kind):
            said[f"{name} {going.removeprefix(kind).strip()}"] = _filled(texts, name)
    if kind is not None or name == PERSON:
        said |= {f"{name} {fact}": _filled(texts, name) for fact, texts in _OF_WHAT.items()}
    return {**said, "moving": _GOING["moving"], **_AGAINST_USUAL}


def _filled(texts: Sequence[str], name: str) -> tuple[str, ...]:
    one, several = _names(name)[:2]
    return tuple(text.format(a=one, s=several, n=name) for text in texts)


def _of_category(name: str) -> tuple[str, ...]:
    return _CATEGORIES.get(category(name) or "", ())


def _names(name: str) -> tuple[str, ...]:
    article = "an" if name[0] in "aeiou" else "a"
    return _NAMES.get(name, (f"{article} {name}", f"{name}s"))
