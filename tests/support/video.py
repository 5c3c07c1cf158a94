"""Small videos for tests: a bright square moves over a still, textured ground."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray


def picture(index: int, width: int = 160, height: int = 120) -> NDArray[np.uint8]:
    """Frame `index` of the test video, (height, width, 3) uint8 BGR: textured ground, a moving square."""
    ground = np.random.default_rng(7).integers(60, 120, (height // 8, width // 8), dtype=np.uint8)
    image = np.asarray(cv2.cvtColor(cv2.resize(ground, (width, height)), cv2.COLOR_GRAY2BGR), np.uint8)
    left = (4 * index) % (width - 24)
    image[height // 3 : height // 3 + 24, left : left + 24] = (40, 220, 240)
    return image


def write_video(
    path: Path,
    frames: int = 50,
    rate: int = 25,
    width: int = 160,
    height: int = 120,
    codec: str = "libx264",
    pts: list[int] | None = None,
    gop: int | None = None,
    pixels: str = "yuv420p",
    pixel_aspect: Fraction = Fraction(1),
    turned: tuple[int, bool, bool] | None = None,
) -> Path:
    """Encode the test video without B-frames, a key frame every half second or every `gop` frames.

    `pixels` is its pixel format, `pixel_aspect` the shape of its pixels, and `turned` how players are told to turn it:
    degrees counterclockwise, mirrored, upside down.
    `pts` gives the presentation times in units of 1 / (`rate` * 10) seconds, for videos of uneven pace.
    """
    ticks = 10
    with av.open(str(path), "w") as container:
        options = {"bf": "0", "preset": "ultrafast", "tune": "zerolatency"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=rate, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.codec_context.sample_aspect_ratio = pixel_aspect
        if turned is not None:
            stream.set_display_rotation(turned[0], hflip=turned[1], vflip=turned[2])
        stream.gop_size = max(1, rate // 2) if gop is None else gop
        stream.codec_context.time_base = Fraction(1, rate * ticks)
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(index, width, height), format="bgr24").reformat(format=pixels)
            frame.pts = index * ticks if pts is None else pts[index]
            frame.time_base = Fraction(1, rate * ticks)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_images(folder: Path, count: int = 10, width: int = 160, height: int = 120) -> Path:
    """The same pictures as numbered PNG files in a new folder."""
    folder.mkdir(parents=True)
    for index in range(count):
        cv2.imwrite(str(folder / f"{index}.png"), picture(index, width, height))  # no zero padding, on purpose
    return folder


def write_audio(path: Path) -> Path:
    """A second of silence: a valid media file with no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        for index in range(46):
            frame.pts = index * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
