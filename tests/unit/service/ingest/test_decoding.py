from __future__ import annotations

import pytest

from service.ingest.decoding import Pacer


def test_frames_that_come_at_once_get_their_own_pace() -> None:
    pacer = Pacer()
    assert [pacer.delay(5.0 + index / 10, 100.0) for index in range(5)] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_lost_time_is_made_good() -> None:
    pacer = Pacer()
    pacer.delay(0.0, 100.0)
    assert pacer.delay(0.1, 100.7) == pytest.approx(-0.6)
    assert pacer.delay(0.2, 100.7) == pytest.approx(-0.5)


@pytest.mark.parametrize("leap", [3600.0, -3600.0])
def test_a_leap_of_the_clock_is_not_waited_for(leap: float) -> None:
    pacer = Pacer()
    pacer.delay(0.0, 100.0)
    assert pacer.delay(leap, 100.1) == 0.0
    assert pacer.delay(leap + 0.1, 100.1) == pytest.approx(0.1)
