"""The one list of what is in a folder and in a video: for who counts frames and for who reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

PICTURES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
VIDEOS = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm"})

_CUT_OFF_S = 1.0
"""Lengths that containers announce are rounded; so much of it is not missing by rounding."""


def natural_order(name: str) -> list[tuple[int, int, str]]:
    """Sorts names as people count: frame 2 before frame 10, whatever the padding."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def hidden(path: Path) -> bool:
    """Whether a file is none that somebody put there: Macs leave ``._001.tif`` beside every ``001.tif``.

    By its own name and not by its folders': a data set may lie below ``~/.cache``.
    """
    return path.name.startswith(".")


def pictures(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of the numbers in their names: its frames."""
    return listed(folder, PICTURES)


def videos(folder: Path) -> list[Path]:
    """The videos of a folder in the order of the numbers in their names."""
    return listed(folder, VIDEOS)


def folders(folder: Path) -> list[Path]:
    """The folders in a folder in the order of the numbers in their names, such as clips in pictures."""
    return ordered(path for path in folder.iterdir() if path.is_dir() and path.name != "__MACOSX")


def listed(folder: Path, endings: frozenset[str]) -> list[Path]:
    """What a folder holds with one of these endings, in any case of letters, in natural order.

    A folder is no file of that ending, a link may be one: who reads it decides.
    """
    return ordered(path for path in folder.iterdir() if path.suffix.lower() in endings and not path.is_dir())


def below(root: Path, endings: frozenset[str]) -> list[Path]:
    """The same of a folder and all folders below it, those that are hidden left out with all that they hold."""
    found = listed(root, endings)
    for folder in folders(root):
        found += below(folder, endings)
    return found


def named(folder: Path, stem: str, endings: frozenset[str]) -> Path | None:
    """The file of a folder with this name and one of these endings, in any case of letters; None if there is none."""
    if not folder.is_dir():
        return None
    return next((path for path in listed(folder, endings) if path.stem == stem), None)


def ordered(paths: Iterable[Path]) -> list[Path]:
    """Those that are not hidden, in the natural order of their whole paths."""
    return sorted(
        (path for path in paths if not hidden(path)),
        key=lambda path: ([natural_order(part) for part in path.parts], path.name),
    )


def count_frames(source: Path) -> int:
    """How many frames a video or a folder of pictures has for who reads it.

    Packets are counted, since containers' own counts are estimates. What an edit list hides is no frame, for no player
    shows it. A recording that breaks off has as many as it announces: those at its end are lost, and not fewer.

    Raises:
        av.error.FFmpegError: If the video cannot be opened.
    """
    if source.is_dir():
        return len(pictures(source))
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        shown = packets = 0
        end = 0.0
        try:
            for packet in container.demux(stream):
                if packet.size:
                    packets += 1
                    shown += not packet.is_discard
                    end = max(end, packet_end(packet))
        except av.error.FFmpegError:
            pass  # a damaged end; what the container announces still says how many there were
        return shown + missing_frames(container, stream, packets, end)


def packet_end(packet: Packet[VideoStream]) -> float:
    """When what a packet holds is no longer shown, in seconds of its stream; 0 if it does not say."""
    return 0.0 if packet.pts is None else float((packet.pts + (packet.duration or 0)) * packet.time_base)


def missing_frames(container: InputContainer, stream: VideoStream, packets: int, end: float) -> int:
    """How many frames a recording announces and does not have at its end.

    Args:
        container: Read to its end.
        stream: Its video.
        packets: How many of it there were.
        end: When the last of them is no longer shown, seconds.
    """
    kinds = container.format.name.split(",")
    if "mov" in kinds:
        return max(0, stream.frames - packets)  # its index names every frame
    if "matroska" in kinds and len(container.streams) == 1 and end > 0:
        # No index of frames, but the length of the whole; with sound, that may be the sound's.
        lacking = (container.duration or 0) / 1e6 - end
        return round(lacking * packets / end) if lacking > _CUT_OFF_S else 0
    return 0
