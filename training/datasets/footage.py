"""Facts about footage on disk that need no decoding."""

from __future__ import annotations

from pathlib import Path

import av


def frame_rate(video: Path) -> float:
    """Frames per second, as the container announces them."""
    with av.open(str(video)) as container:
        rate = container.streams.video[0].average_rate
        return float(rate) if rate else 25.0
