"""The things that stand about: one function a kind, given a brush. To add a kind, write one and enter it in `PROPS`."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable

import numpy as np

from models.arrays import Float64
from training.virtual.brush import Brush, Tone
from training.virtual.scene import PropSpec

WOOD: Tone = (62.0, 92.0, 128.0)
IRON: Tone = (58.0, 56.0, 52.0)
STONE: Tone = (150.0, 158.0, 164.0)
BARK: Tone = (52.0, 66.0, 84.0)
LEAF: Tone = (52.0, 112.0, 92.0)
PAINTS: tuple[Tone, ...] = ((52.0, 66.0, 150.0), (122.0, 82.0, 44.0), (60.0, 104.0, 70.0), (60.0, 120.0, 190.0))
CANVAS: Tone = (176.0, 205.0, 222.0)


class PropFrame:
    """Turns metres beside a prop, times its size, into world metres."""

    def __init__(self, spec: PropSpec) -> None:
        self.turn = math.radians(spec.turn)
        self.size = spec.size
        self._at = np.array([*spec.at, 0.0])
        self._cosine, self._sine = math.cos(self.turn), math.sin(self.turn)

    def __call__(self, x: float, y: float, z: float) -> Float64:
        """The world point of (x, y, z) in the prop's own frame."""
        s = self.size
        turned = (x * self._cosine - y * self._sine, x * self._sine + y * self._cosine, z)
        return self._at + s * np.array(turned)


def _bench(brush: Brush, place: PropFrame, spec: PropSpec) -> None:
    s = spec.size
    for x in (-0.75, 0.75):
        brush.box(place(x, 0.12, 0.0), (0.07 * s, 0.45 * s, 0.42 * s), place.turn, IRON)
        brush.box(place(x, 0.3, 0.4), (0.07 * s, 0.06 * s, 0.42 * s), place.turn, IRON)
    for y in (0.26, 0.12, -0.02):
        brush.box(place(0.0, y, 0.42), (1.8 * s, 0.11 * s, 0.05 * s), place.turn, WOOD)
    for z in (0.55, 0.72):
        brush.box(place(0.0, 0.3, z), (1.8 * s, 0.05 * s, 0.11 * s), place.turn, WOOD)


def _lamp(brush: Brush, place: PropFrame, spec: PropSpec) -> None:
    s = spec.size
    brush.rod(place(0, 0, 0), place(0, 0, 0.9), 0.10 * s, 0.08 * s, IRON)
    brush.rod(place(0, 0, 0.9), place(0, 0, 4.1), 0.055 * s, 0.04 * s, IRON)
    brush.box(place(0, 0, 4.1), (0.26 * s, 0.26 * s, 0.4 * s), place.turn, (196.0, 214.0, 220.0))
    brush.box(place(0, 0, 4.5), (0.42 * s, 0.42 * s, 0.08 * s), place.turn, IRON)


def _planter(brush: Brush, place: PropFrame, spec: PropSpec) -> None:
    s = spec.size
    brush.box(place(0, 0, 0), (1.3 * s, 0.8 * s, 0.55 * s), place.turn, STONE)
    brush.box(place(0, 0, 0.55), (1.38 * s, 0.88 * s, 0.07 * s), place.turn, STONE)
    rng = _chance(spec)
    for _ in range(46):
        x, y = rng.uniform(-0.6, 0.6), rng.uniform(-0.34, 0.34)
        tone = _mixed(LEAF, rng, 0.8, 1.2) if rng.random() < 0.75 else (96.0, 92.0, 206.0)
        brush.ball(place(x, y, 0.62 + rng.uniform(0.0, 0.28)), rng.uniform(0.05, 0.11) * s, tone)


def _bollard(brush: Brush, place: PropFrame, spec: PropSpec) -> None:
    brush.rod(place(0, 0, 0.05), place(0, 0, 0.85), 0.09 * spec.size, 0.08 * spec.size, IRON)
    brush.ball(place(0, 0, 0.92), 0.11 * spec.size, IRON)


