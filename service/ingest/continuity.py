"""Which frames may be looked at: not those that are damaged, nor those that show what is left of damaged ones."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum

from service.ingest.damage import Damage
from service.ingest.reader import Decoded, Reader

MAX_WAIT_S = 10.0
"""After a loss the next key frame is waited for at most so long. Cameras send one every one to ten seconds; those with
"smart" codecs one a minute or none, and whatever smears their picture has mostly been drawn over by then. Being blind
for longer would be worse than a smear."""

_REORDER_PACKETS = 16
"""A key frame so many packets after a loss came behind it, whatever the time stamps say: H.264's and HEVC's reordering
spans no more frames."""

_STEP_MEMORY = 0.1
_MAX_GAP_FRAMES = 100_000


class Admission(Enum):
    """What is to become of a decoded frame."""

    KEPT = "kept"
    ANEW = "anew"
    """Kept, but nothing of what was before it may be compared with it."""
    LEFT_OUT = "left out"


class Continuity:
    """Follows the frames of one reader. Not thread-safe.

    FFmpeg flags the frame that it had to guess parts of, but not those that refer to it: they look as smeared (measured
    with frames and parts of frames of H.264, HEVC and MPEG-4 dropped: one frame in 20, or none, is flagged). So after
    any sign of a loss frames are left out until the next key frame.
    """

    def __init__(self, reader: Reader, *, live: bool, damage: Damage | None = None) -> None:
        """Begin with the reader's next frame.

        Args:
            reader: Counts what did not decode.
            live: Whether frames come as they happen. A live stream may begin amid a group of frames, and arrival
                tells how long a wait takes; of a recording its own time does.
            damage: Filled in.
        """
        self._reader = reader
        self._live = live
        self.damage = Damage() if damage is None else damage
        self._errors = self._losses = 0
        self._waiting_since: float | None = None
        self._begun = not live
        self._resigned = False
        self._layout: Hashable = None
        self._last_pts: float | None = None
        self._step: float | None = None
        self._pending = 0
        self._taken = 0

    def admit(self, frame: Decoded) -> Admission:
        """What is to become of the reader's next frame."""
        trouble = self._trouble() or frame.corrupt
        now = frame.arrived if self._live or frame.pts is None else frame.pts
        if not self._begun:
            trouble, self._begun = True, True
        if trouble and not self._resigned and self._waiting_since is None:
            self._waiting_since = now
        if frame.key and not frame.corrupt and self._behind_the_loss(frame):
            anew, self._waiting_since, self._resigned = self._resigned, None, False
            return self._keep(frame, anew=anew)
        if self._waiting_since is not None:
            if now - self._waiting_since <= MAX_WAIT_S:
                return self._leave_out()
            self._waiting_since, self._resigned = None, True
            return self._leave_out() if frame.corrupt else self._keep(frame, anew=True)
        return self._leave_out() if frame.corrupt else self._keep(frame)

    def finish(self) -> None:
        """The reader has no more frames."""
        self._trouble()
        self._pending += self._reader.missing
        self.damage.cut_off = self._reader.missing > 0
        if self._pending:
            end = None
            if self._last_pts is not None and self._step is not None:
                end = self._last_pts + self._pending * self._step
            self._settle(end)

    def take_lost(self) -> int:
        """How many frames were lost since the last call; those that are missing in time are known at the next kept."""
        lost = self.damage.lost + self._pending
        new, self._taken = lost - self._taken, lost
        return new

    def _trouble(self) -> bool:
        errors = self._reader.decode_errors - self._errors
        losses = self._reader.losses - self._losses
        self._errors, self._losses = self._reader.decode_errors, self._reader.losses
        self._pending += errors
        return errors + losses > 0

    def _behind_the_loss(self, frame: Decoded) -> bool:
        """Whether the frame was sent after what was lost: decoders give out frames of before it for a while."""
        packet, pts = self._reader.suspect
        if pts is None or frame.pts is None or self._reader.packets - packet > _REORDER_PACKETS:
            return True
        return frame.pts >= pts

    def _leave_out(self) -> Admission:
        self._pending += 1
        return Admission.LEFT_OUT

    def _keep(self, frame: Decoded, *, anew: bool = False) -> Admission:
        if self._pending:
            self._pending = max(self._pending, self._missing_in_time(frame.pts))
            self._settle(frame.pts)
        elif self._last_pts is not None and frame.pts is not None and frame.pts > self._last_pts:
            step = frame.pts - self._last_pts
            self._step = step if self._step is None else self._step + _STEP_MEMORY * (step - self._step)
        self._last_pts = frame.pts
        self.damage.kept += 1
        anew |= self._layout is not None and frame.layout != self._layout
        self._layout = frame.layout
        return Admission.ANEW if anew else Admission.KEPT

    def _missing_in_time(self, pts: float | None) -> int:
        """Frames that fit between the last one that was kept and this one."""
        if pts is None or self._last_pts is None or not self._step or pts <= self._last_pts:
            return 0
        return min(_MAX_GAP_FRAMES, round((pts - self._last_pts) / self._step) - 1)

    def _settle(self, end: float | None) -> None:
        self.damage.add(self._pending, self._last_pts, end)
        self._pending = 0
