"""Hand-computed cases, a slow reading of the definitions, and invariances."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.metrics import (
    ClipAlerts,
    FrameMetrics,
    RegionFrame,
    alert_metrics,
    auc_between,
    auc_without,
    equal_error_rate,
    frame_metrics,
    kind_metrics,
    max_f1,
    padded_auc,
    region_metrics,
)


def labels(*values):
    return np.array(values, np.uint8)


def scores(*values):
    return np.array(values, np.float64)


# Frames


@pytest.mark.parametrize(
    ("truth", "values", "expected"),
    [
        (labels(0, 0, 1, 1), scores(1, 2, 3, 4), 1.0),
        (labels(0, 0, 1, 1), scores(4, 3, 2, 1), 0.0),
        (labels(0, 1, 0, 1), scores(1, 2, 3, 4), 0.75),
        (labels(0, 1), scores(5, 5), 0.5),
    ],
)
def test_micro_auc_counts_ordered_pairs(truth, values, expected):
    assert frame_metrics([truth], [values]).micro_auc == pytest.approx(expected)


def test_micro_pools_and_macro_averages():
    # in each clip the anomaly is above its neighbours, but clip two as a whole is scored higher
    measured = frame_metrics([labels(0, 1), labels(0, 1)], [scores(0.1, 0.2), scores(0.5, 0.6)])
    assert measured.micro_auc == pytest.approx(0.75)
    assert measured.macro_auc == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("truth", "values", "expected"),
    [
        # with the two added frames there are 2 x 2 pairs, of which only (normal 7, anomalous 3) is the wrong way round
        (labels(1, 0), scores(3, 7), 0.75),
        (labels(0, 0, 0), scores(3, 7, 5), 1.0),
        (labels(1, 1), scores(3, 7), 1.0),
    ],
)
def test_macro_auc_adds_a_lowest_normal_and_a_highest_anomalous_frame(truth, values, expected):
    assert padded_auc(truth, values) == pytest.approx(expected)


def test_average_precision_by_hand():
    # ranks 1 and 3 of 4 are anomalous: precision 1 at recall 1/2, 2/3 at recall 1
    measured = frame_metrics([labels(1, 0, 1, 0)], [scores(4, 3, 2, 1)])
    assert measured.auprc == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_max_f1_by_hand():
    # threshold 2: precision 2/3, recall 1
    assert max_f1(labels(1, 0, 1, 0), scores(4, 3, 2, 1)) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("truth", "values", "expected"),
    [
        (labels(0, 0, 1, 1), scores(1, 2, 3, 4), 0.0),
        (labels(1, 1, 0, 0), scores(1, 2, 3, 4), 1.0),
        (labels(0, 1, 0, 1), scores(1, 2, 3, 4), 0.5),  # at threshold 3: one of two false, one of two missed
        (labels(0, 1), scores(5, 5), 0.5),  # between no alarm and all alarms
        (labels(0, 0, 0, 1, 1, 0), scores(1, 2, 3, 3, 5, 0), 1 / 6),  # straight from (0, 1/2) to (1/4, 1)
    ],
)
def test_equal_error_rate(truth, values, expected):
    assert equal_error_rate(truth, values) == pytest.approx(expected)


def test_one_class_has_no_pooled_measures():
    measured = frame_metrics([labels(0, 0)], [scores(1, 2)])
    assert measured == FrameMetrics(None, None, None, None, None)


@pytest.mark.parametrize(
    ("truth", "values", "message"),
    [
        ([labels(0, 1)], [scores(1)], r"clip 0: expected a score for each label"),
        ([labels(0, 1), labels(0)], [scores(1, 2), scores(np.nan)], r"clip 1: expected finite scores"),
        ([labels(0, 1)], [scores(1, np.inf)], r"expected finite scores, got 1"),
        ([], [], "at least one clip"),
        ([labels()], [scores()], "expected a score for each label"),
    ],
)
def test_bad_input_is_refused(truth, values, message):
    with pytest.raises(ValueError, match=message):
        frame_metrics(truth, values)


clips = st.lists(
    st.lists(st.tuples(st.integers(0, 1), st.integers(-50, 50)), min_size=1, max_size=30), min_size=1, max_size=4
)


@given(clips, st.sampled_from([np.exp, np.arctan, lambda x: x**3, lambda x: 7 * x - 3]))
@settings(max_examples=60, deadline=None)
def test_measures_depend_on_the_order_of_scores_alone(drawn, monotone):
    truth = [np.array([row[0] for row in clip], np.uint8) for clip in drawn]
    values = [np.array([row[1] / 10 for row in clip]) for clip in drawn]  # arctan keeps -5 to 5 apart
    before, after = frame_metrics(truth, values), frame_metrics(truth, [monotone(clip) for clip in values])
    for name in ("micro_auc", "macro_auc", "auprc", "max_f1", "eer"):
        first, second = getattr(before, name), getattr(after, name)
        assert first == second or first == pytest.approx(second)


@given(clips)
@settings(max_examples=60, deadline=None)
def test_turning_scores_and_labels_round_keeps_the_auc(drawn):
    truth = [np.array([row[0] for row in clip], np.uint8) for clip in drawn]
    values = [np.array([row[1] for row in clip], np.float64) for clip in drawn]
    there = frame_metrics(truth, values)
    back = frame_metrics([1 - clip for clip in truth], [-clip for clip in values])
    for name in ("micro_auc", "macro_auc", "eer"):
        first, second = getattr(there, name), getattr(back, name)
        assert first == second or first == pytest.approx(second)


# Regions and tracks

BOX = (0.0, 0.0, 1.0, 1.0)
FAR = (5.0, 5.0, 1.0, 1.0)
FARTHER = (9.0, 9.0, 1.0, 1.0)


def frame(true=(), found=()):
    """``true``: (box, track); ``found``: (box, score)."""
    return RegionFrame(
        np.array([box for box, _ in true], np.float32).reshape(-1, 4),
        np.array([track for _, track in true], np.int64),
        np.array([box for box, _ in found], np.float32).reshape(-1, 4),
        np.array([score for _, score in found], np.float64),
    )


@pytest.mark.parametrize(
    ("frames", "rbdc", "tbdc"),
    [
        pytest.param([frame([(BOX, 0)], [(BOX, 1.0)])], 1.0, 1.0, id="found, nothing false"),
        pytest.param([frame([(BOX, 0)], [(FAR, 1.0)])], 0.0, 0.0, id="missed"),
        pytest.param([frame([(BOX, 0)], [])], 0.0, 0.0, id="nothing detected"),
        pytest.param(
            [frame([(BOX, 0)], [(BOX, 1.0), (FAR, 2.0)])],
            0.0,
            0.0,
            id="one false region a frame comes before: found at the very end of the curve",
        ),
        pytest.param(
            [frame([(BOX, 0)], [(BOX, 2.0), (FAR, 1.0)]), frame()], 1.0, 1.0, id="false regions that come later"
        ),
        pytest.param(
            # rate 1/2 from 0 to 1/2 false a frame (one false in two frames), then straight up to 1 at no cost
            [frame([(BOX, 0)], [(BOX, 3.0), (FAR, 2.0)]), frame([(BOX, 1)], [(BOX, 1.0)])],
            0.75,
            0.75,
            id="a half, then all",
        ),
        pytest.param(
            # tie of the found and the false region: straight from (0, 0) to (1, 1)
            [frame([(BOX, 0)], [(BOX, 1.0), (FAR, 1.0)])],
            0.5,
            0.5,
            id="tie",
        ),
        pytest.param(
            # straight from (0, 0) to (2, 1), cut off at 1: a triangle of height 1/2
            [frame([(BOX, 0)], [(BOX, 1.0), (FAR, 1.0), (FARTHER, 1.0)])],
            0.25,
            0.25,
            id="cut off inside a step",
        ),
        pytest.param(
            # one of ten regions makes the track, and a tenth of the regions
            [frame([(BOX, 0)], [(BOX, 1.0)] if index == 4 else []) for index in range(10)],
            0.1,
            1.0,
            id="a tenth of a track is enough",
        ),
        pytest.param(
            [frame([(BOX, 0)], [(BOX, 1.0)] if index == 4 else []) for index in range(11)],
            1 / 11,
            0.0,
            id="less than a tenth is not",
        ),
        pytest.param(
            [frame([(BOX, 0), ((0.1, 0, 1, 1), 1)], [(BOX, 1.0)])], 1.0, 1.0, id="one detection finds two regions"
        ),
        pytest.param(
            [frame([(BOX, 0)], [(BOX, 1.0), ((0.1, 0, 1, 1), 9.0)])],
            1.0,
            1.0,
            id="two detections of one: none is false",
        ),
    ],
)
def test_regions_by_hand(frames, rbdc, tbdc):
    measured = region_metrics(frames)
    assert measured is not None
    assert (measured.rbdc, measured.tbdc) == pytest.approx((rbdc, tbdc))


def test_no_regions_no_criterion():
    assert region_metrics([frame(found=[(BOX, 1.0)])]) is None
    assert region_metrics([]) is None


def slow_region_metrics(frames):
    """The definitions, threshold by threshold and box by box."""
    thresholds = sorted({float(score) for entry in frames for score in entry.scores}, reverse=True)
    points = [(0.0, 0.0, 0.0)]
    for threshold in thresholds:
        false, hits = 0, {}
        for number, entry in enumerate(frames):
            kept = [box for box, score in zip(entry.detected, entry.scores, strict=True) if score >= threshold]
            for box in kept:
                false += all(overlap(box, true) < 0.1 for true in entry.boxes)
            for place, (true, track) in enumerate(zip(entry.boxes, entry.tracks, strict=True)):
                hits[number, place] = (int(track), any(overlap(box, true) >= 0.1 for box in kept))
        tracks = {track: [hit for other, hit in hits.values() if other == track] for track, _ in hits.values()}
        points.append(
            (
                false / len(frames),
                float(np.mean([hit for _, hit in hits.values()])),
                float(np.mean([sum(found) * 10 >= len(found) for found in tracks.values()])),
            )
        )
    return area(points, 1), area(points, 2)


def area(points, column):
    total = 0.0
    for first, second in pairwise(points):
        (x0, y0), (x1, y1) = (first[0], first[column]), (second[0], second[column])
        if x0 >= 1:
            return total
        end = min(x1, 1.0)
        height = y1 if end == x1 else y0 + (y1 - y0) * (end - x0) / (x1 - x0)
        total += (end - x0) * (y0 + height) / 2
    return total + max(0.0, 1 - points[-1][0]) * points[-1][column]


def overlap(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


cells = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3), st.integers(1, 3))
region_frames = st.lists(
    st.tuples(
        st.lists(st.tuples(cells, st.integers(0, 2)), max_size=3),
        st.lists(st.tuples(cells, st.integers(0, 5)), max_size=4),
    ),
    min_size=1,
    max_size=12,
)


@given(region_frames)
@settings(max_examples=150, deadline=None)
def test_regions_agree_with_the_slow_reading_of_the_definition(drawn):
    frames = [frame(true, found) for true, found in drawn]
    measured = region_metrics(frames)
    if not any(true for true, _ in drawn):
        assert measured is None
        return
    assert measured is not None
    rbdc, tbdc = slow_region_metrics(frames)
    assert (measured.rbdc, measured.tbdc) == pytest.approx((rbdc, tbdc))


# Alerts


def clip(truth, alerts, events=None, step=0.5):
    truth = np.array(truth, np.uint8)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], truth, [0])).astype(int)))
    return ClipAlerts(
        truth,
        events if events is not None else list(zip(edges[::2], edges[1::2], strict=True)),
        alerts,
        np.arange(len(truth)) * step,
    )


@pytest.mark.parametrize(
    ("clip", "delays", "missed", "false"),
    [
        pytest.param(clip([0, 0, 1, 1, 1, 0], [(3, 6)]), (0.5,), 0, 0, id="one frame late"),
        pytest.param(clip([0, 0, 1, 1, 1, 0], [(2, 5)]), (0.0,), 0, 0, id="at once"),
        pytest.param(clip([0, 0, 1, 1, 1, 0], []), (), 1, 0, id="missed"),
        pytest.param(clip([0, 0, 1, 1, 1, 0], [(5, 6)]), (), 1, 1, id="after the event is a miss and false"),
        pytest.param(clip([0, 0, 1, 1, 1, 0], [(0, 1)]), (), 1, 1, id="before the event is a miss and false"),
        pytest.param(clip([0, 0, 1, 1, 1, 0], [(1, 4)]), (0.0,), 0, 1, id="open already: no delay, but false"),
        pytest.param(clip([1, 1, 0, 0, 1, 1], [(1, 3), (5, 6)]), (0.5, 0.5), 0, 0, id="two events"),
        pytest.param(clip([1, 1, 0, 0, 1, 1], [(1, 6)]), (0.5, 0.0), 0, 0, id="one alert over both"),
        pytest.param(clip([0, 1, 1, 1, 1, 0], [(3, 4)], [(1, 3), (2, 5)]), (0.5,), 1, 0, id="overlapping events"),
        pytest.param(clip([0, 0, 0], [(0, 1), (2, 3)]), (), 0, 2, id="normal clip"),
    ],
)
def test_delays_misses_and_false_alarms(clip, delays, missed, false):
    measured = alert_metrics([clip])
    assert measured.delays_s == pytest.approx(delays)
    assert (measured.missed, measured.false_alarms) == (missed, false)
    assert measured.events == len(delays) + missed


def test_false_alarms_per_hour_of_normal_footage():
    # 7200 normal frames of half a second are one hour, the anomalous ones do not count
    measured = alert_metrics([clip([0] * 7200 + [1] * 500, [(10, 20), (600, 700), (7300, 7400)])])
    assert measured.normal_hours == pytest.approx(1.0)
    assert measured.false_alarms_per_hour == pytest.approx(2.0)
    assert measured.mean_delay_s == pytest.approx(50.0)


def test_nothing_normal_and_nothing_noticed():
    measured = alert_metrics([clip([1, 1, 1], [])])
    assert (measured.mean_delay_s, measured.false_alarms_per_hour) == (None, None)


def test_each_kind_is_measured_against_normal_frames_alone():
    # runs score below the normal frame of 4, falls above all; the frames of one kind are nothing to the other
    truth = clip([0, 1, 1, 0, 1, 1], alerts=[(4, 6)], events=[(1, 3), (4, 6)])
    scores = [np.array([1.0, 2.0, 3.0, 4.0, 8.0, 9.0])]
    figures = kind_metrics([truth], [("run", "fall")], scores)
    assert list(figures) == ["fall", "run"]
    assert (figures["fall"].auc, figures["fall"].missed) == (1.0, 0)
    assert (figures["run"].auc, figures["run"].missed) == (0.5, 1)
    assert (figures["run"].frames, figures["run"].events) == (2, 1)


def test_a_frame_in_which_nothing_of_an_event_shows_is_not_of_its_kind():
    truth = clip([0, 1, 0, 1], alerts=[], events=[(1, 4)])  # hidden behind a tree in between
    (figures,) = kind_metrics([truth], [("run",)], [np.array([1.0, 3.0, 0.0, 3.0])]).values()
    assert (figures.auc, figures.frames) == (1.0, 2)


def test_without_a_kind_its_frames_count_for_neither_side():
    truth = clip([0, 1, 1, 0, 1, 1], alerts=[], events=[(1, 3), (2, 3), (4, 6)])
    scores, kinds = [np.array([1.0, 2.0, 3.0, 4.0, 8.0, 9.0])], [("run", "fall", "fall")]
    assert auc_without([truth], kinds, ["run"], scores) == pytest.approx(5 / 6)  # the run's second frame is a fall's
    assert auc_without([truth], kinds, [], scores) == pytest.approx(6 / 8)
    assert auc_without([truth], kinds, ["run", "fall"], scores) is None


def test_events_that_overlap_count_for_both_kinds():
    truth = clip([0, 1, 1], alerts=[], events=[(1, 3), (2, 3)])
    figures = kind_metrics([truth], [("run", "fall")], [np.array([1.0, 0.0, 2.0])])
    assert (figures["run"].auc, figures["fall"].auc) == (0.5, 1.0)


def test_no_auc_where_one_side_has_no_frames():
    mask = np.zeros(3, bool)
    assert auc_between([~mask], [mask], [np.arange(3.0)]) is None
    assert auc_between([mask], [~mask], [np.arange(3.0)]) is None
