from __future__ import annotations

import pytest

from service.ingest.trust import FIRST_PATIENCE_S, Trust

LONGEST_S = 2.0


def judge(trust: Trust, stamps: list[float | None], begin: float, step: float = 0.1) -> list[bool]:
    return [trust.judge(pts, begin + index * step, LONGEST_S) for index, pts in enumerate(stamps)]


def test_two_odd_stamps_do_no_harm_and_a_third_soon_after_does() -> None:
    trust = Trust()
    assert all(judge(trust, [0.0, 0.1, 0.1, 0.1, 0.4, 0.5], 0.0))
    assert judge(trust, [0.5], 0.6) == [False]
    assert trust.reason == "do not change"


def test_an_odd_stamp_now_and_then_is_forgiven() -> None:
    trust = Trust()
    for index in range(3000):
        assert trust.judge(None if index % 25 == 0 else index / 10, index / 10, LONGEST_S)


@pytest.mark.parametrize("losses", [1, 2, 3])
def test_who_fails_again_has_to_be_sound_for_twice_as_long(losses: int) -> None:
    trust, now = Trust(), 0.0
    for loss in range(losses):
        judge(trust, [1.0] * 10, now)
        assert not trust.given
        now += 1.0
        sound = 0
        while not trust.judge(now, now, LONGEST_S):
            now += 0.1
            sound += 1
        assert sound / 10 == pytest.approx(FIRST_PATIENCE_S * 2**loss, rel=0.05)
