from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contracts.stream import StreamState
from service.ingest.states import TRANSITIONS, IllegalTransitionError, StateMachine

S = StreamState

ILLEGAL = {
    (S.CONNECTING, S.STALLED),  # nothing flowed yet that could stall
    (S.OFFLINE, S.STALLED),
    (S.FAILED, S.STALLED),
    *((S.PAUSED, state) for state in S if state not in (S.PAUSED, S.CONNECTING)),
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(S, S)))
def test_every_pair_is_decided(before: StreamState, after: StreamState) -> None:
    machine = StateMachine(before)
    if (before, after) in ILLEGAL:
        with pytest.raises(IllegalTransitionError, match=f"after {before}, got {after}") as refused:
            machine.move(after)
        assert (refused.value.current, refused.value.wanted) == (before, after)
        assert machine.state is before
    else:
        assert machine.move(after, "because") is True
        assert (machine.state, machine.detail) == (after, "because")


def test_the_table_names_every_state() -> None:
    assert set(TRANSITIONS) == set(S)


def test_a_new_detail_is_news_and_the_same_is_not() -> None:
    machine = StateMachine()
    since = machine.since
    assert machine.move(S.CONNECTING, "second attempt") is True
    assert machine.move(S.CONNECTING, "second attempt") is False
    assert machine.since == since
    assert machine.move(S.LIVE) is True
    assert machine.detail is None
    assert machine.since >= since


@given(st.lists(st.sampled_from(list(S)), max_size=30))
def test_connecting_is_always_within_reach(wishes: list[StreamState]) -> None:
    machine = StateMachine()
    for wish in wishes:
        if wish is machine.state or wish in TRANSITIONS[machine.state]:
            machine.move(wish)
    machine.move(S.CONNECTING)
    assert machine.state is S.CONNECTING
