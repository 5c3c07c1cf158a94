from __future__ import annotations

import pytest

from service.errors import MACHINE_FULL, Overloaded
from service.streams.admission import RETRY_AFTER_S, Use, admit

LIMIT = 0.85


@pytest.mark.parametrize(
    ("use", "fps"),
    [
        (Use(0.0, 0.0, 0.0), 10),  # the first is always let in: nothing is known of what it costs
        (Use(0.40, 10, 10), 10),
        (Use(0.63, 30, 30), 10),
        (Use(0.80, 100, 100), 5),
        (Use(0.30, 10, 0), 10),  # those that went away leave room soon, but not before it shows
    ],
)
def test_a_stream_that_fits_is_let_in(use: Use, fps: float) -> None:
    admit((use,), fps, LIMIT)


@pytest.mark.parametrize(
    ("uses", "fps", "said"),
    [
        ((Use(0.44, 10, 10), Use(0.1, 10, 10)), 10, "(44 % used, about 44 % more needed, limit 85 %)"),
        ((Use(0.1, 30, 30), Use(0.66, 30, 30)), 10, "(66 % used, about 22 % more needed, limit 85 %)"),
        ((Use(0.60, 20, 20),), 10, "(60 % used, about 30 % more needed, limit 85 %)"),
        # Half of the streams began a moment ago, so that they count for half of their cost only.
        ((Use(0.40, 20, 40),), 10, "(80 % used, about 20 % more needed, limit 85 %)"),
    ],
)
def test_one_that_would_slow_down_the_others_is_refused(uses: tuple[Use, ...], fps: float, said: str) -> None:
    with pytest.raises(Overloaded) as refused:
        admit(uses, fps, LIMIT)
    assert (refused.value.message) == (
        f"This computer is too busy for another camera {said}. Lower a camera's frame rate, or pause one."
    )
    assert refused.value.kind is MACHINE_FULL
    assert refused.value.retry_after == RETRY_AFTER_S


def test_a_lower_frame_rate_may_fit_where_a_higher_one_does_not() -> None:
    use = Use(0.70, 20, 20)
    admit((use,), 4, LIMIT)
    with pytest.raises(Overloaded):
        admit((use,), 5, LIMIT)


def test_an_operator_may_wish_for_another_limit() -> None:
    admit((Use(0.99, 10, 10),), 10, 2.0)
    with pytest.raises(Overloaded, match="limit 30 %"):
        admit((Use(0.2, 10, 10),), 10, 0.3)
