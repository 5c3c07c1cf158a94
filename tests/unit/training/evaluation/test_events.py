"""Hand-computed cases of events against alerts, and the latency-aware average precision against its formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.events import HALF_LIFE_S, event_metrics, latency_aware_ap, share_interval, time_overlaps
from training.evaluation.metrics import ClipAlerts, frame_metrics


def clip(frames, events, alerts, fps=10.0):
    labels = np.zeros(frames, np.uint8)
    for start, end in events:
        labels[start:end] = 1
    return ClipAlerts(labels, tuple(events), tuple(alerts), np.arange(frames) / fps)


def metrics(*clips):
    return event_metrics(clips, [each.labels.astype(float) for each in clips])


def test_overlaps_are_of_seconds():
    one = clip(100, [(20, 40), (60, 70)], [(30, 50), (60, 70), (80, 100)])
    np.testing.assert_allclose(time_overlaps(one), [[10 / 30, 0.0], [0.0, 1.0], [0.0, 0.0]])
    # frames that lie apart in time count by it: the alert is one frame, and three quarters of the event
    slow = ClipAlerts(np.ones(3, np.uint8), ((0, 2),), ((1, 2),), np.array([0.0, 1.0, 4.0]))
    np.testing.assert_allclose(time_overlaps(slow), [[0.75]])


def test_noticed_in_time_and_at_all():
    # 1.0 s, 3.0 s after onset, and never; one alert is of nothing
    found = metrics(clip(400, [(20, 60), (100, 150), (200, 210)], [(30, 50), (130, 160), (300, 320)]))
    assert (found.events, found.noticed, found.noticed_in_time) == (3, 2, 1)
    assert (found.recall, found.recall_in_time) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert (found.alerts, found.true_alerts) == (3, 2)


def test_the_deadline_itself_is_in_time():
    assert metrics(clip(100, [(20, 80)], [(40, 60)])).noticed_in_time == 1
    assert metrics(clip(100, [(20, 80)], [(41, 60)])).noticed_in_time == 0


def test_precision_recall_and_f1_at_an_overlap():
    # overlaps 10/30 and 1: both at 0.2, one at 0.5; the third alert is of nothing
    found = metrics(clip(100, [(20, 40), (60, 70)], [(30, 50), (60, 70), (80, 100)]))
    loose, strict = found.tiou["0.2"], found.tiou["0.5"]
    assert (loose.matched, strict.matched) == (2, 1)
    assert (loose.precision, loose.recall, loose.f1) == pytest.approx((2 / 3, 1.0, 4 / 5))
    assert (strict.precision, strict.recall, strict.f1) == pytest.approx((1 / 3, 1 / 2, 2 / 5))


def test_many_alerts_in_one_event_are_one_found_and_the_rest_false():
    found = metrics(clip(100, [(0, 90)], [(0, 30), (30, 60), (60, 90)])).tiou["0.2"]
    assert (found.matched, found.precision, found.recall) == (1, pytest.approx(1 / 3), 1.0)


def test_one_alert_over_two_events_is_of_one():
    found = metrics(clip(100, [(10, 30), (40, 60)], [(10, 60)])).tiou["0.2"]
    assert (found.matched, found.precision, found.recall) == (1, 1.0, 0.5)


def test_pairs_are_made_so_that_there_are_most():
    # the first alert fits both events, better the second one, which is all that the second alert fits
    found = metrics(clip(100, [(10, 30), (25, 50)], [(15, 50), (30, 50)])).tiou["0.2"]
    assert found.matched == 2


def test_where_there_is_nothing_there_is_no_figure():
    nothing = metrics(clip(50, [], []))
    assert (nothing.recall, nothing.recall_low, nothing.recall_in_time, nothing.latency_aware_ap) == (None,) * 4
    assert (nothing.tiou["0.2"].precision, nothing.tiou["0.2"].recall, nothing.tiou["0.2"].f1) == (None,) * 3
    missed = metrics(clip(50, [(10, 20)], []))
    assert (missed.recall, missed.tiou["0.5"].precision, missed.tiou["0.5"].f1) == (0.0, None, 0.0)


def test_share_intervals_of_published_tables():
    assert share_interval(0, 12) == pytest.approx((0.0, 0.2646), abs=1e-4)
    assert share_interval(6, 6) == pytest.approx((0.5407, 1.0), abs=1e-4)
    assert share_interval(5, 10) == pytest.approx((0.1871, 0.8129), abs=1e-4)


# Latency-aware average precision


def by_formula(clips, scores):
    """Threshold by threshold, as the docstring has it."""
    pooled = np.concatenate(scores)
    labels = np.concatenate([each.labels for each in clips])
    area, before = 0.0, 0.0
    for threshold in np.unique(pooled)[::-1]:
        recalls = []
        for each, values in zip(clips, scores, strict=True):
            for start, end in each.events:
                hits = np.flatnonzero(values[start:end] >= threshold)
                late = each.pts[start + hits[0]] - each.pts[start] if len(hits) else np.inf
                recalls.append(2.0 ** (-late / HALF_LIFE_S))
        recall = float(np.mean(recalls))
        area += (recall - before) * labels[pooled >= threshold].mean()
        before = recall
    return area


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_latency_aware_ap_is_its_formula(seed):
    random = np.random.default_rng(seed)
    clips = [clip(40, [(5, 20), (25, 31)], []), clip(30, [(0, 9)], []), clip(12, [], [])]
    scores = [random.integers(0, 8, len(each.labels)) + each.labels * random.integers(0, 4) for each in clips]
    scores = [values.astype(float) for values in scores]
    assert latency_aware_ap(clips, scores) == pytest.approx(by_formula(clips, scores))


def test_it_is_one_for_events_found_at_once_and_falls_with_delay():
    one = clip(100, [(20, 80)], [])
    found = []
    for late in (0, 10, 20, 40):
        values = np.zeros(100)
        values[20 + late : 80] = 1.0
        found.append(latency_aware_ap([one], [values]))
    # what is left of recall comes at the lowest threshold, where 60 of 100 frames are anomalous
    worth = [2.0 ** (-late_s / HALF_LIFE_S) for late_s in (0.0, 1.0, 2.0, 4.0)]
    assert found == pytest.approx([each + (1 - each) * 0.6 for each in worth])
    assert found[0] == 1.0


def test_two_rankings_that_average_precision_cannot_tell_apart():
    """The same frames of the event above the normal ones, at its beginning or at its end."""
    one = clip(100, [(20, 80)], [])
    early, late = np.zeros(100), np.zeros(100)
    early[20:50], late[50:80] = 1.0, 1.0
    assert frame_metrics([one.labels], [early]).auprc == frame_metrics([one.labels], [late]).auprc
    found = [latency_aware_ap([one], [values]) or 0.0 for values in (early, late)]
    assert found[0] == 1.0
    assert found[1] < 0.75


def test_it_depends_on_the_order_of_scores_alone_and_skips_events_of_no_frame():
    one = clip(60, [(10, 30)], [])
    values = np.random.default_rng(3).random(60)
    expected = latency_aware_ap([one], [values])
    assert latency_aware_ap([one], [np.exp(5 * values) - 3]) == pytest.approx(expected)
    empty = ClipAlerts(one.labels, ((10, 30), (40, 40)), (), one.pts)
    assert latency_aware_ap([empty], [values]) == pytest.approx(expected)
