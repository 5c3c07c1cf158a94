"""The sentences by which an alert tells a person what happened."""

from __future__ import annotations

from collections.abc import Mapping

from service.contracts.score import Explained
from service.contracts.stream import NotWatching, NotWatchingReason

LEARNED = 3.8
"""Surprise that no frame of an enrolment reaches: it keeps at most 6,000. Beyond, the number is an extrapolation that
serves to rank, not to tell people."""


def anomaly_message(culprit: Explained | None, name: str | None, looks: str | None, surprise: float) -> str:
    """What is unusual, where, and how rare it is, such as "A person moving unusually fast, in zone Tracks. ...".

    Args:
        culprit: The object or moving region that made the alert; None where the picture as a whole did.
        name: What a detector calls it; None if it has no name.
        looks: What an encoder guesses that it does; None for no guess that is good enough.
        surprise: The peak, -log10 of the share of normal frames that look at least this unusual.
    """
    if culprit is None:
        return f"The picture as a whole looks unusual. {_rarity(surprise)}"
    subject = None if name is None else f"{'An' if name[:1].lower() in 'aeiou' else 'A'} {name}"
    place = "" if culprit.place is None else f", {culprit.place}"
    rule = next((match for match in culprit.matches if match.verdict == "anomaly"), None)
    if rule is not None:
        # How rare it is was learned without the rule, and says nothing of why there is an alert.
        matches = "matches" if rule.evidence == "caption" else "may match"
        return f'{subject or "Something"} {matches} your rule "{rule.text}"{place}.'
    what = next(iter(culprit.why), "unusual" if subject is None else "unusual there")
    begun = f"{subject} {what}" if subject is not None else "Something unusual" if what == "unusual" else _begun(what)
    guess = "" if looks is None else f' It looks a little like "{looks}".'
    return f"{begun}{place}. {_rarity(surprise)}{guess}"


def outage_message(stream_name: str) -> str:
    """That a camera went away. True for as long as it is away, so it does not say for how long."""
    return f"{stream_name} is not sending pictures."


def outage_over_message(stream_name: str, seconds: float) -> str:
    """That a camera was away, and for how long."""
    return f"{stream_name} was away for {duration(seconds)}."


def blind_message(stream_name: str, why: NotWatching) -> str:
    """That nothing can be seen in a camera's picture, and what to do."""
    return f"{stream_name}: {why.message} {why.advice}"


def blind_over_message(stream_name: str, reason: NotWatchingReason, seconds: float) -> str:
    """That nothing could be seen in a camera's picture, and for how long."""
    return f"{stream_name} saw nothing for {duration(seconds)}: {_WAS[reason]}."


_WAS: Mapping[NotWatchingReason, str] = {
    NotWatchingReason.FROZEN: "its picture did not change",
    NotWatchingReason.BLACK: "its picture was black",
    NotWatchingReason.WHITE: "its picture was white",
    NotWatchingReason.COVERED: "its lens was covered",
    NotWatchingReason.OUT_OF_FOCUS: "its picture was out of focus",
}


def duration(seconds: float) -> str:
    """As people say it, in two units at most: ``45 s``, ``2 min 5 s``, ``3 h 12 min``, ``2 d 4 h``."""
    left = round(seconds)
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]


def _rarity(surprise: float) -> str:
    if surprise >= LEARNED:
        return "Never seen while learning."
    frames = 10.0 ** max(0.0, surprise)
    if frames < 2:
        return "Frames like this are common when all is normal."
    # Two digits: the calibration's tail is not known better.
    digits = max(0, len(str(int(frames))) - 2)
    return f"About one frame in {round(frames, -digits):,.0f} looks like this when all is normal."
