"""Learning from several recordings, of which some may be damaged: the good ones count, and the rest is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from service.errors import SourceRefused
from service.frames import PreparedFrame
from service.ingest.damage import Damage
from service.profiles.fit import EnrolmentError

MOST = 0.5
"""What is normal is not learned from recordings of which more than this share is lost: what is left may be no fair
sample of them, and whoever chose them would not know."""

_TOLD = 5


@dataclass(frozen=True, slots=True)
class NormalRecording:
    """A recording to learn from.

    Attributes:
        name: For people.
        read: Its prepared frames; notes down what is left out.
    """

    name: str
    read: Callable[[Damage], Iterator[PreparedFrame]]


def sound(
    recordings: Iterable[NormalRecording], on_done: Callable[[str | None], object] = lambda _: None
) -> Iterator[Iterator[PreparedFrame]]:
    """What can be read of each: an argument of ``OfflinePipeline.gather`` and ``enrol``. Each is read before the next.

    Args:
        recordings: To learn from.
        on_done: Called after each recording with what was left out of it, a sentence, or None if it is whole.

    Raises:
        EnrolmentError: Behind the last of them, if more than half of the recordings is lost.
    """
    shares, told = [], []
    for recording in recordings:
        damage = Damage()
        yield _readable(recording, damage)
        sentence = damage.sentence(recording.name)
        shares.append(damage.share)
        told += [] if sentence is None else [sentence]
        on_done(sentence)
    if shares and sum(shares) / len(shares) > MOST:
        lost = f"{sum(shares) / len(shares):.0%} lost"
        msg = f"Too much of the recordings is damaged to learn from them ({lost}). {' '.join(told[:_TOLD])}"
        raise EnrolmentError(msg)


def _readable(recording: NormalRecording, damage: Damage) -> Iterator[PreparedFrame]:
    try:
        yield from recording.read(damage)
    except SourceRefused as error:
        damage.unreadable = str(error)
