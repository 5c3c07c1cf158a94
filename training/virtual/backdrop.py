"""What does not move, drawn once: the ground, the facades, the props and their shadows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from models.arrays import Float64, Image
from training.virtual.brush import ShadowBrush, SolidBrush
from training.virtual.camera import Camera
from training.virtual.facade import PER_METRE, draw_facade
from training.virtual.light import Light
from training.virtual.paint import Sprite, fill
from training.virtual.props import PROPS, PropFrame, draw_crown, draw_trunk
from training.virtual.scene import FacadeSpec, PavingSpec, PropSpec, Setting, StripSpec

ZOOM = 3
"""Drawn so many times larger and averaged down."""
OVERCAST = 0.72
"""Brightness under a thick cloud, of that in the sun."""
CROWN_LAYERS = ((-1.0, 0.35), (0.35, 0.62), (0.62, 2.0))
"""Parts of a tree's crown, by height, that sway apart."""


@dataclass(frozen=True)
class Occluder:
    """Something that hides what is behind it."""

    sprite: Sprite
    ends: tuple[Float64, Float64] | None
    """The ground line of a wall; None for a thing."""
    at: Float64
    """(2,) metres: where a thing stands."""

    def hides(self, point: Float64, camera: Float64) -> bool:
        """Whether what stands at ``point`` is behind it for a camera above ``camera``, (2,) metres each."""
        if self.ends is None:
            return bool(np.hypot(*(point - camera)) > np.hypot(*(self.at - camera)))
        start, end = self.ends
        return _side(start, end, point) * _side(start, end, camera) < 0.0


def _side(start: Float64, end: Float64, point: Float64) -> float:
    along, to = end - start, point - start
    return float(along[0] * to[1] - along[1] * to[0])


@dataclass(frozen=True)
class Tree:
    """A tree in the wind: the layers of its crown, and the shadow of it."""

    spec: PropSpec
    occluder: Occluder
    """The trunk."""
    crown: tuple[Sprite, ...]
    shadow: Image
    """(h, w) uint8: the part of the frame at ``shadow_box``, its left, top, width and height."""
    shadow_box: tuple[int, int, int, int]
    pivot: tuple[float, float]
    """The pixel about which the crown sways."""
    reach: float
    """Pixels that the top moves at most."""


@dataclass(frozen=True)
class Backdrop:
    """The still part of the picture in two kinds of light."""

    sunny: Image
    """(H, W, 3) uint8, in full sun; cloudy: under a thick cloud."""
    cloudy: Image
    sunlit: Image
    """(H, W) uint8: 255 where the sun reaches the ground, 0 in a shadow that does not move and off the ground."""
    occluders: tuple[Occluder, ...]
    trees: tuple[Tree, ...]


def draw_backdrop(scene: Setting, size: tuple[int, int]) -> Backdrop:
    """Draw it for a frame of ``size`` (width, height).

    The last few are kept, as it takes two seconds and the clips of a data set share one: treat it as read-only.
    """
    return _drawn(scene.model_dump_json(include=set(Setting.model_fields)), size)


@lru_cache(maxsize=4)
def _drawn(description: str, size: tuple[int, int]) -> Backdrop:
    setting = Setting.model_validate_json(description)
    return _Painter(setting, size, Light(setting.light)).draw()


