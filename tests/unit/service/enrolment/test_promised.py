from __future__ import annotations

from dataclasses import replace

import pytest

from service.enrolment.promised import promise_of
from service.profiles.moments import MomentKind
from service.profiles.profile import Profile
from support.heights import between, fit, footage


@pytest.fixture(scope="module")
def minute() -> Profile:
    """A minute of normal footage with two moments that are more unusual than the rest, at 20 and 40 s."""
    return fit(footage(between(20.0, 20.5, 6.0) | between(40.0, 40.5, 4.0)))


def test_of_a_minute_without_an_alert_the_wish_is_a_guess(minute: Profile) -> None:
    promise = promise_of(minute, 1.0, 5.0, 10.0)
    assert (promise.kind, promise.alerts_per_day, promise.incidents, promise.low) == ("guess", 1.0, 0, 0.0)
    assert promise.high == pytest.approx(3.689 * 86_400 / minute.seconds, rel=1e-3)
    assert promise.hours == pytest.approx(minute.seconds / 3600, abs=1e-4)
    assert (promise.frames, promise.recordings) == (600, 1)
    assert promise.threshold == pytest.approx(5 / 6)


def test_what_the_threshold_would_have_alerted_to_is_measured(minute: Profile) -> None:
    heights = sorted((one.surprise for one in minute.moments if one.kind is MomentKind.UNUSUAL), reverse=True)
    promise = promise_of(minute, None, heights[1], 10.0)
    assert (promise.kind, promise.incidents) == ("measured", 2)
    assert promise.alerts_per_day == pytest.approx(2 * 86_400 / minute.seconds, rel=1e-3)
    assert (promise.low, promise.high) == pytest.approx(
        [bound * 86_400 / minute.seconds for bound in (0.2422, 7.2247)], rel=1e-3
    )


def test_a_wish_that_the_footage_is_long_enough_for_is_measured(minute: Profile) -> None:
    promise = promise_of(replace(minute, seconds=2 * 86_400.0), 1.0, 5.0, 10.0)
    assert (promise.kind, promise.alerts_per_day) == ("measured", 0.0)


def test_a_threshold_by_hand_that_nothing_reached_promises_nothing_but_a_bound(minute: Profile) -> None:
    promise = promise_of(minute, None, 5.9, 10.0)
    assert (promise.kind, promise.alerts_per_day) == ("guess", None)
    assert promise.high is not None


def test_without_footage_no_bound_is_known(minute: Profile) -> None:
    promise = promise_of(replace(minute, seconds=0.0), 1.0, 5.9, 10.0)
    assert (promise.high, promise.hours) == (None, 0.0)
