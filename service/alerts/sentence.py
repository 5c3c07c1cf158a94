"""The sentences by which an alert tells a person what happened."""

from __future__ import annotations

from service.contracts.score import Explained

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


def outage_message(stream_name: str, seconds: float) -> str:
    """That a camera went away."""
    return f"{stream_name} has sent no picture for {seconds:.0f} seconds."


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
