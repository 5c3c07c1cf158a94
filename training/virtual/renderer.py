"""The picture: from far to near, with shadows, light, lens and sensor, and the truth about it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.arrays import Float64, Image
from training.virtual.actor import Actor
from training.virtual.backdrop import OVERCAST, Tree, draw_backdrop
from training.virtual.camera import Camera
from training.virtual.director import Director
from training.virtual.figure import FigurePainter
from training.virtual.light import Light
from training.virtual.paint import Sprite
from training.virtual.scene import Scene
from training.virtual.truth import FrameTruth, ObjectTruth, tight_box

SEEN = 127
"""A pixel belongs to whoever covers at least half of it."""
MIN_PIXELS = 24
"""An object with fewer visible pixels is not listed: nobody could tell what it is."""
BEAT_S = 3.7
"""Period of a tree's main sway."""


@dataclass(frozen=True)
class Rendered:
    """One frame: (H, W, 3) uint8 BGR, and the truth about it."""

    image: Image
    truth: FrameTruth


@dataclass(frozen=True)
class _Drawn:
    """A body's picture, less what stands before it, and how many pixels it had before that was taken away."""

    actor: Actor
    sprite: Sprite
    pixels: int


class Renderer:
    """Draws the world of a director. Not thread-safe: pictures are drawn in the order of time."""

    def __init__(self, scene: Scene, seed: int, size: tuple[int, int]) -> None:
        """Paint the backdrop.

        Args:
            scene: What to draw.
            seed: Of the noise.
            size: Width and height in pixels, both even.
        """
        self.scene, self.seed, self.size = scene, seed, size
        self.camera = Camera(scene.camera, size)
        self.light = Light(scene.light)
        self._backdrop = draw_backdrop(scene, size)
        self._painter = FigurePainter(self.camera, self.light)
        self._base = self._backdrop.sunny
        self._sunniness = -1.0
        width, height = size
        rng = np.random.default_rng([seed, 1])
        # One big sheet of noise, of which every frame takes another window: 0.2 ms instead of 9 for fresh noise.
        sheet = rng.normal(0.0, scene.camera.noise, (height + 128, width + 128, 3))
        sheet += rng.normal(0.0, 0.7 * scene.camera.noise, (height + 128, width + 128, 1))
        self._noise = np.clip(np.rint(sheet) + 32, 0, 64).astype(np.uint8)
        self._mean_noise = np.full((height, width, 3), 32, dtype=np.uint8)
        self._blur = scene.camera.blur * width / 640.0

    def render(self, director: Director, index: int) -> Rendered:
        """The world as it stands, as frame ``index``."""
        time = director.time
        sunniness = self.light.sunniness(time)
        frame = self._still(sunniness)
        poses = [actor.pose() for actor in director.actors]
        sways = [self._sway(tree, time) for tree in self._backdrop.trees]
        self._shade(frame, director.actors, poses, sways, sunniness)
        drawn = self._people(director.actors, poses, sunniness)
        instances = np.zeros(frame.shape[:2], dtype=np.uint8)
        self._compose(frame, instances, drawn, sways, sunniness)
        truth = self._truth(director, index, instances, drawn)
        return Rendered(self._expose(frame, index), truth)

    # Layers

    def _still(self, sunniness: float) -> Image:
        if abs(sunniness - self._sunniness) > 0.004:
            self._sunniness = sunniness
            backdrop = self._backdrop
            self._base = np.asarray(
                cv2.addWeighted(backdrop.sunny, sunniness, backdrop.cloudy, 1.0 - sunniness, 0.0), dtype=np.uint8
            )
        return self._base.copy()

    def _shade(
        self,
        frame: Image,
        actors: list[Actor],
        poses: list[Float64],
        sways: list[tuple[float, float]],
        sunniness: float,
    ) -> None:
        mask: Image = np.zeros(frame.shape[:2], dtype=np.uint8)
        for actor, joints in zip(actors, poses, strict=True):
            if self._may_be_seen(joints):
                self._painter.shadow(actor, joints, mask)
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.1 * self.size[0] / 640.0), dtype=np.uint8)
        for tree, (main, _) in zip(self._backdrop.trees, sways, strict=True):
            left, top, width, height = tree.shadow_box
            if tree.shadow.size == 0:
                continue  # it falls outside the picture
            move = np.array([[1.0, 0.0, 1.3 * main], [0.0, 1.0, 0.0]], dtype=np.float32)
            moved = cv2.warpAffine(tree.shadow, move, (width, height))
            part = mask[top : top + height, left : left + width]
            cv2.max(part, moved, dst=part)
        mask = np.asarray(cv2.multiply(mask, self._backdrop.sunlit, scale=1.0 / 255.0), dtype=np.uint8)
        # Under a cloud the sky lights what the sun does not.
        deepest = (1.0 - self.light.in_shade / self.light.in_sun) * (0.25 + 0.75 * sunniness)
        dark = cv2.merge([cv2.convertScaleAbs(mask, alpha=float(depth)) for depth in deepest])
        np.copyto(frame, cv2.multiply(frame, cv2.bitwise_not(dark), scale=1.0 / 255.0))

    def _may_be_seen(self, joints: Float64) -> bool:
        pixels, depth = self.camera.project(joints[:3])
        margin = 0.35 * self.camera.width
        return bool(
            depth.min() > 0.5 and (pixels[:, 0] > -margin).any() and (pixels[:, 0] < self.size[0] + margin).any()
        )

    def _people(self, actors: list[Actor], poses: list[Float64], sunniness: float) -> list[_Drawn]:
        people = []
        for actor, joints in zip(actors, poses, strict=True):
            sprite = self._painter.draw(actor, joints, self._brightness(actor.position, sunniness))
            if sprite is None:
                continue
            whole = int(np.count_nonzero(sprite.image[..., 3] > SEEN))
            for occluder in self._backdrop.occluders:
                if occluder.sprite.meets(sprite) and occluder.hides(actor.position, self.camera.position[:2]):
                    occluder.sprite.veil(sprite)
            people.append(_Drawn(actor, sprite, whole))
        return people

    def _brightness(self, position: Float64, sunniness: float) -> Float64:
        pixels, _ = self.camera.project(np.array([[*position, 0.0]]))
        column = int(np.clip(pixels[0, 0], 0, self.size[0] - 1))
        row = int(np.clip(pixels[0, 1], 0, self.size[1] - 1))
        lit = float(self._backdrop.sunlit[row, column]) / 255.0
        sunny = self.light.in_sun * lit + self.light.in_shade * (1.0 - lit)
        return np.asarray(sunny * sunniness + OVERCAST * (1.0 - sunniness))

    def _compose(
        self,
        frame: Image,
        instances: NDArray[np.uint8],
        people: list[_Drawn],
        sways: list[tuple[float, float]],
        sunniness: float,
    ) -> None:
        eye = self.camera.position[:2]
        things: list[tuple[float, int, Sprite]] = []
        for number, one in enumerate(people, start=1):
            things.append((float(np.hypot(*(one.actor.position - eye))), number, one.sprite))
        for tree, sway in zip(self._backdrop.trees, sways, strict=True):
            away = float(np.hypot(*(tree.occluder.at - eye)))
            things.extend((away, 0, layer) for layer in self._crown(tree, sway, sunniness))
        things.sort(key=lambda thing: -thing[0])
        for _, number, sprite in things:
            sprite.over(frame)
            window = sprite.window(*self.size)
            if window is not None:
                rows, columns, own_rows, own_columns = window
                instances[rows, columns][sprite.image[own_rows, own_columns, 3] > SEEN] = number

    # Wind

    def _sway(self, tree: Tree, time: float) -> tuple[float, float]:
        """Pixels the top moves to the right, and a quicker flutter."""
        own = 0.61 * tree.spec.at[0] + 0.37 * tree.spec.at[1]
        gust = 0.6 + 0.4 * math.sin(2.0 * math.pi * time / 17.3 + own)
        main = gust * math.sin(2.0 * math.pi * time / BEAT_S + own)
        flutter = gust * math.sin(2.0 * math.pi * time / 0.83 + 2.0 * own)
        return tree.reach * main, 0.35 * tree.reach * flutter

    def _crown(self, tree: Tree, sway: tuple[float, float], sunniness: float) -> list[Sprite]:
        main, flutter = sway
        moved = []
        for level, layer in enumerate(tree.crown):
            pad = math.ceil(2.0 * tree.reach) + 2
            rows, columns = layer.image.shape[:2]
            # A shear about the trunk's top: what is higher moves more.
            lever = 1.0 / max(40.0, tree.pivot[1] - layer.y + rows)
            push = main * (0.5 + 0.25 * level) + flutter * (0.4 if level == 1 else -0.3)
            shear = -push * lever
            base = push * lever * (tree.pivot[1] - layer.y)
            matrix = np.array([[1.0, shear, pad + base], [0.0, 1.0, 0.0]], dtype=np.float32)
            image = np.asarray(cv2.warpAffine(layer.image, matrix, (columns + 2 * pad, rows)), dtype=np.uint8)
            bright = sunniness + (1.0 - sunniness) * 0.82
            image[..., :3] = cv2.convertScaleAbs(image[..., :3], alpha=bright)
            moved.append(Sprite(layer.x - pad, layer.y, image))
        for occluder in self._backdrop.occluders:
            if occluder is tree.occluder:
                continue
            behind = [sprite for sprite in moved if occluder.sprite.meets(sprite)]
            if behind and occluder.hides(tree.occluder.at, self.camera.position[:2]):
                for sprite in behind:
                    occluder.sprite.veil(sprite)
        return moved

    # Sensor

    def _expose(self, frame: Image, index: int) -> Image:
        if self._blur > 0.05:
            frame = np.asarray(cv2.GaussianBlur(frame, (3, 3), self._blur), dtype=np.uint8)
        row, column = (index * 73) % 127, (index * 101 + index // 127) % 127
        window = self._noise[row : row + self.size[1], column : column + self.size[0]]
        # As Gaussian noise of mean 32, less 32: OpenCV adds saturated bytes 20 times faster than numpy adds shorts.
        return np.asarray(cv2.subtract(cv2.add(frame, window), self._mean_noise), dtype=np.uint8)

    # Truth

    def _truth(self, director: Director, index: int, instances: NDArray[np.uint8], people: list[_Drawn]) -> FrameTruth:
        width, height = self.size
        table = np.zeros(256, dtype=np.uint8)
        objects: list[ObjectTruth] = []
        events: dict[int, tuple[str, tuple[int, ...]]] = {}
        order = sorted(range(len(people)), key=lambda i: -float(np.hypot(*people[i].actor.position)))
        for place in order:
            actor = people[place].actor
            window = people[place].sprite.window(width, height)
            if window is None:
                continue
            rows, columns, _, _ = window
            own = instances[rows, columns] == place + 1
            box = tight_box(own)
            pixels = np.count_nonzero(own)
            if box is None or pixels < MIN_PIXELS:
                continue
            x, y, w, h = box
            objects.append(
                ObjectTruth(
                    track_id=actor.track_id,
                    box=(
                        (x + columns.start) / width,
                        (y + rows.start) / height,
                        w / width,
                        h / height,
                    ),
                    action=actor.step.action,
                    anomalous=actor.step.event is not None,
                    caption=actor.caption(self._way(actor)),
                    visible=min(pixels / max(people[place].pixels, 1), 1.0),
                )
            )
            table[place + 1] = len(objects)
            number = actor.step.event
            if number is not None:
                kind, seen = events.get(number, (director.kinds[number], ()))
                events[number] = (kind, (*seen, actor.track_id))
        masks = np.asarray(cv2.LUT(instances, table), dtype=np.uint8)
        return FrameTruth(index, director.time, tuple(objects), masks, events)

    def _way(self, actor: Actor) -> str:
        ahead = np.array([math.cos(actor.heading), math.sin(actor.heading), 0.0])
        here = np.array([*actor.position, 1.0])
        first, _ = self.camera.project(here)
        depth = float((here - self.camera.position) @ self.camera.axes[2])
        there, _ = self.camera.project(here + 0.05 * depth * ahead)
        across, along = there - first
        if abs(across) > abs(along):
            return "to the right" if across > 0 else "to the left"
        return "towards the camera" if along > 0 else "away from the camera"
