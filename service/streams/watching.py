"""Whether a stream is being watched, and if not, why, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from service.contracts.stream import NotWatching, NotWatchingReason, StreamState
from service.frames import Blindness
from service.ingest.failures import DEFAULT_ADVICE, Cause

R = NotWatchingReason

NO_FAULT = frozenset({R.CONNECTING, R.LEARNING, R.PAUSED})
"""Reasons that pass by themselves, or that somebody wished."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a stream at one moment.

    Attributes:
        state: Where it stands.
        detail: Of its source, why it is down, in a sentence.
        cause: What its last attempt failed by, while it is down.
        advice: What to do about that, in a sentence; None for what helps most often.
        learning: How far the enrolment is that has to end first, in a sentence; None while there is none.
        enrolled: Whether there is a profile to score by.
        misfit: Why the profile that is kept cannot be used, in a sentence; None if it can, or if there is none.
        failed: Why the last enrolment failed, in a sentence; None if it did not.
        blind: Why nothing can be seen; None while something can.
        blind_since: Since when.
        lost: Share of the frames of the last seconds that there was no time for, in [0, 1].
        overloaded: Whether that is too much.
        disturbed: Whether the picture has been changing as a whole for most of the last seconds.
        scoring: Whether a frame got a score within the last seconds.
    """

    state: StreamState
    detail: str | None = None
    cause: Cause | None = None
    advice: str | None = None
    learning: str | None = None
    enrolled: bool = False
    misfit: str | None = None
    failed: str | None = None
    blind: Blindness | None = None
    blind_since: datetime | None = None
    lost: float = 0.0
    overloaded: bool = False
    disturbed: bool = False
    scoring: bool = False


def not_watching(standing: Standing, zone: tzinfo = UTC) -> NotWatching | None:
    """Why a stream is not being watched; None while it is.

    Args:
        standing: What is known of it.
        zone: Of the times that are said.
    """
    return _source(standing) or _sight(standing, zone) or _learned(standing) or _pace(standing)


BLIND: Mapping[Blindness, tuple[str, str]] = {
    Blindness.FROZEN: ("The picture has not changed since {since}.", "Restart the camera."),
    Blindness.BLACK: (
        "The picture has been black since {since}.",
        "See whether the lens is covered, and whether there is any light.",
    ),
    Blindness.WHITE: (
        "The picture has been white since {since}.",
        "See whether something shines into the lens, and check the camera's exposure.",
    ),
    Blindness.COVERED: (
        "Something has covered the lens since {since}.",
        "Look at the camera, and clear its lens.",
    ),
    Blindness.OUT_OF_FOCUS: (
        "The picture has been out of focus since {since}.",
        "Clean the lens, or focus the camera.",
    ),
}
"""What is said of each, and what to do."""


def _source(standing: Standing) -> NotWatching | None:
    """Why no frames flow; None while they do."""
    detail, state = standing.detail, standing.state
    match state:
        case StreamState.PAUSED:
            return _because(R.PAUSED, "This camera is paused.", "Resume it to watch it again.")
        case StreamState.CONNECTING if standing.learning is not None:
            return _because(R.LEARNING, standing.learning, "Wait until it is done.")
        case StreamState.CONNECTING:
            return _because(R.CONNECTING, "Connecting to the camera.", "Wait a moment.")
        case StreamState.OFFLINE if standing.cause is Cause.FINISHED:
            advice = "Nothing has to be done. To go on, choose another file."
            return _because(R.OFFLINE, "The video has been played to its end.", advice, fault=False)
        case StreamState.STALLED | StreamState.OFFLINE | StreamState.FAILED:
            advice = standing.advice or DEFAULT_ADVICE
            return _because(R(state.value), _sentence(detail or "The camera sends no picture"), advice)
        case _:
            return None


def _sight(standing: Standing, zone: tzinfo) -> NotWatching | None:
    """Why nothing can be seen; None while something can."""
    if standing.blind is None or standing.blind_since is None:
        return None
    message, advice = BLIND[standing.blind]
    return _because(R(standing.blind.value), message.format(since=clock(standing.blind_since, zone)), advice)


def _learned(standing: Standing) -> NotWatching | None:
    """Why there is nothing to score by; None where there is."""
    if standing.enrolled:
        return None
    if standing.learning is not None:
        return _because(R.LEARNING, standing.learning, "Let the scene be as it usually is until then.")
    if standing.failed is not None:
        message = f"Learning what is normal here failed: {standing.failed.rstrip('.')}."
        return _because(R.ENROLMENT_FAILED, message, "Learn again, for longer or from other footage.")
    if standing.misfit is not None:
        said = _sentence(standing.misfit)
        message = said if said.startswith("What was learned") else f"What was learned here cannot be used: {said}"
        return _because(R.NOT_ENROLLED, message, "Let this camera learn again, or take the change back.")
    message = "This camera has not learned what is normal here."
    return _because(R.NOT_ENROLLED, message, "Let it learn from some minutes of ordinary footage.")


def _pace(standing: Standing) -> NotWatching | None:
    """Why frames that could be scored are not, or too few of them; None if they are."""
    if standing.overloaded:
        message = f"This computer is too busy: it leaves out {100 * standing.lost:.0f} % of this camera's frames."
        return _because(R.OVERLOADED, message, "Lower a camera's frame rate, or pause one.")
    if standing.disturbed:
        message = "The whole picture keeps changing, so nothing in it can be told apart."
        return _because(R.DISTURBED, message, "See whether the camera shakes, or its light flickers.")
    if not standing.scoring:
        return _because(R.CONNECTING, "The first frames are on their way.", "Wait a moment.")
    return None


def _because(reason: NotWatchingReason, message: str, advice: str, *, fault: bool | None = None) -> NotWatching:
    return NotWatching(
        reason=reason, message=message, advice=advice, fault=reason not in NO_FAULT if fault is None else fault
    )


def _sentence(text: str) -> str:
    begun = text[:1].upper() + text[1:]
    return begun if begun.endswith((".", "!", "?")) else f"{begun}."


def clock(moment: datetime, zone: tzinfo) -> str:
    """The time of day where the camera hangs; with its date once that is another."""
    there, now = moment.astimezone(zone), datetime.now(zone)
    day = "" if there.date() == now.date() else f" on {there:%-d %B}"
    return f"{there:%H:%M}{' UTC' if zone is UTC else ''}{day}"
