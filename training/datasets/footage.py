"""Facts about footage on disk that need no decoding."""

from __future__ import annotations

from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from service.ingest.listing import count_frames


def frame_times(source: Path, fps: float) -> NDArray[np.float64]:
    """``(N,)`` seconds from the first frame on at which each frame of a video or a folder of pictures is shown.

    Args:
        source: What ``count_frames`` counts.
        fps: Of a folder of pictures, and of a video that does not say when its frames are shown.
    """
    frames = count_frames(source)
    if source.is_dir():
        return np.arange(frames) / fps
    stamps = []
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        base = float(stream.time_base or 0)
        try:
            for packet in container.demux(stream):
                stamps += [packet.pts] if packet.size and not packet.is_discard else []
        except av.error.FFmpegError:
            pass  # a damaged end
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) < len(stamps) or len(set(known)) < len(known):
        return np.arange(frames) / fps
    times: NDArray[np.float64] = np.sort(np.array(known, np.float64)) * base
    times -= times.min(initial=np.inf)
    if len(times) < frames:  # it breaks off; those that are lost would have come at the same pace
        step = (times[-1] / (len(times) - 1)) if len(times) > 1 else 1 / fps
        times = np.append(times, times[-1:].sum() + step * np.arange(1, frames - len(times) + 1))
    return times


def frame_rate(video: Path) -> float:
    """Frames per second, as the container announces them."""
    with av.open(str(video)) as container:
        rate = container.streams.video[0].average_rate
        return float(rate) if rate else 25.0
