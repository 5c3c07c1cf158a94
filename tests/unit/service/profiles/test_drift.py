from __future__ import annotations

import numpy as np
import pytest

from models.scoring.calibration import Calibration
from service.profiles.drift import BY_CHANCE, EXPECTED, Counted, beyond, changed, counts

FPS = 10.0
DAY = round(86_400 * FPS)


def calibration(minutes: float, run: int = 10, seed: int = 0) -> Calibration:
    """Of so many minutes of normal footage, in which what is unusual lasts for so many frames."""
    frames = round(minutes * 60 * FPS)
    heights = np.random.default_rng(seed).exponential(size=-(-frames // run))
    return Calibration.fit(np.repeat(heights, run)[:frames], [0] * frames)


def day(share: float, frames: int = DAY) -> Counted:
    return Counted(frames, round(share * frames))


@pytest.mark.parametrize(
    ("minutes", "share", "unlike"),
    [
        pytest.param(10, 0.01, False, id="as expected"),
        pytest.param(10, 0.019, False, id="less than twice of it matters to nobody"),
        pytest.param(10, 0.021, False, id="ten minutes say that little"),
        pytest.param(10, 0.04, True, id="more than ten minutes allow"),
        pytest.param(1440, 0.019, False, id="less than twice, though surely more"),
        pytest.param(1440, 0.025, True, id="a day says more"),
        pytest.param(10, 0.0, False, id="nothing unusual"),
    ],
)
def test_a_day_is_beyond_what_was_learned_where_chance_and_little_footage_do_not_explain_it(
    minutes: float, share: float, unlike: bool
) -> None:
    assert beyond(day(share), calibration(minutes)) is unlike


def test_days_like_those_of_learning_are_hardly_ever_beyond_it() -> None:
    """Each draw learns from other minutes, and sees a day whose runs of unusual frames come by chance."""
    rng = np.random.default_rng(1)
    wrong = 0
    for seed in range(300):
        learned = calibration(20, seed=seed)
        # What is truly exceeded one frame in a hundred is not known: the level is that of the sample.
        level = learned.raw(2.0)
        truly = float(np.exp(-level))
        frames = 4 * 3600 * 10
        runs = rng.poisson(truly * frames / 10)
        wrong += beyond(Counted(frames, int(runs) * 10), learned)
    assert wrong <= 3, f"{wrong} of 300, and {BY_CHANCE} are meant"


@pytest.mark.parametrize(
    ("shares", "new"),
    [
        ([0.06, 0.07, 0.01], True),
        ([0.06, 0.01, 0.07], False),
        ([0.01, 0.06, 0.06], False),
        ([0.06], False),
        ([], False),
    ],
)
def test_normal_has_changed_where_the_last_two_days_are_beyond_it(shares: list[float], new: bool) -> None:
    assert changed([day(share) for share in shares], calibration(10), FPS) is new


def test_a_day_of_which_little_was_scored_is_passed_over() -> None:
    minutes = day(0.5, round(30 * 60 * FPS))
    assert not counts(minutes, FPS)
    assert changed([minutes, day(0.06), minutes, day(0.06)], calibration(10), FPS)
    assert not changed([minutes, minutes], calibration(10), FPS)


def test_what_is_expected_is_one_frame_in_a_hundred() -> None:
    assert pytest.approx(0.01) == EXPECTED
    assert Counted(0, 0).share == 0.0
