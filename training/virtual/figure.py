"""How an actor looks: a person of limbs and clothes, and what it rides."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.virtual.actions import CRANK, SADDLE, WHEEL
from training.virtual.actor import Actor
from training.virtual.brush import Brush, ShadowBrush, SolidBrush, Tone
from training.virtual.camera import NEAR, Camera
from training.virtual.light import Light
from training.virtual.paint import Image, Sprite, capsules, fill, fixed, hull
from training.virtual.skeleton import Joint

Array = NDArray[np.float64]

LARGE = 170.0
"""Figures are drawn at least so tall, in pixels, and averaged down: thin limbs stay smooth."""
MOST_ZOOM = 4
SHOE: Tone = (38.0, 38.0, 42.0)
STEEL: Tone = (120.0, 116.0, 112.0)
TYRE: Tone = (34.0, 34.0, 36.0)

# Limbs by pairs of joints, with the radius at each end as a share of the height. Left ones first.
_LEGS = ((Joint.HIP_L, Joint.KNEE_L, 0.050, 0.034), (Joint.KNEE_L, Joint.ANKLE_L, 0.034, 0.024))
_ARMS = ((Joint.SHOULDER_L, Joint.ELBOW_L, 0.031, 0.025), (Joint.ELBOW_L, Joint.HAND_L, 0.025, 0.018))
_FOOT = (Joint.ANKLE_L, Joint.TOE_L, 0.022, 0.017)
_HAND = 0.021
_LIMBS = [
    (first + side, second + side, one, two) for side in (0, 1) for first, second, one, two in (*_LEGS, _FOOT, *_ARMS)
]
_FIRST = np.array([limb[0] for limb in _LIMBS])
_SECOND = np.array([limb[1] for limb in _LIMBS])
_ONE = np.array([limb[2] for limb in _LIMBS])
_TWO = np.array([limb[3] for limb in _LIMBS])
_PER_SIDE = 5
_TRUNK = np.array([Joint.SHOULDER_L, Joint.SHOULDER_R, Joint.HIP_L, Joint.HIP_R])
_TRUNK_RADII = np.array([0.040, 0.040, 0.056, 0.056])


@dataclass(frozen=True)
class Figure:
    """An actor as drawn in one frame: its sprite, and the joints it was drawn from."""

    sprite: Sprite
    joints: Array


class FigurePainter:
    """Draws actors as one camera sees them in one light."""

    def __init__(self, camera: Camera, light: Light) -> None:
        self.camera = camera
        self.light = light
        sun = camera.axes[:2] @ light.to_sun
        self._sun = sun / max(float(np.hypot(sun[0], sun[1])), 1e-9)

    def shadow(self, actor: Actor, joints: Array, mask: Image) -> None:
        """Draw its shadow on the ground, 255 on (H, W) ``mask``."""
        brush = ShadowBrush(mask, self.camera, self.light)
        height, build = actor.look.height, actor.look.build
        pixels, scale = brush.pixels(joints)
        radii = height * 0.85 * scale
        limbs = capsules(
            pixels[_FIRST],
            pixels[_SECOND],
            np.maximum(_ONE * radii[_FIRST], 0.6),
            np.maximum(_TWO * radii[_SECOND], 0.6),
        )
        for outline in fixed(limbs):
            cv2.fillConvexPoly(mask, outline, (255,), cv2.LINE_AA, 4)
        fill(mask, hull(pixels[_TRUNK], build * _TRUNK_RADII * radii[_TRUNK]), (255,))
        fill(mask, hull(pixels[Joint.HEAD][None], np.array([0.06 * radii[Joint.HEAD]])), (255,))
        if actor.action.vehicle:
            _VEHICLES[actor.action.vehicle](brush, actor, None)

    def draw(self, actor: Actor, joints: Array, brightness: Array) -> Sprite | None:
        """Its picture, or None where it is out of sight.

        Args:
            joints: (JOINTS, 3) metres.
            brightness: (3,), times its colours: the light that falls where it stands.
        """
        extent = np.vstack([joints, _reach(actor)]) if actor.action.vehicle else joints
        pixels, depth = self.camera.project(extent)
        if float(depth.min()) < 2.0 * NEAR:
            return None
        per_metre = self.camera.focal / float(depth.mean())
        margin = 0.2 * actor.look.height * per_metre + 2.0
        left, top = np.floor(pixels.min(axis=0) - margin)
        right, bottom = np.ceil(pixels.max(axis=0) + margin)
        if right < 0 or bottom < 0 or left >= self.camera.width or top >= self.camera.height:
            return None
        zoom = int(np.clip(math.ceil(LARGE / (actor.look.height * per_metre)), 2, MOST_ZOOM))
        width, height = int(right - left), int(bottom - top)
        canvas: Image = np.zeros((height * zoom, width * zoom, 4), dtype=np.uint8)
        brush = SolidBrush(canvas, self.camera, self.light, zoom, (left, top))
        if actor.action.vehicle:
            _VEHICLES[actor.action.vehicle](brush, actor, lambda: self._person(brush, actor, joints))
        else:
            self._person(brush, actor, joints)
        small = np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        sprite = Sprite.cut(small, int(left), int(top))
        if sprite is not None:
            self._light_up(sprite.image, per_metre, brightness)
        return sprite

    def _light_up(self, image: Image, per_metre: float, brightness: Array) -> None:
        """Brighter towards the sun, darker away from it, as a round body is."""
        alpha = image[..., 3].astype(np.float32)
        soft = cv2.GaussianBlur(alpha, (0, 0), max(0.6, 0.06 * per_metre))
        move = max(1.0, 0.07 * per_metre) * self._sun
        shift = np.array([[1.0, 0.0, move[0]], [0.0, 1.0, move[1]]], dtype=np.float32)
        back = np.array([[1.0, 0.0, -move[0]], [0.0, 1.0, -move[1]]], dtype=np.float32)
        size = (image.shape[1], image.shape[0])
        slope = cv2.warpAffine(soft, back, size) - cv2.warpAffine(soft, shift, size)
        lit = 1.0 - np.clip(slope, -255.0, 255.0) * np.float32(0.34 / 255.0)
        colours = image[..., :3] * lit[..., None] * brightness.astype(np.float32)
        image[..., :3] = np.minimum(colours, alpha[..., None]).astype(np.uint8)

    # A person

    def _person(self, brush: SolidBrush, actor: Actor, joints: Array) -> None:
        look = actor.look
        pixels, scale = brush.pixels(joints)
        radii = look.height * scale
        build = look.build
        outlines = fixed(
            capsules(pixels[_FIRST], pixels[_SECOND], build * _ONE * radii[_FIRST], build * _TWO * radii[_SECOND])
        )
        away = np.hypot(joints[:, 0], joints[:, 1])
        facing, up = _axes(joints)
        towards = float(facing @ (self.camera.position - joints[Joint.CHEST])) > 0.0
        far, near = (0, 1) if away[Joint.HIP_L] > away[Joint.HIP_R] else (1, 0)
        trousers, sleeve = look.bottom_colour, look.top_colour
        skirted = look.garment == "coat"
        self._arm(brush, outlines, pixels, radii, far, look.skin, _tone(sleeve, 0.78))
        for side, factor in ((far, 0.80), (near, 1.0)):
            for limb, tone in ((2, SHOE), (1, _tone(trousers, factor)), (0, _tone(trousers, factor))):
                _limb(brush.image, outlines[_PER_SIDE * side + limb], tone)
        if look.bag == "backpack" and towards:
            self._backpack(brush, joints, facing, up, look.height)
        self._trunk(brush, actor, joints, pixels, radii, skirted)
        if look.bag == "backpack" and not towards:
            self._backpack(brush, joints, facing, up, look.height)
        self._arm(brush, outlines, pixels, radii, near, look.skin, _tone(sleeve, 0.93))
        if look.bag == "bag" and actor.action.vehicle is None:
            hand = joints[Joint.HAND_L + near] - up * 0.16
            at, size = brush.pixels(np.stack([hand - facing * 0.12, hand + facing * 0.12]))
            fill(brush.image, hull(at, 0.09 * size), _paint((48.0, 62.0, 88.0)))
        self._head(brush, actor, joints, facing, up)

    def _arm(
        self,
        brush: SolidBrush,
        outlines: NDArray[np.int32],
        pixels: Array,
        radii: Array,
        side: int,
        skin: Tone,
        sleeve: Tone,
    ) -> None:
        hand = Joint.HAND_L + side
        fill(brush.image, hull(pixels[hand][None], np.array([_HAND * radii[hand]])), _paint(skin))
        for limb in (4, 3):
            _limb(brush.image, outlines[_PER_SIDE * side + limb], sleeve)

    def _trunk(
        self, brush: SolidBrush, actor: Actor, joints: Array, pixels: Array, radii: Array, skirted: bool
    ) -> None:
        look = actor.look
        neck = np.stack([joints[Joint.CHEST], joints[Joint.HEAD]])
        at, size = brush.pixels(neck)
        fill(brush.image, hull(at, 0.030 * look.height * size), _paint(_tone(look.skin, 0.85)))
        points, sizes = pixels[_TRUNK], look.build * _TRUNK_RADII * radii[_TRUNK]
        if skirted:
            share = 0.55
            hems = [pixels[Joint.HIP_L + side] * (1 - share) + pixels[Joint.KNEE_L + side] * share for side in (0, 1)]
            points = np.vstack([points, hems])
            sizes = np.concatenate([sizes, np.full(2, look.build * 0.054 * radii[Joint.KNEE_L])])
        outline = hull(points, sizes)
        fill(brush.image, outline, _paint(look.top_colour))
        if look.pattern != "plain":
            self._pattern(brush.image, look.pattern, look.top_colour, pixels, outline)
        if not skirted:
            belt = hull(pixels[_TRUNK[2:]], look.build * 0.050 * radii[_TRUNK[2:]])
            fill(brush.image, belt, _paint(_tone(look.bottom_colour, 0.9)))

    def _pattern(self, image: Image, pattern: str, colour: Tone, pixels: Array, outline: Array) -> None:
        """Stripes across the trunk, or one broad band, within its outline."""
        bright = sum(colour) > 330.0
        other = _paint(_tone(colour, 0.62) if bright else tuple(0.55 * channel + 95.0 for channel in colour))
        chest = pixels[_TRUNK[:2]].mean(axis=0)
        waist = pixels[_TRUNK[2:]].mean(axis=0)
        low, high = outline.min(axis=0).astype(int), outline.max(axis=0).astype(int) + 2
        low = np.maximum(low, 0)
        part = image[low[1] : high[1], low[0] : high[0]]
        if part.size == 0:
            return
        inside = np.zeros(part.shape[:2], np.uint8)
        fill(inside, outline - low, (255,))
        over = part.copy()
        along = waist - chest
        across = np.array([-along[1], along[0]])
        bands = ((0.35, 0.6),) if pattern == "banded" else ((0.1, 0.2), (0.32, 0.42), (0.54, 0.64), (0.76, 0.86))
        for start, end in bands:
            first, last = chest + along * start - low, chest + along * end - low
            fill(over, np.stack([first - across, first + across, last + across, last - across]), other)
        part[inside > 127] = over[inside > 127]

    def _backpack(self, brush: SolidBrush, joints: Array, facing: Array, up: Array, height: float) -> None:
        back = joints[Joint.CHEST] - facing * (0.075 * height)
        at, size = brush.pixels(np.stack([back - up * (0.03 * height), back - up * (0.20 * height)]))
        fill(brush.image, hull(at, 0.075 * height * size), _paint((60.0, 52.0, 46.0)))
        fill(brush.image, hull(at[1:], 0.05 * height * size[1:]), _paint((74.0, 64.0, 56.0)))

    def _head(self, brush: SolidBrush, actor: Actor, joints: Array, facing: Array, up: Array) -> None:
        look = actor.look
        height = look.height
        head = joints[Joint.HEAD]
        lobes = [
            (head + facing * (0.014 * height) - up * (0.014 * height), 0.046, look.skin),
            (head + facing * (0.010 * height) + up * (0.008 * height), 0.048, look.skin),
            (head - facing * (0.014 * height) + up * (0.012 * height), 0.056, look.hair),
        ]
        if look.long_hair:
            lobes.append((head - facing * (0.030 * height) - up * (0.040 * height), 0.050, look.hair))
        lobes.sort(key=lambda lobe: -float(np.linalg.norm(lobe[0] - self.camera.position)))
        for centre, radius, colour in lobes:
            at, size = brush.pixels(centre[None])
            fill(brush.image, hull(at, radius * height * size), _paint(colour))
        crown = np.stack([head + up * (0.040 * height), head + up * (0.052 * height) - facing * (0.01 * height)])
        at, size = brush.pixels(crown)
        if look.hat:
            fill(
                brush.image, hull(at, np.array([0.052, 0.044]) * height * size), _paint(_tone(look.bottom_colour, 1.1))
            )
        else:
            fill(brush.image, hull(at, np.array([0.040, 0.036]) * height * size), _paint(look.hair))


def _axes(joints: Array) -> tuple[Array, Array]:
    """Where the chest faces, and along the trunk to the head: unit vectors."""
    up = joints[Joint.CHEST] - joints[Joint.PELVIS]
    up = up / max(math.sqrt(float(up @ up)), 1e-9)
    facing = np.cross(joints[Joint.SHOULDER_L] - joints[Joint.SHOULDER_R], up)
    return facing / max(math.sqrt(float(facing @ facing)), 1e-9), up


def _tone(colour: Tone | tuple[int, ...], factor: float) -> Tone:
    blue, green, red = colour
    return min(255.0, blue * factor), min(255.0, green * factor), min(255.0, red * factor)


def _paint(tone: tuple[float, ...]) -> tuple[float, float, float, float]:
    return tone[0], tone[1], tone[2], 255.0


def _limb(image: Image, outline: NDArray[np.int32], tone: Tone) -> None:
    cv2.fillConvexPoly(image, outline, _paint(tone), cv2.LINE_AA, 4)


# Vehicles: drawn around the rider


def _reach(actor: Actor) -> Array:
    """Corners of the room a vehicle takes, in world metres."""
    long, wide, tall = _SIZES[actor.action.vehicle or ""]
    corners = [[x, y, z] for x in (-long, long) for y in (-wide, wide) for z in (0.0, tall)]
    return actor.to_world(np.array(corners))


def _bicycle(brush: Brush, actor: Actor, rider: object) -> None:
    frame = _tone(actor.look.bottom_colour, 1.5)
    points = {
        "rear": (-0.53, 0, WHEEL), "front": (0.53, 0, WHEEL), "crank": tuple(CRANK), "saddle": (-0.22, 0, SADDLE - 0.05),
        "seat": (-0.17, 0, 0.72), "head": (0.36, 0, 0.78), "bars": (0.38, 0, 1.0),
        "left": (0.40, 0.25, 1.02), "right": (0.40, -0.25, 1.02), "nose": (0.0, 0, SADDLE - 0.05),
    }  # fmt: skip
    names = list(points)
    world = dict(zip(names, actor.to_world(np.array([points[name] for name in names])), strict=True))
    axis = np.array([-math.sin(actor.heading), math.cos(actor.heading), 0.0])
    for wheel in ("rear", "front"):
        brush.ring(world[wheel], axis, WHEEL, 0.045, TYRE)
        brush.ring(world[wheel], axis, 0.05, 0.05, STEEL)
    for first, second in (
        ("rear", "crank"), ("rear", "seat"), ("seat", "crank"), ("crank", "head"), ("seat", "head"),
        ("head", "front"), ("seat", "saddle"), ("head", "bars"), ("left", "right"), ("saddle", "nose"),
    ):  # fmt: skip
        tone = TYRE if second in ("nose", "right") else frame
        brush.rod(world[first], world[second], 0.022, 0.022, tone)
    if callable(rider):
        rider()


def _cart(brush: Brush, actor: Actor, rider: object) -> None:
    body: Tone = (214.0, 216.0, 214.0)
    stripe: Tone = _tone(actor.look.top_colour, 1.0)
    turn = actor.heading
    axis = np.array([-math.sin(turn), math.cos(turn), 0.0])

    def at(x: float, y: float, z: float) -> Array:
        return np.asarray(actor.to_world(np.array([[x, y, z]]))[0])

    def wheels(side: float) -> None:
        for x in (-0.75, 0.78):
            brush.ring(at(x, 0.56 * side, 0.24), axis, 0.19, 0.13, TYRE)
            brush.ring(at(x, 0.58 * side, 0.24), axis, 0.06, 0.08, STEEL)

    def posts(x: float) -> None:
        for side in (-0.55, 0.55):
            brush.rod(at(x, side, 0.6), at(x - 0.05, side, 1.95), 0.025, 0.025, STEEL)

    def cargo() -> None:
        brush.box(at(-0.85, 0.0, 0.62), (0.85, 1.1, 0.75), turn, stripe)

    def front() -> None:
        posts(0.72)
        brush.box(at(0.92, 0.0, 0.28), (0.4, 1.06, 0.52), turn, body)

    seen = brush.camera.position if isinstance(brush, SolidBrush) else np.zeros(3)
    ahead = np.array([math.cos(turn), math.sin(turn), 0.0])
    from_front = float(ahead @ (seen - np.array([*actor.position, 0.0]))) > 0.0
    near = 1.0 if float(axis @ (seen - np.array([*actor.position, 0.0]))) > 0.0 else -1.0
    wheels(-near)
    brush.box(at(0.0, 0.0, 0.25), (2.2, 1.06, 0.32), turn, body)
    brush.box(at(-0.05, 0.0, 0.57), (0.5, 1.0, 0.2), turn, TYRE)
    parts = [cargo, lambda: rider() if callable(rider) else None, front]
    for part in parts if from_front else parts[::-1]:
        part()
    posts(-0.4)
    wheels(near)
    brush.box(at(0.12, 0.0, 1.95), (1.35, 1.2, 0.07), turn, body)


_VEHICLES = {"bicycle": _bicycle, "cart": _cart}
_SIZES = {"bicycle": (0.9, 0.3, 1.1), "cart": (1.4, 0.7, 2.05)}
