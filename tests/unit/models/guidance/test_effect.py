from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.guidance.effect import Judgement, guided_frame, guided_frames, guided_objects


@settings(max_examples=100, deadline=None)
@given(
    surprises=st.lists(st.floats(0, 100), min_size=1, max_size=6),
    reliefs=st.lists(st.floats(0, 1), min_size=6, max_size=6),
    lifts=st.lists(st.sampled_from([0.0, 0.0, 2.0, 6.0]), min_size=6, max_size=6),
    more=st.floats(0, 20),
)
def test_a_frame_falls_no_further_than_its_most_unusual_object(
    surprises: list[float], reliefs: list[float], lifts: list[float], more: float
) -> None:
    surprise = np.array(surprises)
    count = len(surprises)
    judgement = Judgement(np.array(reliefs[:count]), np.array(lifts[:count]), ((),) * count)
    changed = guided_objects(surprise, judgement)
    frame = float(surprise.max()) + more
    result = guided_frame(frame, surprise, changed)
    assert result >= changed.max() - 1e-9
    assert result >= more - 1e-9
    if not any(lifts[:count]):
        assert result <= frame + 1e-9


def test_a_fight_beside_a_cyclist_still_counts_in_full() -> None:
    surprise = np.array([9.0, 8.0])
    changed = guided_objects(surprise, Judgement(np.array([1.0, 0.0]), np.zeros(2), ((), ())))
    assert guided_frame(9.0, surprise, changed) == 8.0


def test_evidence_of_no_object_stays() -> None:
    surprise = np.array([3.0])
    changed = guided_objects(surprise, Judgement(np.ones(1), np.zeros(1), ((),)))
    assert guided_frame(8.0, surprise, changed) == 5.0
    assert guided_frame(2.0, np.zeros(0), np.zeros(0)) == 2.0


@pytest.mark.parametrize(
    ("surprise", "lift", "expected"),
    [(np.nan, 0.0, np.nan), (np.nan, 3.0, 3.0), (5.0, 0.0, np.nan), (5.0, 3.0, np.nan), (2.0, 3.0, 3.0)],
)
def test_only_a_lift_says_something_of_a_frame_of_which_heads_say_nothing(
    surprise: float, lift: float, expected: float
) -> None:
    known = np.array([surprise, 1.0])
    changed = guided_objects(known, Judgement(np.array([0.0, 1.0]), np.array([lift, 0.0]), ((), ())))
    np.testing.assert_equal(guided_frame(np.nan, known, changed), expected)


def test_many_frames_are_guided_as_each_is() -> None:
    frames, of = np.array([5.0, np.nan, 2.0, np.nan, 4.0]), np.array([0, 0, 1, 3, 4])
    surprise = np.array([5.0, 1.0, 0.5, 0.5, 4.0])
    judgement = Judgement(np.array([1.0, 0.0, 0.0, 0.5, 0.0]), np.array([0.0, 0.0, 3.0, 0.0, 0.0]), ((),) * 5)
    changed = guided_objects(surprise, judgement)
    each = [guided_frame(frame, surprise[of == index], changed[of == index]) for index, frame in enumerate(frames)]
    np.testing.assert_array_equal(guided_frames(frames, of, surprise, changed), each)
    np.testing.assert_array_equal(each, [1.0, 3.0, 2.0, np.nan, 4.0])
