"""The face of a building, drawn flat: shops below, windows above."""

from __future__ import annotations

import cv2
import numpy as np

from models.arrays import Image
from training.virtual.colour import Colour
from training.virtual.scene import FacadeSpec

PER_METRE = 48
"""Pixels a metre of the drawing; a facade at 27 m fills about 22 pixels a metre of a 640 pixel picture, drawn at 3x."""
FLOOR, SHOP = 3.4, 4.2
GLASS: Colour = (74, 66, 56)


def _toned(colour: Colour, factor: float) -> tuple[float, float, float]:
    blue, green, red = (min(255.0, channel * factor) for channel in colour)
    return blue, green, red


class _Wall:
    """A drawing in metres: x along the wall, z up."""

    def __init__(self, width: float, height: float, colour: Colour) -> None:
        self.height = height
        shape = (round(height * PER_METRE), round(width * PER_METRE), 3)
        self.image: Image = np.full(shape, colour, dtype=np.uint8)

    def box(self, x: float, z: float, width: float, height: float, colour: tuple[float, float, float]) -> None:
        top_left = (round(x * PER_METRE), round((self.height - z - height) * PER_METRE))
        bottom_right = (round((x + width) * PER_METRE) - 1, round((self.height - z) * PER_METRE) - 1)
        cv2.rectangle(self.image, top_left, bottom_right, colour, cv2.FILLED)

    def slope(self, x: float, z: float, width: float, height: float, top: float, bottom: float) -> None:
        """Multiply a part by brightness from ``top`` to ``bottom``."""
        rows = slice(max(0, round((self.height - z - height) * PER_METRE)), round((self.height - z) * PER_METRE))
        columns = slice(max(0, round(x * PER_METRE)), round((x + width) * PER_METRE))
        part = self.image[rows, columns]
        ramp = np.linspace(top, bottom, part.shape[0])[:, None, None]
        self.image[rows, columns] = np.clip(part * ramp, 0, 255).astype(np.uint8)


def draw_facade(spec: FacadeSpec) -> Image:
    """The facade, (height, width, 3) at ``PER_METRE`` pixels a metre, lit evenly; its left end is ``spec.start``."""
    rng = np.random.default_rng(spec.seed)
    width = float(np.hypot(spec.end[0] - spec.start[0], spec.end[1] - spec.start[1]))
    wall = _Wall(width, spec.height, spec.colour)
    _texture(wall, rng)
    bays = max(1, round(width / spec.bay))
    bay = width / bays
    low = SHOP if spec.shops else 0.9
    for index in range(bays):
        if spec.shops:
            _shop(wall, spec, rng, index, index * bay, bay)
        floor = low + 0.9
        while floor + 1.9 < spec.height:
            _window(wall, spec, index * bay + bay / 2, floor, rng)
            floor += FLOOR
    wall.box(0.0, 0.0, width, 0.45, _toned(spec.colour, 0.62))
    wall.box(0.0, low - 0.05, width, 0.28, _toned(spec.trim, 1.0))
    wall.slope(0.0, low - 0.35, width, 0.3, 0.62, 1.0)
    wall.slope(0.0, 0.0, width, 1.2, 1.0, 0.72)
    return wall.image


