"""The articulated body: joints, segment lengths, and the geometry that poses are made of.

The body frame has x forward, y to the left, z up, and its origin on the ground under the pelvis.
Lengths are shares of the body's height, after the usual anthropometric tables.
"""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np

from models.arrays import Float64


class Joint(IntEnum):
    """Rows of a pose."""

    PELVIS = 0
    CHEST = 1
    HEAD = 2
    SHOULDER_L = 3
    SHOULDER_R = 4
    ELBOW_L = 5
    ELBOW_R = 6
    HAND_L = 7
    HAND_R = 8
    HIP_L = 9
    HIP_R = 10
    KNEE_L = 11
    KNEE_R = 12
    ANKLE_L = 13
    ANKLE_R = 14
    TOE_L = 15
    TOE_R = 16
    CROWN = 17


JOINTS = len(Joint)
THIGH, SHIN, SOLE = 0.245, 0.246, 0.045
TORSO, NECK_TO_HEAD, HEAD_TO_CROWN = 0.30, 0.10, 0.062
SHOULDER, HIP = 0.115, 0.052
UPPER_ARM, FOREARM = 0.180, 0.185
HEEL_TO_BALL, BALL_TO_TOE = 0.072, 0.035


def bend(root: Float64, tip: Float64, upper: float, lower: float, hint: Float64) -> tuple[Float64, Float64]:
    """Two-bone inverse kinematics.

    Returns the middle joint, bent towards ``hint``, and the tip, moved into reach where it is too far or too near.
    """
    reach = tip - root
    length = math.sqrt(float(reach @ reach)) or 1e-9
    axis = reach / length
    length = min(max(length, abs(upper - lower) + 1e-6), 0.999 * (upper + lower))
    along = (upper * upper - lower * lower + length * length) / (2.0 * length)
    out = math.sqrt(max(upper * upper - along * along, 0.0))
    side = hint - axis * float(hint @ axis)
    side = side / (math.sqrt(float(side @ side)) or 1e-9)
    return root + axis * along + side * out, root + axis * length


def rotate(points: Float64, axis: Float64, angle: float, origin: Float64) -> Float64:
    """(N, 3) points turned by ``angle`` radians about ``axis`` (a unit vector) through ``origin``."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turn = np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * (cross @ cross)
    return np.asarray((points - origin) @ turn.T + origin)


def body(
    height: float,
    balls: Float64,
    rolls: Float64,
    *,
    hips: float = 1.0,
    offset: tuple[float, float] = (0.0, 0.0),
    lean: float = 0.0,
    tilt: float = 0.0,
    twist: float = 0.0,
    swing: tuple[float, float] = (0.0, 0.0),
    elbows: tuple[float, float] = (0.25, 0.25),
    spread: tuple[float, float] = (0.08, 0.08),
    hands: tuple[Float64 | None, Float64 | None] = (None, None),
) -> Float64:
    """A pose in the body frame, (JOINTS, 3) metres.

    Args:
        height: Of the body in metres.
        balls: (2, 3), the balls of the left and right foot.
        rolls: (2,), radians that each heel is up.
        hips: Height of the pelvis, as a share of what it is when standing straight; legs that reach less far
            than that pull it down.
        offset: Metres of the pelvis forward and to the left of the origin.
        lean: Radians that the trunk bends forward.
        tilt: Radians that it bends to the left.
        twist: Radians that the shoulders are turned to the left.
        swing: Radians that each upper arm points forward.
        elbows: Radians that each is bent by.
        spread: Radians that each arm is away from the body.
        hands: Where a hand is held, instead of by angles.
    """
    joints = np.zeros((JOINTS, 3))
    leg = (THIGH + SHIN) * height
    ankles = np.empty((2, 3))
    for side in (0, 1):
        back, sole = HEEL_TO_BALL * height, SOLE * height
        cosine, sine = math.cos(rolls[side]), math.sin(rolls[side])
        ankles[side] = balls[side] + (sole * sine - back * cosine, 0.0, sole * cosine + back * sine)
        joints[Joint.TOE_L + side] = balls[side] + (BALL_TO_TOE * height, 0.0, 0.012 * height)
    pelvis = (leg + SOLE * height) * hips
    for side, left in ((0, 1.0), (1, -1.0)):
        flat = math.hypot(ankles[side][0] - offset[0], ankles[side][1] - offset[1] - left * HIP * height)
        reach = ankles[side][2] + math.sqrt(max((0.995 * leg) ** 2 - flat * flat, 0.0))
        pelvis = min(pelvis, reach)
    root = np.array([offset[0], offset[1], pelvis])
    joints[Joint.PELVIS] = root
    up = np.array([math.sin(lean), math.sin(tilt), math.cos(lean) * math.cos(tilt)])
    chest = root + up * (TORSO * height)
    joints[Joint.CHEST] = chest
    gaze = np.array([math.sin(lean * 0.6), math.sin(tilt), math.cos(lean * 0.6)])
    joints[Joint.HEAD] = chest + gaze * (NECK_TO_HEAD * height) + (0.008 * height, 0.0, 0.0)
    joints[Joint.CROWN] = joints[Joint.HEAD] + gaze * (HEAD_TO_CROWN * height)
    across = np.array([-math.sin(twist), math.cos(twist), 0.0])
    for side, left in ((0, 1.0), (1, -1.0)):
        shoulder = chest + across * (left * SHOULDER * height) - up * (0.02 * height)
        joints[Joint.SHOULDER_L + side] = shoulder
        held = hands[side]
        if held is None:
            elbow = shoulder + _arm(swing[side] + lean * 0.5, left * spread[side]) * (UPPER_ARM * height)
            hand = elbow + _arm(swing[side] + elbows[side] + lean * 0.5, left * spread[side] * 0.4) * (FOREARM * height)
        else:
            hint = np.array([-0.6, left * 0.5, -1.0])
            elbow, hand = bend(shoulder, held, UPPER_ARM * height, FOREARM * height, hint)
        joints[Joint.ELBOW_L + side] = elbow
        joints[Joint.HAND_L + side] = hand
        hip = root + np.array([0.0, left * HIP * height, 0.0])
        joints[Joint.HIP_L + side] = hip
        knee, ankle = bend(hip, ankles[side], THIGH * height, SHIN * height, np.array([1.0, left * 0.08, 0.1]))
        joints[Joint.KNEE_L + side] = knee
        joints[Joint.ANKLE_L + side] = ankle
    return joints


def _arm(forward: float, outward: float) -> Float64:
    return np.array([math.sin(forward), math.sin(outward), -math.cos(forward) * math.cos(outward)])
