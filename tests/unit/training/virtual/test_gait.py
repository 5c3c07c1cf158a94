import math

import numpy as np
import pytest

from training.virtual.actions import ACTIONS
from training.virtual.actor import Actor, ActorLook, Do, Go, Step
from training.virtual.skeleton import SHIN, THIGH, Joint, bend

DT = 0.04
NOBODY = np.zeros((0, 2))
NOTHING = np.zeros((0, 3))
LOOK = ActorLook(
    height=1.75,
    build=1.0,
    top="red",
    top_colour=(0, 0, 200),
    bottom_colour=(40, 40, 40),
    skin=(120, 160, 200),
    hair=(20, 20, 20),
    garment="coat",
    pattern="plain",
    bag=None,
    long_hair=False,
    hat=False,
)


def actor(*steps: Step) -> Actor:
    first = steps[0]
    start = first.path[0] if isinstance(first, Go) else np.zeros(2)
    return Actor(1, LOOK, start, steps, temper=0.4)


def advance(body: Actor) -> None:
    body.advance(DT, NOBODY, NOBODY, NOTHING)


STRAIGHT = np.array([[0.0, 0.0], [40.0, 0.0]])
BENT = np.array([[0.0, 0.0], [6.0, 0.0], [8.0, 5.0], [2.0, 9.0], [2.0, 20.0]])


@pytest.mark.parametrize(("path", "slip"), [(STRAIGHT, 1e-9), (BENT, 0.08)], ids=["straight", "bent"])
@pytest.mark.parametrize(("action", "speed"), [("walk", 0.6), ("walk", 1.1), ("walk", 1.5), ("run", 3.5)])
def test_drawn_feet_do_not_skate(path: np.ndarray, slip: float, action: str, speed: float) -> None:
    """The toe of a planted foot stays where it came down; in a curve it may turn about the ball of the foot."""
    body = actor(Go(path, action, speed))
    came_down: dict[int, np.ndarray] = {}
    slips = []
    for _ in range(round(16.0 / speed / DT)):
        advance(body)
        joints = body.pose()
        for side in (0, 1):
            assert math.dist(joints[Joint.TOE_L + side], joints[Joint.ANKLE_L + side]) < 0.20, "foot and leg are one"
            if body.feet.planted[side]:
                toe = joints[Joint.TOE_L + side].copy()
                slips.append(math.dist(toe, came_down.setdefault(side, toe)))
            else:
                came_down.pop(side, None)
    assert len(slips) > 40
    assert max(slips) <= slip


@pytest.mark.parametrize(("action", "speed"), [("walk", 1.3), ("run", 3.4)])
def test_feet_keep_up_with_the_body(action: str, speed: float) -> None:
    body = actor(Go(STRAIGHT, action, speed))
    for _ in range(150):
        advance(body)
        assert np.hypot(*(body.feet.places - body.position).T).max() < 0.35 * speed + 0.35


def test_feet_alternate() -> None:
    body = actor(Go(STRAIGHT, "walk", 1.3))
    down = []
    for _ in range(100):
        advance(body)
        down.append(body.feet.planted.copy())
    planted = np.array(down)
    assert planted.any(axis=1).all(), "somebody who walks always has a foot on the ground"
    assert 0.05 < planted.all(axis=1).mean() < 0.35, "and both for a short while of every step"


def test_runners_fly() -> None:
    body = actor(Go(STRAIGHT, "run", 3.5))
    down = []
    for _ in range(100):
        advance(body)
        down.append(body.feet.planted.any())
    assert not all(down)


def test_a_standing_body_stands_still() -> None:
    body = actor(Do("stand", 10.0))
    for _ in range(20):
        advance(body)
    places = body.feet.places.copy()
    for _ in range(100):
        advance(body)
    assert np.array_equal(places, body.feet.places)


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_every_pose_is_a_body(action: str) -> None:
    """Bones keep their length and nothing is under the ground, through all of every action."""
    entry = ACTIONS[action]
    low, high = entry.speed or (1.2, 1.4)
    step: Step = Go(STRAIGHT, action, (low + high) / 2) if entry.going else Do(action, 6.0)
    body = actor(step)
    for _ in range(100):
        advance(body)
        joints = body.pose()
        assert np.isfinite(joints).all()
        assert joints[:, 2].min() > -0.01
        assert joints[Joint.CROWN, 2] < (2.8 if action in ("climb", "jump") else 2.2), (
            "on a ladder, in the air, or tall"
        )
        assert np.hypot(*(joints[Joint.PELVIS, :2] - body.position)) < 1.4
        if action in {"fall", "get_up"}:
            continue  # a body on the ground is pressed flat, and rising is a blend of two poses
        for side in (0, 1):
            hip, knee, ankle = (joints[joint + side] for joint in (Joint.HIP_L, Joint.KNEE_L, Joint.ANKLE_L))
            assert math.dist(hip, knee) == pytest.approx(THIGH * LOOK.height, rel=0.02)
            assert math.dist(knee, ankle) == pytest.approx(SHIN * LOOK.height, rel=0.02)


def test_who_falls_ends_on_the_ground() -> None:
    body = actor(Do("fall", 5.0))
    crowns = []
    for _ in range(60):
        advance(body)
        crowns.append(body.pose()[Joint.CROWN, 2])
    assert crowns[0] > 1.5
    assert max(crowns[40:]) < 0.6


@pytest.mark.parametrize("reach", [0.05, 0.5, 0.9, 1.5])
def test_bend_keeps_lengths(reach: float) -> None:
    middle, tip = bend(np.zeros(3), np.array([0.0, 0.0, -reach]), 0.5, 0.4, np.array([1.0, 0.0, 0.0]))
    assert np.linalg.norm(middle) == pytest.approx(0.5, rel=1e-6)
    assert math.dist(middle, tip) == pytest.approx(0.4, rel=1e-6)
    assert middle[0] >= 0.0
    assert -tip[2] == pytest.approx(np.clip(reach, 0.1, 0.9), rel=2e-3)
