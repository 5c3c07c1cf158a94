"""How bodies keep out of each other's way: they look ahead and step aside early."""

from __future__ import annotations

import numpy as np

from models.arrays import Float64

LOOK_AHEAD = 2.5
"""Seconds within which a coming encounter matters."""
ROOM = 0.85
"""Metres two people keep between their middles."""


def steer(
    position: Float64, desired: Float64, others: Float64, speeds: Float64, obstacles: Float64, room: float
) -> Float64:
    """The velocity to take instead of ``desired``, (2,) m/s.

    Args:
        position: (2,) metres.
        desired: (2,) m/s.
        others: (N, 2) metres, of those to keep away from.
        speeds: (N, 2) m/s, of the same.
        obstacles: (M, 3), centre and radius in metres.
        room: Metres to keep from the others.
    """
    speed = float(np.hypot(desired[0], desired[1]))
    if speed < 1e-6:
        return desired
    ahead = desired / speed
    aside = np.array([-ahead[1], ahead[0]])
    push = np.zeros(2)
    if len(others):
        push += _from_people(position, desired, others, speeds, room, ahead, aside)
    if len(obstacles):
        push += _from_obstacles(position, obstacles, ahead, aside)
    turned = desired + push * speed
    length = float(np.hypot(turned[0], turned[1]))
    return turned * (min(speed, length) / max(length, 1e-6))


def _from_people(
    position: Float64, desired: Float64, others: Float64, speeds: Float64, room: float, ahead: Float64, aside: Float64
) -> Float64:
    apart = others - position
    closing = speeds - desired
    rate = np.maximum((closing**2).sum(axis=1), 1e-6)
    when = np.clip(-(apart * closing).sum(axis=1) / rate, 0.0, LOOK_AHEAD)
    then = apart + closing * when[:, None]
    gap = np.hypot(then[:, 0], then[:, 1])
    matters = (gap < room) & (when < LOOK_AHEAD) & (apart @ ahead > -0.2)
    if not matters.any():
        return np.zeros(2)
    # Whoever is met dead ahead is passed on the right, so that two do not dodge to the same side.
    where = then[matters] @ aside
    side = np.where(np.abs(where) < 0.05, -1.0, -np.sign(where))
    urgency = (1.0 - gap[matters] / room) * (1.0 - when[matters] / LOOK_AHEAD)
    now = np.hypot(apart[matters, 0], apart[matters, 1])
    brake = np.where((now < 0.7 * room) & (apart[matters] @ ahead > 0.0), 0.5, 0.0)
    return np.asarray(aside * float((1.3 * urgency * side).sum()) - ahead * float(brake.max()))


def _from_obstacles(position: Float64, obstacles: Float64, ahead: Float64, aside: Float64) -> Float64:
    apart = obstacles[:, :2] - position
    forward, across = apart @ ahead, apart @ aside
    clear = obstacles[:, 2] + 0.45
    matters = (forward > -0.2) & (forward < clear + 2.5) & (np.abs(across) < clear)
    if not matters.any():
        return np.zeros(2)
    side = np.where(across[matters] > 0.0, -1.0, 1.0)
    depth = 1.0 - np.abs(across[matters]) / clear[matters]
    near = 1.0 - np.clip(forward[matters], 0.0, None) / (clear[matters] + 2.5)
    return np.asarray(aside * float((1.6 * depth * near * side).sum()))
