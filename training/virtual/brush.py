"""Solid things from a few primitives, seen by a camera: as they look, or as the shadow they throw."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import cv2
import numpy as np

from models.arrays import Float64, Image
from training.virtual.camera import Camera
from training.virtual.light import Light
from training.virtual.paint import fill, hull, line

Tone = tuple[float, float, float]
"""Blue, green, red."""

_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)])
_FACES = (
    ((0, 1, 3, 2), (-1, 0, 0)),
    ((4, 6, 7, 5), (1, 0, 0)),
    ((0, 4, 5, 1), (0, -1, 0)),
    ((2, 3, 7, 6), (0, 1, 0)),
    ((1, 5, 7, 3), (0, 0, 1)),
)
_ROUND = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)


class Brush(Protocol):
    """What draws primitives given in world metres."""

    camera: Camera

    def ball(self, centre: Float64, radius: float, tone: Tone) -> None:
        """A ball."""

    def rod(self, start: Float64, end: Float64, radius: float, end_radius: float, tone: Tone) -> None:
        """A rod with round ends."""

    def box(self, foot: Float64, size: Sequence[float], turn: float, tone: Tone) -> None:
        """An upright box: the middle of its bottom, its length, width and height, and radians to the left."""

    def ring(self, centre: Float64, axis: Float64, radius: float, width: float, tone: Tone) -> None:
        """A thin ring, such as a tyre, around a unit vector."""

    def panel(self, points: Float64, tone: Tone) -> None:
        """A flat, convex piece, (N, 3) metres, seen from both sides."""


def box_corners(foot: Float64, size: Sequence[float], turn: float) -> Float64:
    """(8, 3) metres."""
    cosine, sine = math.cos(turn), math.sin(turn)
    corners = _CORNERS * np.asarray(size)
    x, y = corners[:, 0].copy(), corners[:, 1].copy()
    corners[:, 0], corners[:, 1] = x * cosine - y * sine, x * sine + y * cosine
    return np.asarray(corners + foot)


def ring_points(centre: Float64, axis: Float64, radius: float) -> Float64:
    """(24, 3) metres around the ring."""
    # Written out: numpy's cross product took a third of the time of drawing a backdrop.
    x, y, z = (float(part) for part in axis)
    flat = math.hypot(x, y)
    first = np.array([y / flat, -x / flat, 0.0]) if flat > 3e-5 else np.array([1.0, 0.0, 0.0])
    second = np.array([-z * first[1], z * first[0], x * first[1] - y * first[0]])
    return np.asarray(centre + radius * (np.cos(_ROUND)[:, None] * first + np.sin(_ROUND)[:, None] * second))


class SolidBrush:
    """Draws onto a BGRA picture of which one pixel is ``1 / zoom`` of the frame's, from ``origin`` on."""

    def __init__(self, image: Image, camera: Camera, light: Light, zoom: float, origin: tuple[float, float]) -> None:
        self.image = image
        self.camera = camera
        self.light = light
        self.zoom = zoom
        self._origin = np.asarray(origin, dtype=np.float64)

    def pixels(self, points: Float64) -> tuple[Float64, Float64]:
        """(N, 3) metres to pixels of this picture and the pixels that a metre has there."""
        pixels, depth = self.camera.project(points)
        scale = self.camera.focal / np.maximum(depth, 0.3) * self.zoom
        return (pixels - self._origin + 0.5) * self.zoom - 0.5, scale

    def ball(self, centre: Float64, radius: float, tone: Tone) -> None:
        """See `Brush`. Lit by a second, smaller and brighter ball towards the sun."""
        both, scale = self.pixels(np.stack([centre, centre + self.light.to_sun * (0.35 * radius)]))
        for at, size, factor in ((both[0], radius, 0.8), (both[1], 0.68 * radius, 1.0)):
            fill(self.image, hull(at[None], np.array([size * scale[0]])), _opaque(tone, factor))

    def rod(self, start: Float64, end: Float64, radius: float, end_radius: float, tone: Tone) -> None:
        """See `Brush`."""
        pixels, scale = self.pixels(np.stack([start, end]))
        radii = np.array([radius, end_radius])
        fill(self.image, hull(pixels, radii * scale), _opaque(tone, 0.72))
        aside = self.pixels(np.stack([start, end]) + self.light.to_sun * (0.4 * radii[:, None]))[0]
        fill(self.image, hull(aside, 0.55 * radii * scale), _opaque(tone, 1.0))

    def box(self, foot: Float64, size: Sequence[float], turn: float, tone: Tone) -> None:
        """See `Brush`. Faces that look away from the camera are left out."""
        corners = box_corners(foot, size, turn)
        pixels, _ = self.pixels(corners)
        cosine, sine = math.cos(turn), math.sin(turn)
        for indices, (x, y, z) in _FACES:
            normal = np.array([x * cosine - y * sine, x * sine + y * cosine, z])
            middle = corners[list(indices)].mean(axis=0)
            if normal @ (self.camera.position - middle) <= 0.0:
                continue
            fill(
                self.image,
                pixels[list(indices)],
                _opaque(tone, 0.62 + 0.45 * max(0.0, float(normal @ self.light.to_sun))),
            )

    def ring(self, centre: Float64, axis: Float64, radius: float, width: float, tone: Tone) -> None:
        """See `Brush`."""
        pixels, scale = self.pixels(ring_points(centre, axis, radius))
        line(self.image, pixels, _opaque(tone, 1.0), width * float(scale[0]), closed=True)

    def panel(self, points: Float64, tone: Tone) -> None:
        """See `Brush`."""
        normal = np.cross(points[1] - points[0], points[2] - points[0])
        normal = normal / (math.sqrt(float(normal @ normal)) or 1.0)
        lit = 0.70 + 0.35 * abs(float(normal @ self.light.to_sun))
        fill(self.image, self.pixels(points)[0], _opaque(tone, lit))


