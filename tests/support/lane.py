"""A lane as footage: grey figures stroll along it; at times one of them rushes, or another is green."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

FPS, WIDTH, HEIGHT = 10, 160, 120
ROWS = (8, 48, 88)
"""Upper edges of the strips in which figures stroll, one in each. In the last one goes what is odd."""

FIGURE = (12, 24)
"""Width and height in pixels."""

RUSH = 8.0
GREY, GREEN = ((40, 40, 40), (215, 215, 215)), ((40, 220, 60), (20, 160, 30))
"""Two shades each, in stripes so that flow has something to hold on to."""


def write_lane(path: Path, frames: int, seed: int, rushing: range = range(0), green: range = range(0)) -> list[int]:
    """Write a video.

    Args:
        path: An ``.mp4``.
        frames: At ten a second.
        seed: Of the ground, and of who strolls when and how fast.
        rushing: Frames in which the figure of the last strip rushes.
        green: Frames in which it is green, and strolls.

    Returns:
        Of each frame 1 if it is odd, else 0.
    """
    random = np.random.default_rng(seed)
    ground = cv2.resize(np.random.default_rng(1).integers(95, 135, (15, 20), dtype=np.uint8), (WIDTH, HEIGHT))
    strollers = [_Stroller(random) for _ in ROWS]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"bf": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(frames):
            image = cv2.cvtColor(ground, cv2.COLOR_GRAY2BGR)
            for row, stroller in zip(ROWS, strollers, strict=True):
                x, shades = stroller.step(), GREY
                if row == ROWS[-1] and index in rushing:
                    x = RUSH * (index - rushing.start) % (WIDTH + FIGURE[0]) - FIGURE[0]
                elif row == ROWS[-1] and index in green:
                    x, shades = 20 + 1.5 * (index - green.start), GREEN
                _draw(image, x, row, shades)
            image = np.clip(image + random.normal(0, 2, image.shape), 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return [int(index in rushing or index in green) for index in range(frames)]


class _Stroller:
    """Somebody who comes again and again, from either side, and never keeps a pace for long."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._turn()
        self._x = random.uniform(0, WIDTH)

    def step(self) -> float:
        """The next place of its left edge."""
        if self._random.random() < 0.3:
            self._pace = self._random.uniform(0.5, 2.5)
        self._x += self._side * self._pace
        if not -FIGURE[0] <= self._x <= WIDTH:
            self._turn()
        return self._x

    def _turn(self) -> None:
        self._pace = self._random.uniform(0.5, 2.5)
        self._side = self._random.choice([-1, 1])
        self._x = -FIGURE[0] if self._side > 0 else WIDTH


def _draw(image: np.ndarray, x: float, row: int, shades: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    width, height = FIGURE
    for stripe in range(4):
        top, step = row + stripe * height // 4, height // 4
        cv2.rectangle(image, (round(x), top), (round(x) + width - 1, top + step - 1), shades[stripe % 2], -1)
