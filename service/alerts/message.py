"""The sentence by which an alert tells a person what happened."""

from __future__ import annotations

from collections.abc import Sequence

from service.contracts.alert import AlertObject

LEARNED = 3.8
"""Surprise that no frame of an enrolment reaches: it keeps at most 6,000. Beyond, the number is an extrapolation that
serves to rank, not to tell people."""

_PHRASES = {
    "speed": "moves at a speed that is not usual there",
    "direction": "moves in a direction that is not usual there",
    "size": "is of a size that is not usual there",
    "appearance": "looks unlike what is usual there",
    "action": "does what is not usual there",
}
"""By the last word of a term's name: heads may say what it is of, as in "motion speed"."""


def anomaly_message(objects: Sequence[AlertObject], surprise: float) -> str:
    """What stands out and how rare it is, such as "A person moves at a speed that is not usual there ...".

    Args:
        objects: What stood out at the peak, the most unusual first.
        surprise: The peak, -log10 of the share of normal frames that look at least this unusual.
    """
    return f"{_what(objects)}; {_rarity(surprise)}."


def outage_message(stream_name: str, seconds: float) -> str:
    """That a camera went away."""
    return f"{stream_name} has sent no picture for {seconds:.0f} seconds."


def _what(objects: Sequence[AlertObject]) -> str:
    if not objects:
        return "The picture as a whole is unlike what is usual there"
    top = objects[0]
    rule = next((match for match in top.matches if match.verdict == "anomaly"), None)
    if rule is not None:
        return f'{_subject(top)} matches the rule "{rule.text}"'
    strongest = max(top.terms, key=lambda term: top.terms[term], default="")
    phrase = "is not usual there"
    if strongest:
        phrase = _PHRASES.get(strongest.split()[-1], f"stands out by its {strongest}")
    return f"{_subject(top)} {phrase}{_resembling(top)}"


def _resembling(top: AlertObject) -> str:
    return f' and most resembles "{top.actions[0].text}"' if top.actions else ""


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
