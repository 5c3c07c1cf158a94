from __future__ import annotations

import pytest

from service.enrolment.length import LEAST_FRAMES, check_length, frames_wanted, share_done
from service.errors import InvalidInput


@pytest.mark.parametrize(("seconds", "fps"), [(10.0, 10.0), (100.0, 1.0), (200.0, 0.5), (1000.0, 0.1)])
def test_enough(seconds: float, fps: float) -> None:
    check_length(seconds, fps)


@pytest.mark.parametrize(
    ("seconds", "fps", "least"),
    [(60.0, 1.0, 100), (60.0, 0.5, 200), (5.0, 10.0, 10), (99.9, 1.0, 100), (60.0, 0.3, 334)],
)
def test_too_few_frames_are_refused_with_how_long_to_learn_instead(seconds: float, fps: float, least: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_length(seconds, fps)
    assert refused.value.code == "too_few_frames"
    assert f"Learn for at least {least} seconds." in str(refused.value)
    check_length(least, fps)


@pytest.mark.parametrize(
    ("wanted_s", "frames", "seconds", "wanted", "share"),
    [
        (60.0, 0, 0.0, 600, 0.0),
        (60.0, 301, 30.0, 600, 0.5),
        (60.0, 601, 60.0, 601, 1.0),
        (60.0, 31, 30.0, 100, 0.31),  # one frame a second: seconds will be there before frames are
        (60.0, 61, 60.0, 100, 0.61),
        (60.0, 100, 99.0, 100, 1.0),
        (300.0, 101, 100.0, 300, 1 / 3),
    ],
)
def test_progress_is_what_is_lacking_more(
    wanted_s: float, frames: int, seconds: float, wanted: int, share: float
) -> None:
    assert frames_wanted(wanted_s, 10.0, frames, seconds) == wanted
    assert share_done(wanted_s, frames, seconds) == pytest.approx(share)
    assert (share_done(wanted_s, frames, seconds) == 1) == (frames >= LEAST_FRAMES and seconds >= wanted_s)
