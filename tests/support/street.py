"""A street as footage: people walk across it, and at times one runs. Enough for the `attributes` head to tell them."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np

from training.virtual.truth import ClipTruth, EventTruth, ObjectTruth

FPS, WIDTH, HEIGHT = 10, 160, 120
WALK, RUN = 1.5, 7.0


def write_street(path: Path, frames: int, seed: int, running: range = range(0)) -> list[int]:
    """People walk across a street, to and fro; in the frames of ``running`` one runs. Returns the labels."""
    random = np.random.default_rng(seed)
    ground = cv2.resize(random.integers(90, 140, (15, 20), dtype=np.uint8), (WIDTH, HEIGHT))
    starts, rows = random.uniform(0, WIDTH, 3), (40, 60, 80)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"bf": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(frames):
            image = cv2.cvtColor(ground, cv2.COLOR_GRAY2BGR)
            for number, (start, row) in enumerate(zip(starts, rows, strict=True)):
                draw(image, (start + (-1) ** number * WALK * index) % WIDTH, row)
            if index in running:
                draw(image, (RUN * (index - running.start)) % WIDTH, 50)
            image = np.clip(image + random.normal(0, 2, image.shape), 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return [int(index in running) for index in range(frames)]


def draw(image: np.ndarray, x: float, row: int) -> None:
    """A person at a place, dressed in stripes so that flow has something to hold on to."""
    for stripe in range(4):
        shade = (30, 40, 200) if stripe % 2 else (210, 200, 40)
        top = row + 6 * stripe
        cv2.rectangle(image, (round(x), top), (round(x) + 9, top + 5), shade, -1)


def write_virtual(root: Path, seed: int, running: range) -> Path:
    """The same as a data set of the virtual world: normal clips, and one in whose truth a runner is an anomaly."""
    (root / "train").mkdir(parents=True)
    (root / "test").mkdir()
    for number in range(3):
        write_street(root / "train" / f"{number + 1:03d}.mp4", 140, seed=seed + number)
    frames = 130
    labels = write_street(root / "test" / "001.mp4", frames, seed=seed + 9, running=running)
    truth = ClipTruth(
        scene=root.name,
        seed=seed,
        fps=FPS,
        size=(WIDTH, HEIGHT),
        frames=frames,
        labels=labels,
        events=[EventTruth(kind="runner", start=running.start / FPS, end=running.stop / FPS, track_ids=(1,))],
        objects=[[runner(index - running.start)] if index in running else [] for index in range(frames)],
    )
    truth.save(root / "test" / "001.truth.json")
    (root / "dataset.json").write_text(json.dumps({"format": 1, "kind": "virtual", "scene": root.name, "seed": seed}))
    return root


def runner(index: int) -> ObjectTruth:
    """Who runs, in the given frame of the run."""
    left = round((RUN * index) % WIDTH)
    box = (left / WIDTH, 50 / HEIGHT, min(10, WIDTH - left) / WIDTH, 24 / HEIGHT)
    return ObjectTruth(track_id=1, box=box, action="run", anomalous=True, caption="a person runs")
