"""What bodies do: one entry an action, with its pose, gait, speed, gear and words.

To add an action, write its pose in `poses`, what it needs drawn in `gear`, and enter it in `ACTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.virtual import poses
from training.virtual.gait import RUN, WALK, Gait
from training.virtual.poses import BodyState
from training.virtual.steering import ROOM

STAGED = ("talk", "fall", "get_up", "fight")
"""What takes two, or comes one after the other."""
WIDE = 1.6
"""Metres others keep from the middle of what is wheeled."""


@dataclass(frozen=True)
class BodyAction:
    """One entry: how it looks, how fast it goes, and what is said of it."""

    pose: Callable[[BodyState], NDArray[np.float64]]
    """From the moment of a body to its joints in the body frame, (JOINTS, 3) metres."""
    verb: str
    """With the subject before it: "a person in a red coat ... ". ``{way}`` becomes "to the left" and the like."""
    speed: tuple[float, float] | None = None
    """Metres a second; None where the population's own walking speed is meant, or there is no going."""
    gait: Gait = WALK
    gear: str | None = None
    """What is drawn with the body: ridden, pushed or held; an entry of `gear.GEAR`."""
    room: float = ROOM
    """Metres that others keep from it."""

    @property
    def going(self) -> bool:
        """Whether it takes a body from place to place, rather than being done on the spot."""
        return "{way}" in self.verb


ACTIONS: dict[str, BodyAction] = {
    # From place to place
    "walk": BodyAction(poses.walk, "walks {way}"),
    "run": BodyAction(poses.run, "runs {way}", speed=(3.0, 4.0), gait=RUN),
    "crawl": BodyAction(poses.crawl, "crawls {way} on hands and knees", speed=(0.5, 0.8)),
    "carry": BodyAction(poses.carry, "carries a box {way}", speed=(0.9, 1.3), gear="box"),
    "push": BodyAction(poses.push, "pushes a trolley {way}", speed=(0.9, 1.3), gear="trolley", room=WIDE),
    "suitcase": BodyAction(poses.suitcase, "pulls a suitcase {way}", gear="suitcase"),
    "umbrella": BodyAction(poses.umbrella, "walks {way} under an umbrella", gear="umbrella"),
    "dog": BodyAction(poses.dog, "walks a dog {way}", gear="dog", room=1.2),
    "cycle": BodyAction(poses.cycle, "rides a bicycle {way}", speed=(3.2, 4.6), gear="bicycle", room=WIDE),
    "skateboard": BodyAction(
        poses.skateboard, "rides a skateboard {way}", speed=(2.4, 3.8), gear="skateboard", room=1.2
    ),
    "scooter": BodyAction(poses.scooter, "rides a kick scooter {way}", speed=(2.2, 3.4), gear="scooter", room=1.2),
    "motorcycle": BodyAction(
        poses.motorcycle, "rides a motorcycle {way}", speed=(4.5, 6.5), gear="motorcycle", room=WIDE
    ),
    "wheelchair": BodyAction(
        poses.wheelchair, "rolls {way} in a wheelchair", speed=(0.9, 1.5), gear="wheelchair", room=1.2
    ),
    "drive": BodyAction(poses.drive, "drives a small cart {way}", speed=(2.4, 3.4), gear="cart", room=2.4),
    "against_stream": BodyAction(poses.walk, "walks {way} against the stream", speed=(1.3, 1.7)),
    # On the spot
    "stand": BodyAction(poses.stand, "stands"),
    "phone": BodyAction(poses.phone, "stands and looks at a phone"),
    "talk": BodyAction(poses.talk, "stands and talks"),
    "sit": BodyAction(poses.sit, "sits on a bench"),
    "crouch": BodyAction(poses.crouch, "crouches on the ground"),
    "pick_up": BodyAction(poses.pick_up, "bends down and picks something up"),
    "wave": BodyAction(poses.wave, "waves both arms"),
    "jump": BodyAction(poses.jump, "jumps up and down"),
    "dance": BodyAction(poses.dance, "dances"),
    "throw": BodyAction(poses.throw, "throws a ball", gear="ball"),
    "kick": BodyAction(poses.kick, "kicks a ball up", gear="football"),
    "sweep": BodyAction(poses.sweep, "sweeps the ground with a broom", gear="broom"),
    "climb": BodyAction(poses.climb, "climbs a ladder", gear="ladder", room=1.2),
    "fall": BodyAction(poses.fall, "falls and lies on the ground"),
    "get_up": BodyAction(poses.get_up, "gets up from the ground"),
    "fight": BodyAction(poses.fight, "fights"),
}

ALONE = tuple(name for name, action in ACTIONS.items() if not action.going and name not in STAGED)
"""What one body does on the spot, at a place of the scene."""
