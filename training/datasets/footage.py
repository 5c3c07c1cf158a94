"""Facts about footage on disk that need no decoding."""

from __future__ import annotations

from pathlib import Path

import av

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


def frame_rate(video: Path) -> float:
    """Frames per second, as the container announces them."""
    with av.open(str(video)) as container:
        rate = container.streams.video[0].average_rate
        return float(rate) if rate else 25.0