class ShadowBrush:
    """Draws the shadows of things on flat ground, 255 on a grey picture."""

    def __init__(self, image: Image, camera: Camera, light: Light, zoom: float = 1.0) -> None:
        self.image = image
        self.camera = camera
        self.light = light
        self.zoom = zoom

    def pixels(self, points: Float64) -> tuple[Float64, Float64]:
        """The pixels of the shadows of (N, 3) points, and the pixels that a metre has there."""
        pixels, depth = self.camera.project(self.light.shadows(points))
        scale = self.camera.focal / np.maximum(depth, 0.3) * self.zoom
        return (pixels + 0.5) * self.zoom - 0.5, scale

    def ball(self, centre: Float64, radius: float, tone: Tone) -> None:
        """See `Brush`; the colour does not matter."""
        self._fill(ring_points(centre, self.light.to_sun, radius))

    def rod(self, start: Float64, end: Float64, radius: float, end_radius: float, tone: Tone) -> None:
        """See `Brush`; the colour does not matter."""
        axis = self.light.to_sun
        self._fill(np.vstack([ring_points(start, axis, radius), ring_points(end, axis, end_radius)]))

    def box(self, foot: Float64, size: Sequence[float], turn: float, tone: Tone) -> None:
        """See `Brush`; the colour does not matter."""
        self._fill(box_corners(foot, size, turn))

    def ring(self, centre: Float64, axis: Float64, radius: float, width: float, tone: Tone) -> None:
        """See `Brush`; the colour does not matter."""
        pixels, scale = self.pixels(ring_points(centre, axis, radius))
        line(self.image, pixels, (255.0,), 0.8 * width * float(scale[0]), closed=True)

    def panel(self, points: Float64, tone: Tone) -> None:
        """See `Brush`; the colour does not matter."""
        self._fill(points)

    def _fill(self, points: Float64) -> None:
        outline = cv2.convexHull(self.pixels(points)[0].astype(np.float32))
        fill(self.image, outline[:, 0].astype(np.float64), (255.0,))


Draw = Callable[[Brush], None]


def toned(tone: Tone | tuple[int, ...], factor: float) -> Tone:
    """The colour so many times as bright."""
    blue, green, red = tone
    return min(255.0, blue * factor), min(255.0, green * factor), min(255.0, red * factor)


def _opaque(tone: Tone, factor: float) -> tuple[float, float, float, float]:
    return *toned(tone, factor), 255.0