def _bin(brush: Brush, place: PropFrame, spec: PropSpec) -> None:
    s = spec.size
    brush.rod(place(0, 0, 0.2), place(0, 0, 0.8), 0.22 * s, 0.24 * s, (74.0, 96.0, 66.0))
    brush.rod(place(0, 0, 0.95), place(0, 0, 1.0), 0.24 * s, 0.2 * s, IRON)


def _parasol(brush: Brush, place: PropFrame, spec: PropSpec) -> None:
    s = spec.size
    for x, y in ((-0.9, -0.2), (0.9, 0.25)):
        brush.box(place(x, y, 0.0), (0.42 * s, 0.42 * s, 0.45 * s), place.turn, WOOD)
        brush.box(place(x * 1.2, y * 1.2, 0.45), (0.06 * s, 0.42 * s, 0.45 * s), place.turn, WOOD)
    brush.rod(place(0, 0, 0.0), place(0, 0, 0.72), 0.05 * s, 0.05 * s, IRON)
    brush.rod(place(-0.3, 0, 0.74), place(0.3, 0, 0.74), 0.12 * s, 0.12 * s, STONE)
    brush.rod(place(0, 0, 0.75), place(0, 0, 2.5), 0.03 * s, 0.03 * s, STONE)
    rim = [(1.5 * math.cos(turn), 1.5 * math.sin(turn)) for turn in np.linspace(0.2, 0.2 + 2.0 * math.pi, 9)]
    sides = sorted(range(8), key=lambda side: -(rim[side][1] + rim[side + 1][1]))
    for side in sides:
        (x, y), (x2, y2) = rim[side], rim[side + 1]
        tone = CANVAS if side % 2 else (84.0, 92.0, 168.0)
        brush.panel(np.stack([place(0, 0, 2.75), place(x, y, 2.2), place(x2, y2, 2.2)]), tone)
        brush.panel(np.stack([place(x, y, 2.2), place(x2, y2, 2.2), place(x2, y2, 2.05), place(x, y, 2.05)]), tone)


def _container(brush: Brush, place: PropFrame, spec: PropSpec) -> None:
    s, rng = spec.size, _chance(spec)
    tone = _mixed(PAINTS[int(rng.integers(len(PAINTS)))], rng, 0.85, 1.15)
    brush.box(place(0, 0, 0.08), (6.0 * s, 2.4 * s, 2.5 * s), place.turn, tone)
    for side in (-1.21, 1.21):
        for x in np.linspace(-2.8, 2.8, 15):
            brush.rod(place(x, side, 0.25), place(x, side, 2.4), 0.05 * s, 0.05 * s, _mixed(tone, rng, 0.78, 0.82))


def _crates(brush: Brush, place: PropFrame, spec: PropSpec) -> None:
    s, rng = spec.size, _chance(spec)
    brush.box(place(0, 0, 0), (1.2 * s, 0.9 * s, 0.14 * s), place.turn, WOOD)
    for layer in range(int(rng.integers(1, 4))):
        for x, y in ((-0.3, 0.22), (0.3, 0.22), (-0.3, -0.22), (0.3, -0.22)):
            tone = _mixed((92.0, 138.0, 176.0), rng, 0.8, 1.15)
            brush.box(place(x, y, 0.14 + 0.42 * layer), (0.56 * s, 0.4 * s, 0.4 * s), place.turn, tone)


def _pillar(brush: Brush, place: PropFrame, spec: PropSpec) -> None:
    s = spec.size
    brush.box(place(0, 0, 0), (0.75 * s, 0.75 * s, 0.35 * s), place.turn, STONE)
    brush.box(place(0, 0, 0.35), (0.55 * s, 0.55 * s, 7.0 * s), place.turn, (186.0, 192.0, 196.0))


