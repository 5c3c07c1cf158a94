"""Every action as it is drawn: it looks like nothing else, it moves, and it is what the truth says of it."""

import math
from functools import lru_cache

import numpy as np
import pytest

from training.virtual.actions import ACTIONS
from training.virtual.actor import Actor, ActorLook, Do, Go, Step
from training.virtual.camera import Camera
from training.virtual.figure import FigurePainter
from training.virtual.gear import GEAR, reach
from training.virtual.light import Light
from training.virtual.scene import load_scene

LOOK = ActorLook(
    height=1.75, build=1.0, top="red", top_colour=(40, 40, 200), bottom_colour=(90, 60, 40), skin=(120, 160, 200),
    hair=(20, 20, 20), garment="jacket", pattern="plain", bag=None, long_hair=False, hat=False,
)  # fmt: skip
MIDDLE = np.array([0.0, 11.0])
ALONG = np.array([1.0, 0.0])


@lru_cache
def painter() -> FigurePainter:
    scene = load_scene("plaza")
    return FigurePainter(Camera(scene.camera, (640, 360)), Light(scene.light))


def at_it(action: str, seconds: float = 2.0) -> Actor:
    """Someone who has been at an action for so long, and is at the middle of the picture by now."""
    entry = ACTIONS[action]
    speed = sum(entry.speed or (1.2, 1.4)) / 2
    start = MIDDLE - speed * seconds * ALONG if entry.going else MIDDLE
    step: Step = Do(action, 9.0, MIDDLE + 4.0 * ALONG)
    if entry.going:
        step = Go(np.stack([start, start + 60.0 * ALONG]), action, speed)
    actor = Actor(1, LOOK, start, [step], temper=0.3)
    for _ in range(round(seconds / 0.05)):
        actor.advance(0.05, np.zeros((0, 2)), np.zeros((0, 2)), np.zeros((0, 3)))
    return actor


def picture(actor: Actor) -> np.ndarray:
    """(160, 220, 3): it alone, with its feet at one place."""
    sprite = painter().draw(actor, actor.pose(), np.ones(3))
    assert sprite is not None
    pixels, _ = painter().camera.project(np.array([*actor.position, 0.0]))
    canvas = np.full((160, 220, 3), 128, np.uint8)
    left, top = (int(part) for part in pixels - (110, 130))
    type(sprite)(sprite.x - left, sprite.y - top, sprite.image).over(canvas)
    return canvas


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_every_action_is_drawn_the_same_every_time_and_moves(action: str) -> None:
    first, again = picture(at_it(action)), picture(at_it(action))
    assert np.array_equal(first, again)
    assert np.count_nonzero((first != 128).any(axis=2)) > 400
    if action in {"drive", "motorcycle"}:
        return  # only as a whole
    # Quarter seconds, through more than one period of all that repeats.
    moments = [picture(at_it(action, 2.0 + 0.25 * k)) for k in range(6)]
    least = 5 if action in {"stand", "phone", "sit", "crouch", "fall"} else 60
    assert max(np.count_nonzero((moment != first).any(axis=2)) for moment in moments) > least


def test_no_two_actions_look_alike() -> None:
    """But walking against the stream, which differs by where it goes."""
    pictures = {action: picture(at_it(action)).astype(int) for action in sorted(set(ACTIONS) - {"against_stream"})}
    for action, mine in pictures.items():
        for other, theirs in pictures.items():
            if action < other:
                differing = np.count_nonzero(np.abs(mine - theirs).max(axis=2) > 24)
                assert differing > 120, (action, other)


@pytest.mark.parametrize("action", sorted(name for name, entry in ACTIONS.items() if entry.gear))
def test_gear_stays_within_the_room_it_is_given(action: str) -> None:
    """Else the picture of it would be cut off."""
    for seconds in (0.5, 1.1, 1.7, 2.3, 2.9):
        actor = at_it(action, seconds)
        joints = actor.pose()
        sprite = painter().draw(actor, joints, np.ones(3))
        assert sprite is not None
        pixels, depth = painter().camera.project(np.vstack([joints, reach(actor)]))
        margin = 0.09 * LOOK.height * painter().camera.focal / float(depth.mean()) + 2.0
        rows, columns = sprite.image.shape[:2]
        low, high = np.floor(pixels.min(axis=0) - margin), np.ceil(pixels.max(axis=0) + margin)
        assert sprite.x > low[0]
        assert sprite.y > low[1]
        assert sprite.x + columns < high[0]
        assert sprite.y + rows < high[1]


def test_every_piece_of_gear_belongs_to_an_action() -> None:
    assert {entry.gear for entry in ACTIONS.values()} - {None} == set(GEAR)


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_captions_are_sentences(action: str) -> None:
    caption = at_it(action, 0.1).caption("to the left")
    assert caption.startswith("a person in a red jacket ")
    assert "{" not in caption
    assert ("to the left" in caption) == ACTIONS[action].going
    assert caption.split()[6].endswith("s"), "the third person"


def test_who_climbs_is_on_the_ladder_and_comes_down() -> None:
    heights = [float(at_it("climb", seconds).pose()[:, 2].min()) for seconds in (0.1, 4.5, 8.9)]
    assert heights[0] < 0.2
    assert heights[1] > 0.6
    assert heights[2] < 0.2
    assert math.isclose(heights[0], heights[2], abs_tol=0.15)