class _Painter:
    def __init__(self, scene: Setting, size: tuple[int, int], light: Light) -> None:
        self.scene, self.light = scene, light
        self.width, self.height = size
        self.camera = Camera(scene.camera, size)
        self.large = (self.height * ZOOM, self.width * ZOOM)

    def draw(self) -> Backdrop:
        albedo, on_ground = self._ground()
        shadow = self._still_shadows()
        in_shade = self.light.in_shade.astype(np.float32)
        in_sun = self.light.in_sun.astype(np.float32)
        share = (shadow.astype(np.float32) / 255.0)[..., None]
        sunny = albedo * (in_sun * (1.0 - share) + in_shade * share)
        cloudy = albedo * np.float32(OVERCAST)
        walls: list[Occluder] = []
        for spec in sorted(self.scene.facades, key=lambda spec: -max(spec.start[1], spec.end[1])):
            wall = self._wall(spec, sunny, cloudy)
            if wall is not None:
                walls.append(wall)
        small_sunny, small_cloudy = self._small(sunny), self._small(cloudy)
        lit = self._averaged(np.where(on_ground, 255 - shadow, 0).astype(np.uint8))
        things, trees = self._things(small_sunny, small_cloudy)
        return Backdrop(small_sunny, small_cloudy, lit, (*walls, *things), tuple(trees))

    def _size(self) -> tuple[int, int]:
        return self.width, self.height

    def _averaged(self, image: Image) -> Image:
        return np.asarray(cv2.resize(image, self._size(), interpolation=cv2.INTER_AREA), dtype=np.uint8)

    def _small(self, image: NDArray[np.float32]) -> Image:
        return np.clip(cv2.resize(image, self._size(), interpolation=cv2.INTER_AREA), 0, 255).astype(np.uint8)

    # Ground

    def _ground(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        rows, columns = self.large
        grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1)
        pixels = (grid + 0.5) / ZOOM - 0.5
        ground = self.camera.to_ground(pixels)
        on_ground = np.isfinite(ground[..., 0]) & (ground[..., 1] > 0) & (ground[..., 1] < 150.0)
        ground[~on_ground] = 0.0
        # A fine joint far away is thinner than a pixel: it fades by the share of the pixel that it covers.
        metres = ground.astype(np.float32)
        away = np.hypot(metres[..., 0], metres[..., 1]) + np.float32(1.0)
        slant = np.maximum(1.0, away / self.scene.camera.height)
        footprint = np.asarray(away / (self.camera.focal * ZOOM) * slant, dtype=np.float32)
        picture = _pave(self.scene.paving, metres, footprint)
        for strip in self.scene.strips:
            self._lay(strip, picture)
        picture[~on_ground] = (214.0, 200.0, 186.0)
        return picture.astype(np.float32), on_ground

    def _lay(self, spec: StripSpec, picture: NDArray[np.float32]) -> None:
        """Paint a strip on the ground, as stained as what is under it."""
        points = np.array(spec.points)
        lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        marks = np.linspace(0.0, lengths[-1], max(2, round(lengths[-1] / 0.5)))
        line = np.stack([np.interp(marks, lengths, points[:, axis]) for axis in (0, 1)], axis=1)
        along = np.gradient(line, axis=0)
        aside = np.stack([-along[:, 1], along[:, 0], np.zeros(len(line))], axis=1)
        aside *= 0.5 * spec.width / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
        middle = np.column_stack([line, np.zeros(len(line))])
        mask: Image = np.zeros(self.large, dtype=np.uint8)
        for index in range(len(line) - 1):
            first, last = slice(index, index + 1), slice(index + 1, index + 2)
            corners = np.vstack(
                [middle[first] - aside[first], middle[first] + aside[first],
                 middle[last] + aside[last], middle[last] - aside[last]]
            )  # fmt: skip
            pixels, depth = self.camera.project(corners)
            if depth.min() > 1.0:
                fill(mask, (pixels + 0.5) * ZOOM - 0.5, (255.0,))
        share = (mask.astype(np.float32) / 255.0)[..., None]
        stain = picture.mean(axis=2, keepdims=True) / np.float32(np.mean(self.scene.paving.colour))
        own = np.array(spec.colour, np.float32) * np.clip(stain, 0.7, 1.15)
        picture[:] = picture * (1.0 - share) + own * share

    def _still_shadows(self) -> Image:
        mask: Image = np.zeros(self.large, dtype=np.uint8)
        brush = ShadowBrush(mask, self.camera, self.light, ZOOM)
        for spec in self.scene.facades:
            corners = np.array(
                [[*spec.start, 0.0], [*spec.end, 0.0], [*spec.end, spec.height], [*spec.start, spec.height]]
            )
            fill(mask, brush.pixels(corners)[0], (255.0,))
        for prop in self.scene.props:
            if prop.sway > 0.0:
                draw_trunk(brush, PropFrame(prop), prop)
            else:
                PROPS[prop.kind](brush, PropFrame(prop), prop)
        soft = cv2.GaussianBlur(mask, (0, 0), 1.6 * ZOOM)
        return np.asarray(soft, dtype=np.uint8)

    # Walls

    def _wall(self, spec: FacadeSpec, sunny: NDArray[np.float32], cloudy: NDArray[np.float32]) -> Occluder | None:
        start, end = np.array(spec.start), np.array(spec.end)
        texture = draw_facade(spec).astype(np.float32)
        rows, columns = texture.shape[:2]
        corners = np.array([[*start, spec.height], [*end, spec.height], [*end, 0.0], [*start, 0.0]])
        pixels, depth = self.camera.project(corners)
        if (depth < 1.0).any():
            return None
        target = ((pixels + 0.5) * ZOOM - 0.5).astype(np.float32)
        source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], dtype=np.float32)
        scale = PER_METRE / (float(self.camera.focal / depth.min()) * ZOOM)
        if scale > 1.5:
            texture = np.asarray(cv2.GaussianBlur(texture, (0, 0), 0.4 * scale), dtype=np.float32)
        matrix = cv2.getPerspectiveTransform(source, target)
        where = (self.large[1], self.large[0])
        face = cv2.warpPerspective(texture, matrix, where, flags=cv2.INTER_LINEAR)
        mask: Image = np.zeros(self.large, dtype=np.uint8)
        fill(mask, target.astype(np.float64), (255.0,))
        along = (end - start) / np.hypot(*(end - start))
        normal = np.array([along[1], -along[0], 0.0])
        if normal[:2] @ (self.camera.position[:2] - start) < 0.0:
            normal = -normal
        lit = min(1.0, 1.3 * self.light.on_wall(normal))
        brightness = self.light.in_shade * (1.0 - lit) + self.light.in_sun * lit
        share = (mask.astype(np.float32) / 255.0)[..., None]
        sunny[:] = sunny * (1.0 - share) + face * brightness.astype(np.float32) * share
        cloudy[:] = cloudy * (1.0 - share) + face * np.float32(OVERCAST) * share
        sprite = Sprite.cut(np.repeat(self._averaged(mask)[..., None], 4, axis=2))
        return None if sprite is None else Occluder(sprite, (start, end), (start + end) / 2)

    # Props

    def _things(self, sunny: Image, cloudy: Image) -> tuple[list[Occluder], list[Tree]]:
        things: list[Occluder] = []
        trees: list[Tree] = []
        for spec in sorted(self.scene.props, key=lambda spec: -math.hypot(*spec.at)):
            place = PropFrame(spec)
            canvas = self._canvas()
            brush = SolidBrush(canvas, self.camera, self.light, ZOOM, (0.0, 0.0))
            if spec.sway > 0.0:
                draw_trunk(brush, place, spec)
            else:
                PROPS[spec.kind](brush, place, spec)
            sprite = self._sprite(canvas)
            if sprite is None:
                continue
            sprite.over(sunny)
            Sprite(sprite.x, sprite.y, _dimmed(sprite.image)).over(cloudy)
            occluder = Occluder(sprite, None, np.array(spec.at))
            things.append(occluder)
            if spec.sway > 0.0:
                trees.append(self._tree(spec, place, occluder))
        return things, trees

    def _tree(self, spec: PropSpec, place: PropFrame, occluder: Occluder) -> Tree:
        crown = []
        for share in CROWN_LAYERS:
            canvas = self._canvas()
            draw_crown(SolidBrush(canvas, self.camera, self.light, ZOOM, (0.0, 0.0)), place, spec, share)
            sprite = self._sprite(canvas)
            if sprite is not None:
                crown.append(sprite)
        shadow: Image = np.zeros(self.large, dtype=np.uint8)
        draw_crown(ShadowBrush(shadow, self.camera, self.light, ZOOM), place, spec, (-1.0, 2.0))
        soft = self._averaged(np.asarray(cv2.GaussianBlur(shadow, (0, 0), 1.2 * ZOOM), dtype=np.uint8))
        pixels, depth = self.camera.project(place(0.0, 0.0, 2.4)[None])
        reach = spec.sway * self.camera.scale(float(depth[0]))
        x, y, width, height = cv2.boundingRect(soft)
        left, right = max(0, x - 8), min(self.width, x + width + 8)
        box = (left, y, right - left, height)
        own = soft[y : y + height, left:right].copy()
        return Tree(spec, occluder, tuple(crown), own, box, (float(pixels[0, 0]), float(pixels[0, 1])), reach)

    def _canvas(self) -> Image:
        return np.zeros((*self.large, 4), dtype=np.uint8)

    def _sprite(self, canvas: Image) -> Sprite | None:
        return Sprite.cut(self._averaged(canvas))


