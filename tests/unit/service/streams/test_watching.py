"""Every reason for which a stream is not being watched, with what is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from service.contracts.stream import NotWatchingReason, StreamState
from service.frames import Blindness
from service.ingest.failures import Cause
from service.streams.watching import NO_FAULT, Standing, not_watching

S, R = StreamState, NotWatchingReason
HALF = "Learning what is normal, 50 of 100 frames."
NOW = datetime.now(UTC)
WATCHING = Standing(S.LIVE, enrolled=True, scoring=True)
DOWN = "The camera at 10.0.0.5:554 refused the connection."

REASONS = [
    (Standing(S.CONNECTING), R.CONNECTING, "Connecting to the camera."),
    (Standing(S.CONNECTING, learning=HALF), R.LEARNING, HALF),
    (Standing(S.STALLED, "no picture came"), R.STALLED, "No picture came."),
    (Standing(S.OFFLINE, DOWN, Cause.REFUSED), R.OFFLINE, DOWN),
    (Standing(S.FAILED, "wrong password", Cause.UNAUTHORIZED), R.FAILED, "Wrong password."),
    (Standing(S.PAUSED), R.PAUSED, "This camera is paused."),
    (Standing(S.ENROLLING, learning=HALF), R.LEARNING, HALF),
    (Standing(S.LIVE), R.NOT_ENROLLED, "This camera has not learned what is normal here."),
    (
        Standing(S.LIVE, misfit="It is for svad."),
        R.NOT_ENROLLED,
        "What was learned here cannot be used: It is for svad.",
    ),
    (
        Standing(S.LIVE, failed="too few frames."),
        R.ENROLMENT_FAILED,
        "Learning what is normal here failed: too few frames.",
    ),
    (
        replace(WATCHING, lost=0.8, overloaded=True),
        R.OVERLOADED,
        "This computer is too busy: it leaves out 80 % of this camera's frames.",
    ),
    (
        replace(WATCHING, disturbed=True),
        R.DISTURBED,
        "The whole picture keeps changing, so nothing in it can be told apart.",
    ),
    (replace(WATCHING, scoring=False), R.CONNECTING, "The first frames are on their way."),
    *(
        (replace(WATCHING, state=S.BLIND, blind=each, blind_since=NOW), R(each.value), f" since {NOW:%H:%M} UTC.")
        for each in Blindness
    ),
]


def test_a_stream_that_is_scored_is_watched() -> None:
    assert not_watching(WATCHING) is None


def test_every_reason_is_told_of() -> None:
    assert {reason for _, reason, _ in REASONS} == set(R)


@pytest.mark.parametrize(("standing", "reason", "message"), REASONS)
def test_why_it_is_not(standing: Standing, reason: NotWatchingReason, message: str) -> None:
    why = not_watching(standing)
    assert why is not None
    assert why.reason is reason
    assert why.message.endswith(message)
    assert why.advice.endswith(".")
    assert why.fault is (reason not in NO_FAULT)


def test_a_video_that_has_ended_is_no_fault() -> None:
    why = not_watching(Standing(S.OFFLINE, "The video has been played to its end.", Cause.FINISHED))
    assert why is not None
    assert (why.reason, why.fault) == (R.OFFLINE, False)


@pytest.mark.parametrize("state", [S.STALLED, S.OFFLINE, S.FAILED])
def test_what_to_do_about_a_source_is_said_beside_what_happened(state: StreamState) -> None:
    why = not_watching(Standing(state, DOWN, Cause.REFUSED, "Check address and port."))
    assert why is not None
    assert (why.message, why.advice) == (DOWN, "Check address and port.")


def test_what_a_blind_camera_learned_does_not_matter_now() -> None:
    standing = Standing(S.BLIND, blind=Blindness.COVERED, blind_since=NOW, learning=HALF)
    why = not_watching(standing)
    assert why is not None
    assert why.reason is R.COVERED


def test_times_are_those_where_the_camera_hangs() -> None:
    noon = datetime(2026, 3, 1, 12, 4, tzinfo=UTC)
    standing = replace(WATCHING, blind=Blindness.FROZEN, blind_since=noon)
    there = not_watching(standing, ZoneInfo("Asia/Tokyo"))
    assert there is not None
    assert there.message == "The picture has not changed since 21:04 on 1 March."


def test_a_camera_that_has_a_profile_is_watched_while_it_learns_again() -> None:
    assert not_watching(replace(WATCHING, learning=HALF, failed="too few frames")) is None
