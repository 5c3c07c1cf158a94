"""The sentence by which an alert tells a person what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.contracts.alert import AlertObject
from service.contracts.stream import NotWatching, NotWatchingReason

LEARNED = 3.8
"""Surprise that no frame of an enrolment reaches: it keeps at most 6,000. Beyond, the number is an extrapolation that
serves to rank, not to tell people."""


def anomaly_message(objects: Sequence[AlertObject], surprise: float, sentences: Mapping[str, str]) -> str:
    """What stands out and how rare it is, such as "A person moves at a speed that is not usual there ...".

    Args:
        objects: What stood out at the peak, the most unusual first.
        surprise: The peak, -log10 of the share of normal frames that look at least this unusual.
        sentences: For each of their terms, what is said of an object that stands out by it.
    """
    rule = _rule(objects)
    if rule is not None:
        # How rare it is was learned without the rule, and says nothing of why there is an alert.
        return f'{_subject(objects[0])} matches the rule "{rule}", which is an anomaly here.'
    return f"{_what(objects, sentences)}; {_rarity(surprise)}."


def outage_message(stream_name: str) -> str:
    """That a camera went away. True for as long as it is away, so it does not say for how long."""
    return f"{stream_name} has stopped sending pictures."


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


def _rule(objects: Sequence[AlertObject]) -> str | None:
    """The rule that made what stands out most an anomaly."""
    matches = objects[0].matches if objects else []
    return next((match.text for match in matches if match.verdict == "anomaly"), None)


def _what(objects: Sequence[AlertObject], sentences: Mapping[str, str]) -> str:
    if not objects:
        return "The picture as a whole is unlike what is usual there"
    top = objects[0]
    strongest = max(top.terms, key=lambda term: top.terms[term], default=None)
    sentence = "is not usual there" if strongest is None else sentences[strongest]
    return f"{_subject(top)} {sentence}{_resembling(top)}"


def _resembling(top: AlertObject) -> str:
    if not top.actions:
        return ""
    action = next((each.text for each in top.actions if each.alike), None)
    return " and resembles nothing known" if action is None else f' and most resembles "{action}"'


def _subject(top: AlertObject) -> str:
    if not top.recognised:
        return "Something"
    return f"{'An' if top.label[:1].lower() in 'aeiou' else 'A'} {top.label}"


def _rarity(surprise: float) -> str:
    if surprise >= LEARNED:
        return "rarer than anything that was learned to be normal here"
    frames = 10.0 ** max(0.0, surprise)
    # Two digits: the calibration's tail is not known better.
    digits = max(0, len(str(int(frames))) - 2)
    return f"about 1 in {round(frames, -digits):,.0f} normal frames is like this"