def _dimmed(image: Image) -> Image:
    dim = image.copy()
    dim[..., :3] = cv2.convertScaleAbs(image[..., :3], alpha=0.82)
    return dim


def _pave(spec: PavingSpec, ground: NDArray[np.float32], footprint: NDArray[np.float32]) -> NDArray[np.float32]:
    # In single precision throughout: it is most of the time of drawing a backdrop.
    x, y = ground[..., 0], ground[..., 1]
    wide, deep = spec.slab
    row = np.floor(y / deep)
    shifted = x + 0.5 * wide * (row % 2)
    column = np.floor(shifted / wide)
    rng = np.random.default_rng(20)
    tones = rng.normal(0.0, 1.0, (64, 64)).astype(np.float32)
    tone = tones[(row.astype(int) * 7) % 64, (column.astype(int) * 5 + row.astype(int)) % 64]
    band = ((x % spec.band_every) < spec.band_width) | ((y % spec.band_every) < spec.band_width)
    base = np.where(band[..., None], np.array(spec.band_colour, np.float32), np.array(spec.colour, np.float32))
    fade = np.clip(0.25 / (footprint * 4.0 + 1e-9), 0.0, 1.0)
    factor = 1.0 + spec.variation * tone * fade
    joint = spec.joint
    for place, length in ((shifted, wide), (y, deep)):
        distance = np.abs((place / length + 0.5) % 1.0 - 0.5) * length
        cover = np.clip((joint + footprint / 2 - distance) / footprint, 0.0, 1.0) * np.clip(
            joint * 2 / footprint, 0.0, 1.0
        )
        factor -= 0.22 * cover
    coarse = rng.normal(0.0, 1.0, (60, 60)).astype(np.float32)
    stains = cv2.remap(
        cv2.GaussianBlur(coarse, (0, 0), 1.0),
        (x + 40.0) * 0.75 % 58.0,
        y * 0.75 % 58.0,
        cv2.INTER_LINEAR,
    )
    factor += 0.10 * stains
    return np.asarray(np.clip(base * factor[..., None], 0, 255), dtype=np.float32)
