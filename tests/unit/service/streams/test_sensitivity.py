from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from models.scoring.promise import untried
from service.contracts.alert import Alert
from service.contracts.sensitivity import SensitivityPreview, SensitivitySpec
from service.contracts.stream import StreamSpec, StreamState
from service.delivery.feed import RememberedScore, ScoreFeed
from service.delivery.minutes import ScoreMinutes
from service.errors import NO_PROFILE, Conflict
from service.guidance.history import HistoryFrame
from service.pipeline.scored import FULL_SCALE
from service.store.score_minutes import ScoreMinute
from service.streams.sensitivity import LISTED, Past, rehearse, wished

START = 1_777_896_000.0
"""A whole minute."""

LIVE = StreamState.LIVE
NOW = 0.9 * FULL_SCALE


def frames(*runs: tuple[float, float, float | None], rate: int = 10) -> list[RememberedScore]:
    """Frames at ten a second; of each run when it begins and ends, in seconds, and its score."""
    return [
        RememberedScore(START + begin + index / rate, score, LIVE)
        for begin, end, score in runs
        for index in range(round((end - begin) * rate))
    ]


def minutes(*scores: float | None) -> list[ScoreMinute]:
    """Of the minutes before the start, the last score that of the last of them."""
    first = int(START // 60) - len(scores)
    return [ScoreMinute("a", first + index, score, LIVE) for index, score in enumerate(scores)]


def tried(
    past: Past, score: float = 0.5, history: Sequence[HistoryFrame] = (), known: Sequence[Alert] = ()
) -> SensitivityPreview:
    return rehearse(untried(score * FULL_SCALE), NOW, past, history, known)


def seconds(moment: datetime) -> float:
    return moment.timestamp() - START


def test_frames_make_the_alerts_that_their_state_machine_makes() -> None:
    glance, event = (10, 10.1, 0.8), (20, 22, 0.7)
    runs = [(0, 10, 0.1), glance, (10.1, 20, 0.1), event, (22, 60, 0.1), (60, 62, 0.95), (62, 70, 0.1)]
    found = tried(Past([], frames(*runs)))
    assert (found.count, found.count_now, found.exact) == (2, 1, True)
    later, earlier = found.alerts
    assert (later.peak_score, earlier.peak_score) == (0.95, 0.7)
    assert seconds(earlier.opened_at) == pytest.approx(20, abs=0.5)
    assert later.exact
    assert found.watched_s == pytest.approx(70, abs=0.5)
    assert (found.threshold, found.threshold_now) == (0.5, 0.9)


def test_an_alert_that_lasts_counts() -> None:
    (alert,) = tried(Past([], frames((0, 10, 0.1), (10, 13, 0.8)))).alerts
    assert seconds(alert.closed_at) == pytest.approx(13, abs=0.2)


def test_minutes_in_a_row_are_one_alert_and_the_number_is_about_right() -> None:
    past = Past(minutes(0.6, 0.7, 0.2, 0.8, 0.1), [])
    found = tried(past)
    assert (found.count, found.count_now, found.exact) == (2, 0, False)
    assert [(seconds(each.opened_at), seconds(each.closed_at)) for each in found.alerts] == [(-120, -60), (-300, -180)]
    assert [(each.peak_score, each.exact) for each in found.alerts] == [(0.8, False), (0.7, False)]
    assert found.watched_s == 300
    assert found.since is not None
    assert seconds(found.since) == -300


def test_a_gap_ends_an_alert_of_minutes() -> None:
    first, last = minutes(0.6, 0.6, 0.6)[::2]
    assert tried(Past([first, last], [])).count == 2


def test_a_clock_that_was_set_back_ends_nothing_else() -> None:
    found = tried(Past([], frames((100, 110, 0.1), (110, 112, 0.8), (0, 30, 0.1), (30, 32, 0.8))))
    assert found.count == 2


def test_scores_that_are_not_told_apart_make_no_exact_number() -> None:
    found = tried(Past([], frames((0, 5, 0.2), (5, 8, 1.0))), 1.0)
    assert (found.count, found.exact) == (1, False)


def test_what_it_would_promise_is_said() -> None:
    promise = untried(3.0, 5.0)
    found = rehearse(promise, NOW, Past([], []), (), ())
    assert (found.promise, found.threshold, found.threshold_now) == (promise.sentence, 0.5, 0.9)
    assert (found.since, found.watched_s, found.count) == (None, 0.0, 0)


def test_a_wish_takes_the_place_of_what_is_set() -> None:
    stream = StreamSpec(name="Yard", url="rtsp://camera.example/1", alerts_per_day=5, fps=7)
    by_score = wished(SensitivitySpec(threshold=0.4), stream)
    assert (by_score.threshold, by_score.alerts_per_day, by_score.fps) == (0.4, None, 7)
    by_rate = wished(SensitivitySpec(alerts_per_day=2), by_score)
    assert (by_rate.threshold, by_rate.alerts_per_day) == (None, 2)


def test_there_is_nothing_to_try_where_nothing_was_learned() -> None:
    with pytest.raises(Conflict, match="has not learned what is normal yet") as refused:
        rehearse(None, None, Past([], []), (), ())
    assert refused.value.kind is NO_PROFILE


def test_only_the_newest_are_listed() -> None:
    past = Past(minutes(*[0.6, 0.1] * (LISTED + 5)), [])
    found = tried(past)
    assert (found.count, len(found.alerts)) == (LISTED + 5, LISTED)
    assert seconds(found.alerts[0].opened_at) == -120


def history_frame(second: float, **changes: Any) -> HistoryFrame:
    values: dict[str, Any] = {
        "at": START + second,
        "pts": second,
        "epoch": 0,
        "surprise": 3.0,
        "calm": 0.0,
        "boxes": np.zeros((2, 4), np.float32),
        "surprises": np.array([0.5, 4.0], np.float32),
        "tracks": (1, 2),
        "labels": ("person", "person"),
        "embeddings": (None, None),
        "captions": (None, None),
        "thumbnails": {1: b"calm", 2: b"fast"},
        "size": 0,
    }
    return HistoryFrame(**values | changes)


def test_the_picture_is_of_the_most_unusual_object_near_the_peak() -> None:
    past = Past([], frames((0, 10, 0.1), (10, 12, 0.8), (12, 20, 0.1)))
    far = history_frame(16.0, surprises=np.array([9.0, 9.0], np.float32), thumbnails={1: b"later", 2: b"later"})
    (alert,) = tried(past, history=[history_frame(11.0), far]).alerts
    assert alert.picture == "data:image/jpeg;base64,ZmFzdA=="
    unknown = history_frame(11.0, surprises=np.full(2, np.nan, np.float32))
    assert tried(past, history=[unknown]).alerts[0].picture == "data:image/jpeg;base64,Y2FsbQ=="
    assert tried(past, history=[far]).alerts[0].picture is None


def known_alert(second: float, snapshot: str | None) -> Alert:
    moment = datetime.fromtimestamp(START + second, UTC)
    return Alert(
        id=f"a{second:.0f}",
        stream_id="a",
        stream_name="Yard",
        opened_at=moment,
        updated_at=moment,
        closed_at=moment + timedelta(seconds=2),
        message="Moving too fast.",
        snapshot=snapshot,
        state="closed",
        objects=[],
        heads={},
    )


def test_the_alert_that_there_was_is_named_with_its_picture() -> None:
    past = Past(minutes(0.8, 0.1), frames((0, 10, 0.1), (10, 12, 0.8), (12, 20, 0.1)))
    before, now, other = known_alert(-90, "a-90.jpg"), known_alert(10.5, None), known_alert(40, "a40.jpg")
    newest, oldest = tried(past, known=[other, now, before]).alerts
    assert (newest.alert_id, newest.picture) == ("a10", None)
    assert (oldest.alert_id, oldest.picture) == ("a-90", "alerts/a-90/snapshot.jpg")


def past_of(remembered: Sequence[RememberedScore], whole: bool, kept: Sequence[ScoreMinute]) -> Past:
    feed, store = Mock(ScoreFeed), Mock(ScoreMinutes)
    feed.remembered.return_value = (remembered, whole)
    store.between.side_effect = lambda _stream, begin, end: [
        each for each in kept if int(begin // 60) <= each.minute < -(-end // 60)
    ]
    return Past.of(feed, store, "a", START - 86_400, START + 600)


def test_no_moment_is_counted_twice() -> None:
    """Frames from the middle of a minute on: of a whole feed the others are of a former life, else they are lost."""
    remembered = frames((30, 200, 0.4))
    kept = minutes(0.1, 0.2) + [ScoreMinute("a", int(START // 60) + index, 0.4, LIVE) for index in range(3)]
    past = past_of(remembered, True, kept)
    assert [each.minute - START // 60 for each in past.minutes] == [-2, -1]
    assert past.frames[0].at == START + 30
    past = past_of(remembered, False, kept)
    assert [each.minute - START // 60 for each in past.minutes] == [-2, -1, 0]
    assert past.frames[0].at == START + 60


def test_without_frames_all_minutes_count_that_have_a_score() -> None:
    past = past_of([], True, minutes(0.1, None, 0.3))
    assert [each.score for each in past.minutes] == [0.1, 0.3]
    assert (past.since, past.watched_s) == (START - 180, 120)


def test_what_was_not_scored_was_not_watched() -> None:
    past = past_of(frames((0, 10, 0.1), (10, 20, None), (50, 55, 0.1)), True, [])
    assert past.watched_s == pytest.approx(16, abs=1.1)  # the last score before a pause stands for a second at most
