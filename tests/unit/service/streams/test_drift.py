from __future__ import annotations

import base64
from datetime import UTC, datetime
from unittest.mock import Mock

import numpy as np
import pytest

from models.scoring.calibration import Calibration
from service.delivery.drift import DriftWatch
from service.profiles.profile import Profile
from service.store.drift import DayCount, DayMoment
from service.streams.drift import drift_of
from service.streams.notes import drift_notes

LEARNED = datetime(2026, 3, 1, tzinfo=UTC)
TODAY = datetime(2026, 3, 9).toordinal()
DAY = 864_000


@pytest.fixture
def profile() -> Profile:
    heights = np.random.default_rng(0).exponential(size=600)
    fused = Calibration.fit(np.repeat(heights, 10), [0] * 6000)
    return Profile({}, fused, "motion", LEARNED, "live", 6000, 600.0, None)


def watch(*shares: float) -> Mock:
    """Of days with these shares of unusual frames, the newest first, and a moment each."""
    days = [DayCount("a", TODAY - index, LEARNED, DAY, round(share * DAY)) for index, share in enumerate(shares)]
    known = Mock(DriftWatch)
    known.days.side_effect = lambda stream_id, learned_at: days if (stream_id, learned_at) == ("a", LEARNED) else []
    known.moments.side_effect = lambda _stream, day: [
        DayMoment("a", day, datetime.fromordinal(day).replace(tzinfo=UTC), 4.5, b"jpeg %d" % day)
    ]
    return known


def test_days_are_told_with_their_shares_and_whether_they_are_beyond_what_was_learned(profile: Profile) -> None:
    drift = drift_of(watch(0.012, 0.05), "a", profile, 10.0)
    assert [(each.day.day, each.share, each.beyond) for each in drift.days] == [(9, 0.012, False), (8, 0.05, True)]
    assert (drift.changed, drift.moments, drift.expected) == (False, [], 0.01)
    assert drift_notes(drift) == []


def test_where_normal_has_changed_it_is_said_with_the_pictures_of_those_days(profile: Profile) -> None:
    drift = drift_of(watch(0.05, 0.062, 0.01), "a", profile, 10.0)
    assert drift.changed
    pictures = [base64.b64decode(each.picture.removeprefix("data:image/jpeg;base64,")) for each in drift.moments]
    assert pictures == [b"jpeg %d" % TODAY, b"jpeg %d" % (TODAY - 1)]
    assert drift.moments[0].score == 0.75
    assert drift_notes(drift) == [
        "Normal has changed here: on the last two days 6.2 % and 5.0 % of the pictures were as unusual as 1 % was "
        "while learning. Extend what was learned?"
    ]


def test_nothing_is_said_while_nothing_is_learned() -> None:
    assert drift_notes(None) == []


def test_a_slow_stream_is_judged_by_its_own_rate(profile: Profile) -> None:
    """At one frame in ten seconds a day has 8,640 frames, and an hour of them says something of the day."""
    known = watch()
    known.days.side_effect = None
    known.days.return_value = [DayCount("a", TODAY - index, LEARNED, 8640, 1000) for index in range(2)]
    assert drift_of(known, "a", profile, 0.1).changed
    assert not drift_of(known, "a", profile, 10.0).changed