def _texture(wall: _Wall, rng: np.random.Generator) -> None:
    rows, columns = wall.image.shape[:2]
    stains = cv2.resize(
        rng.normal(1.0, 0.06, (6, 24)).astype(np.float32), (columns, rows), interpolation=cv2.INTER_CUBIC
    )
    grain = cv2.resize(rng.normal(0.0, 0.025, (rows // 6 + 1, columns // 12 + 1)).astype(np.float32), (columns, rows))
    wall.image[:] = np.clip(wall.image * (stains + grain)[..., None], 0, 255).astype(np.uint8)


def _shop(wall: _Wall, spec: FacadeSpec, rng: np.random.Generator, index: int, x: float, bay: float) -> None:
    pillar, sign_z = 0.28, 3.15
    inner = bay - 2 * pillar
    left = x + pillar
    wall.box(left - 0.07, 0.0, inner + 0.14, 3.75, _toned(spec.trim, 0.55))
    inside = float(rng.uniform(0.75, 1.5))
    wall.box(left, 0.5, inner, sign_z - 0.5, _toned(GLASS, inside))
    for _ in range(int(rng.integers(3, 7))):
        # Goods and people's heads behind the glass: blurred lumps of colour.
        goods = tuple(float(channel) for channel in rng.uniform(50, 150, 3))
        at = left + float(rng.uniform(0.1, inner - 0.6))
        wall.box(at, 0.6, float(rng.uniform(0.25, 0.5)), float(rng.uniform(0.3, 1.2)), (goods[0], goods[1], goods[2]))
    rows = slice(round((wall.height - sign_z) * PER_METRE), round((wall.height - 0.5) * PER_METRE))
    columns = slice(round(left * PER_METRE), round((left + inner) * PER_METRE))
    wall.image[rows, columns] = cv2.GaussianBlur(wall.image[rows, columns], (0, 0), 5)
    wall.slope(left, 1.6, inner, sign_z - 1.6, 1.9, 1.0)
    for share in (0.0, 0.5, 1.0) if index % 3 else (0.0, 0.3, 0.7, 1.0):
        wall.box(left + share * (inner - 0.07), 0.45, 0.07, sign_z - 0.45, _toned(spec.trim, 0.5))
    if index % 3 == 0:
        wall.box(left + 0.32 * inner, 0.02, 0.36 * inner, 2.45, (46, 42, 38))
        wall.box(left + 0.36 * inner, 0.1, 0.28 * inner, 2.2, _toned(GLASS, 0.75))
    else:
        wall.box(left, 0.0, inner, 0.5, _toned(spec.trim, 0.62))
    palette = spec.awnings or (spec.trim,)
    colour = palette[int(rng.integers(len(palette)))]
    wall.box(left, sign_z, inner, 0.55, _toned(colour, 0.85))
    letters = float(rng.uniform(0.3, 0.5)) * inner
    at = left + (inner - letters) / 2
    while letters > 0.2:
        wide = float(rng.uniform(0.12, 0.26))
        wall.box(at, sign_z + 0.17, min(wide, letters), 0.22, (215, 222, 226))
        at, letters = at + wide + 0.06, letters - wide - 0.06
    if spec.awnings and rng.random() < 0.6:
        stripes = 8
        for stripe in range(stripes):
            tone = _toned(colour, 1.05) if stripe % 2 == 0 else (214.0, 222.0, 226.0)
            wall.box(left - 0.1 + stripe * (inner + 0.2) / stripes, 2.45, (inner + 0.2) / stripes, 0.75, tone)
        wall.slope(left - 0.1, 2.45, inner + 0.2, 0.75, 1.1, 0.85)
        wall.slope(left - 0.1, 1.35, inner + 0.2, 1.1, 0.5, 0.85)


def _window(wall: _Wall, spec: FacadeSpec, middle: float, z: float, rng: np.random.Generator) -> None:
    wall.box(middle - 0.72, z - 0.12, 1.44, 2.0, _toned(spec.trim, 0.95))
    wall.box(middle - 0.6, z, 1.2, 1.76, _toned(GLASS, float(rng.uniform(0.8, 1.5))))
    wall.slope(middle - 0.6, z, 1.2, 1.76, 1.5, 0.8)
    wall.box(middle - 0.03, z, 0.06, 1.76, _toned(spec.trim, 0.8))
    wall.box(middle - 0.6, z + 1.1, 1.2, 0.06, _toned(spec.trim, 0.8))
    wall.box(middle - 0.8, z - 0.2, 1.6, 0.1, _toned(spec.trim, 1.0))
