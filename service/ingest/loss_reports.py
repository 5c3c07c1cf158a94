"""What FFmpeg says of packets that were lost on their way: it says so in its log alone."""

from __future__ import annotations

import logging
import re
from types import TracebackType
from typing import Self

import av.logging

# Numbers in RTP headers that do not follow on one another.
_LOST = re.compile(r"RTP: missed \d+ packets|bad cseq|max delay reached")

# FFmpeg's own lines name whole URLs, and warn of things that harm nobody: they are read here and go nowhere else.
logging.getLogger("libav").setLevel(logging.CRITICAL + 1)
av.logging.set_level(av.logging.WARNING)
# A line that comes again may be of another stream.
av.logging.set_skip_repeated(False)


class LossReports:
    """Reads along with what FFmpeg logs in this thread, while it is entered. Not thread-safe."""

    def __init__(self) -> None:
        self._capture = av.logging.Capture(local=True)
        self._lines: list[tuple[int, str, str]] = []

    def __enter__(self) -> Self:
        """Begin to read along."""
        self._lines = self._capture.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; in the thread that began."""
        self._capture.__exit__(None, None, None)  # it looks at none of them

    def lost(self) -> bool:
        """Whether packets were reported lost since the last call."""
        if not self._lines:
            return False
        lost = any(_LOST.search(text) for _, _, text in self._lines)
        self._lines.clear()
        return lost
