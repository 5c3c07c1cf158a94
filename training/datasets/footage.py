"""Facts about footage on disk that need no decoding."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

PICTURES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"})
VIDEOS = frozenset({".avi", ".mkv", ".mov", ".mp4", ".webm"})


def files(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """The files of a folder with one of these suffixes, by name.

    Hidden files are left out: archives packed on a Mac carry one beside every picture (``._001.tif``).
    """
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in suffixes and not path.name.startswith(".")
    )


def count_frames(source: Path) -> int:
    """How many frames a video or a folder of pictures has. Counts packets: containers' own counts are estimates."""
    if source.is_dir():
        return len(files(source, PICTURES))
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        return sum(packet.size > 0 for packet in container.demux(stream))


def frame_times(source: Path, fps: float) -> NDArray[np.float64]:
    """``(N,)`` seconds from the first frame on at which each frame of a video or a folder of pictures is shown.

    Args:
        source: What ``count_frames`` counts.
        fps: Of a folder of pictures, and of a video that does not say when its frames are shown.
    """
    if source.is_dir():
        return np.arange(count_frames(source)) / fps
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        packets = [packet.pts for packet in container.demux(stream) if packet.size > 0]
        base = float(stream.time_base or 0)
    stamps = [stamp for stamp in packets if stamp is not None]
    if len(stamps) < len(packets) or len(set(stamps)) < len(stamps):
        return np.arange(len(packets)) / fps
    times: NDArray[np.float64] = np.sort(np.array(stamps, np.float64)) * base
    times -= times.min()
    return times


def frame_rate(video: Path) -> float:
    """Frames per second, as the container announces them."""
    with av.open(str(video)) as container:
        rate = container.streams.video[0].average_rate
        return float(rate) if rate else 25.0