def _slide(brush: Brush, place: PropFrame, spec: PropSpec) -> None:
    s = spec.size
    for x, y in ((-1.2, 0.35), (-1.2, -0.35), (-0.5, 0.35), (-0.5, -0.35)):
        brush.rod(place(x, y, 0.0), place(x, y, 2.3), 0.05 * s, 0.05 * s, (60.0, 120.0, 200.0))
    for z in (0.4, 0.8, 1.2):
        brush.rod(place(-1.25, -0.35, z), place(-1.25, 0.35, z), 0.03 * s, 0.03 * s, IRON)
    brush.box(place(-0.85, 0.0, 1.45), (0.85 * s, 0.85 * s, 0.08 * s), place.turn, (70.0, 170.0, 220.0))
    for y in (0.33, -0.33):
        side = [place(-0.45, y, 1.75), place(-0.45, y, 1.5), place(1.6, y, 0.15), place(1.6, y, 0.4)]
        brush.panel(np.stack(side), (60.0, 70.0, 190.0))
    chute = [place(-0.45, -0.33, 1.5), place(-0.45, 0.33, 1.5), place(1.6, 0.33, 0.18), place(1.6, -0.33, 0.18)]
    brush.panel(np.stack(chute), (70.0, 80.0, 215.0))


def draw_trunk(brush: Brush, place: PropFrame, spec: PropSpec) -> None:
    """The part of a tree that the wind does not move."""
    s = spec.size
    pit = np.stack([place(x, y, 0.01) for x, y in ((-0.6, -0.6), (0.6, -0.6), (0.6, 0.6), (-0.6, 0.6))])
    brush.panel(pit, (66.0, 76.0, 86.0))
    brush.rod(place(0, 0, 0.1), place(0.05, 0, 2.6), 0.17 * s, 0.11 * s, BARK)
    for x, y, z in ((-0.7, 0.2, 3.5), (0.75, -0.1, 3.6), (0.1, 0.3, 4.0)):
        brush.rod(place(0.05, 0, 2.3), place(x, y, z), 0.08 * s, 0.04 * s, BARK)


def draw_crown(brush: Brush, place: PropFrame, spec: PropSpec, share: tuple[float, float]) -> None:
    """The leaves of a tree whose height in the crown, 0..1, is within ``share``."""
    rng = _chance(spec)
    count = 900
    points = rng.normal(0.0, 1.0, (count, 3))
    points /= np.maximum(np.linalg.norm(points, axis=1), 1e-9)[:, None]
    points *= rng.uniform(0.55, 1.0, (count, 1)) ** 0.6
    lumps = 1.0 + 0.16 * np.sin(3.1 * points[:, :1] + 2.0 * points[:, 2:] + 4.0 * rng.random())
    points = points * lumps * (1.55, 1.4, 1.25)
    sizes, tones = rng.uniform(0.06, 0.17, count), rng.uniform(0.72, 1.22, count)
    hues = rng.normal(0.0, 6.0, count)
    for index in np.argsort(-points[:, 1]):
        x, y, z = points[index]
        height = (z / 1.25 + 1.0) / 2.0
        if not share[0] <= height < share[1]:
            continue
        light = (0.62 + 0.42 * height) * tones[index]
        tone = (LEAF[0] * light, LEAF[1] * light, (LEAF[2] + hues[index]) * light)
        brush.ball(place(x, y, 3.75 + z), float(sizes[index]) * spec.size, tone)


def _tree(brush: Brush, place: PropFrame, spec: PropSpec) -> None:
    draw_trunk(brush, place, spec)
    draw_crown(brush, place, spec, (-1.0, 2.0))


def _chance(spec: PropSpec) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(f"{spec.kind}{spec.at}".encode()))


def _mixed(tone: Tone, rng: np.random.Generator, low: float, high: float) -> Tone:
    factor = float(rng.uniform(low, high))
    return tone[0] * factor, tone[1] * factor, tone[2] * factor


PROPS: dict[str, Callable[[Brush, PropFrame, PropSpec], None]] = {
    "bench": _bench,
    "lamp": _lamp,
    "planter": _planter,
    "bollard": _bollard,
    "bin": _bin,
    "parasol": _parasol,
    "tree": _tree,
    "container": _container,
    "crates": _crates,
    "pillar": _pillar,
    "slide": _slide,
}
