"""How an actor looks: a person of limbs and clothes, with the gear of what it does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.arrays import Float64, Image
from training.virtual.actor import Actor, ActorLook
from training.virtual.brush import ShadowBrush, SolidBrush, Tone, toned
from training.virtual.camera import NEAR, Camera
from training.virtual.gear import GEAR, reach
from training.virtual.light import Light
from training.virtual.paint import Sprite, capsules, fill, fixed, hull
from training.virtual.skeleton import Joint

LARGE = 150.0
"""Figures are drawn at least so tall, in pixels, and averaged down: thin limbs stay smooth."""
MAX_ZOOM = 4
ROUNDNESS = 0.17
"""How much brighter the side to the sun is, and darker the other, of 0.5."""
SHOE: Tone = (38.0, 38.0, 42.0)

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
_CASTING = np.array([index for index in range(len(_LIMBS)) if index % _PER_SIDE != 2])
"""The limbs whose shadows can be told: all but the feet."""
_TRUNK = np.array([Joint.SHOULDER_L, Joint.SHOULDER_R, Joint.HIP_L, Joint.HIP_R])
_STRIPES = ((0.1, 0.2), (0.32, 0.42), (0.54, 0.64), (0.76, 0.86))
_TRUNK_RADII = np.array([0.040, 0.040, 0.056, 0.056])


@dataclass(frozen=True)
class Figure:
    """An actor as drawn in one frame: its sprite, and the joints it was drawn from."""

    sprite: Sprite
    joints: Float64


class FigurePainter:
    """Draws actors as one camera sees them in one light."""

    def __init__(self, camera: Camera, light: Light) -> None:
        self.camera = camera
        self.light = light
        sun = camera.axes[:2] @ light.to_sun
        self._sun = sun / max(float(np.hypot(sun[0], sun[1])), 1e-9)

    def shadow(self, actor: Actor, joints: Float64, mask: Image) -> None:
        """Draw its shadow on the ground, 255 on (H, W) ``mask``."""
        brush = ShadowBrush(mask, self.camera, self.light)
        height, build = actor.look.height, actor.look.build
        pixels, scale = brush.pixels(joints)
        radii = height * 0.85 * scale
        first, second = _FIRST[_CASTING], _SECOND[_CASTING]
        one, two = _ONE[_CASTING] * radii[first], _TWO[_CASTING] * radii[second]
        for outline in fixed(capsules(pixels[first], pixels[second], np.maximum(one, 0.6), np.maximum(two, 0.6))):
            cv2.fillConvexPoly(mask, outline, (255,), cv2.LINE_AA, 4)
        fill(mask, hull(pixels[_TRUNK], build * _TRUNK_RADII * radii[_TRUNK]), (255,))
        top = [Joint.CHEST, Joint.HEAD]
        fill(mask, hull(pixels[top], np.array([0.03, 0.06]) * radii[top]), (255,))
        if actor.action.gear:
            GEAR[actor.action.gear].draw(brush, actor, joints, lambda: None)

    def draw(self, actor: Actor, joints: Float64, brightness: Float64) -> Sprite | None:
        """Its picture, or None where it is out of sight.

        Args:
            actor: Who it is of.
            joints: (JOINTS, 3) metres.
            brightness: (3,), times its colours: the light that falls where it stands.
        """
        extent = np.vstack([joints, reach(actor)]) if actor.action.gear else joints
        pixels, depth = self.camera.project(extent)
        if float(depth.min()) < 2.0 * NEAR:
            return None
        per_metre = self.camera.focal / float(depth.mean())
        margin = 0.09 * actor.look.height * per_metre + 2.0
        left, top = np.floor(pixels.min(axis=0) - margin)
        right, bottom = np.ceil(pixels.max(axis=0) + margin)
        if right < 0 or bottom < 0 or left >= self.camera.width or top >= self.camera.height:
            return None
        zoom = int(np.clip(math.ceil(LARGE / (actor.look.height * per_metre)), 2, MAX_ZOOM))
        width, height = int(right - left), int(bottom - top)
        canvas: Image = np.zeros((height * zoom, width * zoom, 4), dtype=np.uint8)
        brush = SolidBrush(canvas, self.camera, self.light, zoom, (left, top))
        if actor.action.gear:
            GEAR[actor.action.gear].draw(brush, actor, joints, lambda: self._person(brush, actor, joints))
        else:
            self._person(brush, actor, joints)
        small = np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        sprite = Sprite.cut(small, int(left), int(top))
        if sprite is not None:
            self._light_up(sprite.image, per_metre, brightness)
        return sprite

    def _light_up(self, image: Image, per_metre: float, brightness: Float64) -> None:
        """Brighter towards the sun, darker away from it, as a round body is."""
        alpha = image[..., 3]
        soft = cv2.blur(alpha, (max(3, 2 * round(0.06 * per_metre) + 1),) * 2)
        across, down = (round(part) for part in max(1.0, 0.07 * per_metre) * self._sun)
        pad = max(abs(across), abs(down))
        wide = cv2.copyMakeBorder(soft, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
        rows, columns = alpha.shape
        ahead = wide[pad + down : pad + down + rows, pad + across : pad + across + columns]
        behind = wide[pad - down : pad - down + rows, pad - across : pad - across + columns]
        # 128 is as it is; bytes all the way, which is four times faster here than floats.
        lit = cv2.addWeighted(behind, ROUNDNESS, ahead, -ROUNDNESS, 128.0)
        tinted = cv2.merge([cv2.convertScaleAbs(lit, alpha=float(part)) for part in brightness])
        colours = cv2.multiply(np.ascontiguousarray(image[..., :3]), tinted, scale=1.0 / 128.0)
        # Premultiplied: no channel may exceed its alpha.
        image[..., :3] = cv2.min(colours, cv2.merge([alpha, alpha, alpha]))

    # A person

    def _person(self, brush: SolidBrush, actor: Actor, joints: Float64) -> None:
        look = actor.look
        facing, up = _axes(joints)
        side_far = 0 if np.hypot(*joints[Joint.HIP_L, :2]) > np.hypot(*joints[Joint.HIP_R, :2]) else 1
        side_near = 1 - side_far
        towards = float(facing @ (self.camera.position - joints[Joint.CHEST])) > 0.0
        # Everything is projected at once: a call for each part would cost more than the drawing.
        points = np.vstack([joints, _extras(joints, facing, up, look.height, side_near)])
        pixels, scale = brush.pixels(points)
        radii = look.height * scale
        outlines = fixed(
            capsules(
                pixels[_FIRST],
                pixels[_SECOND],
                look.build * _ONE * radii[_FIRST],
                look.build * _TWO * radii[_SECOND],
            )
        )
        canvas = _Canvas(brush.image, pixels, radii, outlines, look)
        canvas.arm(side_far, 0.78)
        canvas.leg(side_far, 0.80)
        canvas.leg(side_near, 1.0)
        if look.bag == "backpack" and towards:
            canvas.backpack()
        canvas.trunk()
        if look.bag == "backpack" and not towards:
            canvas.backpack()
        canvas.arm(side_near, 0.93)
        if look.bag == "bag" and actor.action.gear is None:
            canvas.ring_of((_BAG, _BAG + 1), (0.042, 0.042), (44.0, 54.0, 74.0))
        centres = points[_FACE : _LOCKS + 1]
        away = ((centres - self.camera.position) ** 2).sum(axis=1)
        canvas.head([_FACE + int(lobe) for lobe in np.argsort(-away)])


# Points beside the joints, after them in the list.
_FACE, _BROW, _HAIR, _LOCKS = (len(Joint) + k for k in range(4))
_CAP, _PACK, _BAG = len(Joint) + 4, len(Joint) + 6, len(Joint) + 8


def _extras(joints: Float64, facing: Float64, up: Float64, height: float, near: int) -> Float64:
    """(10, 3) metres: four lobes of the head, two of what is on it, two of the backpack, two of the bag."""
    head, back = joints[Joint.HEAD], joints[Joint.CHEST] - facing * (0.075 * height)
    hand = joints[Joint.HAND_L + near] - up * (0.09 * height)
    f, u = facing * height, up * height
    return np.stack(
        [
            head + 0.014 * f - 0.014 * u,
            head + 0.010 * f + 0.008 * u,
            head - 0.014 * f + 0.012 * u,
            head - 0.030 * f - 0.040 * u,
            head + 0.040 * u,
            head + 0.052 * u - 0.010 * f,
            back - 0.03 * u,
            back - 0.20 * u,
            hand - 0.045 * f,
            hand + 0.045 * f,
        ]
    )


@dataclass(frozen=True)
class _Canvas:
    """One person on its picture: (P, 2) pixels of its points, their (P,) pixels for its height, limb outlines."""

    image: Image
    pixels: Float64
    radii: Float64
    outlines: NDArray[np.int32]
    look: ActorLook

    def leg(self, side: int, factor: float) -> None:
        trousers = toned(self.look.bottom_colour, factor)
        for limb, tone in ((2, SHOE), (1, trousers), (0, trousers)):
            _limb(self.image, self.outlines[_PER_SIDE * side + limb], tone)

    def arm(self, side: int, factor: float) -> None:
        self.dot(Joint.HAND_L + side, _HAND, self.look.skin)
        sleeve = toned(self.look.top_colour, factor)
        for limb in (4, 3):
            _limb(self.image, self.outlines[_PER_SIDE * side + limb], sleeve)

    def dot(self, point: int, radius: float, tone: Tone) -> None:
        centre = fixed(self.pixels[point])
        size = max(1, round(radius * float(self.radii[point]) * 16))
        cv2.circle(self.image, (int(centre[0]), int(centre[1])), size, _paint(tone), cv2.FILLED, cv2.LINE_AA, 4)

    def ring_of(self, points: tuple[int, ...], radii: tuple[float, ...], tone: Tone) -> None:
        """Fill the hull around discs."""
        at = list(points)
        fill(self.image, hull(self.pixels[at], np.array(radii) * self.radii[at]), _paint(tone))

    def trunk(self) -> None:
        look = self.look
        self.ring_of((Joint.CHEST, Joint.HEAD), (0.030, 0.030), toned(look.skin, 0.85))
        points, sizes = self.pixels[_TRUNK], look.build * _TRUNK_RADII * self.radii[_TRUNK]
        if look.garment == "coat":
            hips, knees = self.pixels[Joint.HIP_L : Joint.HIP_R + 1], self.pixels[Joint.KNEE_L : Joint.KNEE_R + 1]
            points = np.vstack([points, hips * 0.45 + knees * 0.55])
            sizes = np.concatenate([sizes, np.full(2, look.build * 0.054 * self.radii[Joint.KNEE_L])])
        outline = hull(points, sizes)
        fill(self.image, outline, _paint(look.top_colour))
        if look.pattern != "plain":
            self.pattern(outline)

    def pattern(self, outline: Float64) -> None:
        """Stripes across the trunk, or one broad band, within its outline."""
        colour = self.look.top_colour
        lighter = (0.55 * colour[0] + 80.0, 0.55 * colour[1] + 80.0, 0.55 * colour[2] + 80.0)
        other = toned(colour, 0.62) if sum(colour) > 330 else lighter
        chest, waist = self.pixels[_TRUNK[:2]].mean(axis=0), self.pixels[_TRUNK[2:]].mean(axis=0)
        along = waist - chest
        across = np.array([-along[1], along[0]])
        shape = outline.astype(np.float32)
        banded = ((0.35, 0.6),)
        for start, end in banded if self.look.pattern == "banded" else _STRIPES:
            first, last = chest + along * start, chest + along * end
            strip = np.stack([first - across, first + across, last + across, last - across]).astype(np.float32)
            area, common = cv2.intersectConvexConvex(shape, strip)
            if area > 1.0 and common is not None:
                fill(self.image, np.asarray(common[:, 0], dtype=np.float64), _paint(other))

    def backpack(self) -> None:
        self.ring_of((_PACK, _PACK + 1), (0.070, 0.075), (60.0, 52.0, 46.0))
        self.dot(_PACK + 1, 0.05, (74.0, 64.0, 56.0))

    def head(self, lobes: list[int]) -> None:
        look = self.look
        for lobe in lobes:
            if lobe == _LOCKS and not look.long_hair:
                continue
            radius, tone = {
                _FACE: (0.046, look.skin),
                _BROW: (0.048, look.skin),
                _HAIR: (0.056, look.hair),
                _LOCKS: (0.050, look.hair),
            }[lobe]
            self.dot(lobe, radius, tone)
        cap = (0.052, 0.044) if look.hat else (0.040, 0.036)
        self.ring_of((_CAP, _CAP + 1), cap, toned(look.bottom_colour, 1.1) if look.hat else look.hair)


def _axes(joints: Float64) -> tuple[Float64, Float64]:
    """Where the chest faces, and along the trunk to the head: unit vectors."""
    # Written out: numpy's cross product takes ten times as long for a single one.
    x, y, z = (joints[Joint.CHEST] - joints[Joint.PELVIS]).tolist()
    length = max(math.sqrt(x * x + y * y + z * z), 1e-9)
    x, y, z = x / length, y / length, z / length
    a, b, c = (joints[Joint.SHOULDER_L] - joints[Joint.SHOULDER_R]).tolist()
    facing = np.array([b * z - c * y, c * x - a * z, a * y - b * x])
    return facing / max(math.sqrt(float(facing @ facing)), 1e-9), np.array([x, y, z])


def _paint(tone: tuple[float, ...]) -> tuple[float, float, float, float]:
    return tone[0], tone[1], tone[2], 255.0


def _limb(image: Image, outline: NDArray[np.int32], tone: Tone) -> None:
    cv2.fillConvexPoly(image, outline, _paint(tone), cv2.LINE_AA, 4)
