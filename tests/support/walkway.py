"""A small walkway that three people cross at an even pace, and that something rushes across when it is told to."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

WIDTH, HEIGHT, RATE = 240, 160, 10


def write_walkway(path: Path, seconds: int, rush_from: int | None = None, *, place: int = 7) -> None:
    """Three people walk at an even pace; from `rush_from` seconds on something crosses six times as fast.

    Args:
        path: Of the video to write.
        seconds: How long it is.
        rush_from: Seconds after which something rushes; None for never.
        place: Chooses the ground.
    """
    rng = np.random.default_rng(seconds)
    ground = np.random.default_rng(place).integers(90, 140, (HEIGHT // 8, WIDTH // 8), dtype=np.uint8)
    ground = np.asarray(cv2.cvtColor(cv2.resize(ground, (WIDTH, HEIGHT)), cv2.COLOR_GRAY2BGR), np.uint8)
    walkers = [(rng.uniform(0, WIDTH), foot, pace) for foot, pace in ((60, 1.2), (85, -1.3), (110, 1.4))]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"bf": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.gop_size = RATE
        for index in range(seconds * RATE):
            image = ground.copy()
            for number, (start, foot, pace) in enumerate(walkers):
                x = int((start + pace * index) % (WIDTH + 20)) - 10
                cv2.rectangle(image, (x - 5, foot - 28), (x + 5, foot), (40 + 60 * number, 50, 160), -1)
            if rush_from is not None and index >= rush_from * RATE:
                x = (index - rush_from * RATE) * 9 % (WIDTH + 40) - 20
                cv2.rectangle(image, (x - 10, 90), (x + 10, 120), (20, 220, 240), -1)
            noise = rng.normal(0, 2, image.shape)
            noisy = np.clip(image + noise, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="bgr24")))
        container.mux(stream.encode())
