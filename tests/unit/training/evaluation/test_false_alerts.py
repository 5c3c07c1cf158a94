"""Whether false alerts keep to a promise."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.false_alerts import FalseAlerts, normal_clips, normal_frames
from training.evaluation.metrics import ClipAlerts


def test_a_day_without_an_alert_does_not_yet_keep_a_promise_of_one_a_day():
    found = FalseAlerts.of(0, 24.0, promised_per_day=1.0)
    assert (found.per_day, found.per_day_low) == (0.0, 0.0)
    assert found.per_day_high == pytest.approx(3.689, abs=1e-3)
    assert found.at_most_per_day == pytest.approx(2.996, abs=1e-3)
    assert found.holds is False
    assert found.hours_needed == pytest.approx(71.9, abs=0.1)
    # and after that many quiet hours it is kept, just
    hours = found.hours_needed or 0.0
    assert FalseAlerts.of(0, hours + 1e-6, 1.0).holds is True
    assert FalseAlerts.of(0, hours - 1e-3, 1.0).holds is False


def test_each_false_alert_asks_for_more_footage():
    needed = [FalseAlerts.of(count, 10.0, 5.0).hours_needed or 0.0 for count in range(4)]
    assert needed == sorted(needed)
    assert needed[0] == pytest.approx(71.9 / 5, abs=0.1)
    assert needed[1] == pytest.approx(24 * 4.744 / 5, abs=0.01)


def test_without_footage_nothing_is_said_but_what_it_would_take():
    found = FalseAlerts.of(0, 0.0, 1.0)
    assert (found.per_day, found.per_day_low, found.per_day_high, found.at_most_per_day) == (None,) * 4
    assert found.holds is None
    assert found.hours_needed == pytest.approx(71.9, abs=0.1)
    assert FalseAlerts.of(3, 1.0).holds is FalseAlerts.of(3, 1.0).hours_needed is None


def test_normal_clips_leave_out_what_leads_up_to_an_event():
    second = np.arange(3600) / 1.0
    event = np.zeros(3600, np.uint8)
    event[1000:1100] = 1
    quiet = ClipAlerts(np.zeros(3600, np.uint8), (), ((10, 20),), second)
    around = ClipAlerts(event, ((1000, 1100),), ((990, 1050), (2000, 2010)), second)
    apart, pooled = normal_clips([quiet, around]), normal_frames([quiet, around])
    assert (apart.alerts, apart.hours) == pytest.approx((1, 1.0))
    assert (pooled.alerts, pooled.hours) == pytest.approx((3, 2.0 - 100 / 3600))
    assert apart.per_day == pytest.approx(24.0)
    nothing = normal_clips([around], 1.0)
    assert (nothing.alerts, nothing.hours, nothing.per_day) == (0, 0, None)
