from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from models.guidance import caption_support
from models.guidance.caption_support import CaptionSupport
from models.guidance.captions import Caption
from support import words

LANGUAGE = words.language()
READINGS = [LANGUAGE.read(text) for text in ("a cyclist or a brawl", "walking")]
CAPTIONS = [Caption(f"a person, number {index}", ("person", "person walking")) for index in range(200)]


def test_a_rule_holds_of_a_caption_as_its_best_clause_does() -> None:
    support = CaptionSupport(LANGUAGE.statements, READINGS)([words.CYCLIST, None, words.WALKER])
    assert (support > 0.8).tolist() == [[True, False], [False, False], [False, True]]
    assert not support[1].any()


def test_what_is_remembered_is_bounded_and_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caption_support, "MAX_CAPTIONS", 8)
    support = CaptionSupport(LANGUAGE.statements, READINGS)
    first = support(CAPTIONS)
    np.testing.assert_array_equal(support(CAPTIONS), first)
    assert support._remembered.cache_info().currsize == 8


def test_several_threads_may_ask_at_once() -> None:
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        support = CaptionSupport(LANGUAGE.statements, READINGS)
        expected = CaptionSupport(LANGUAGE.statements, READINGS)(CAPTIONS)
        with ThreadPoolExecutor(4) as pool:
            for found in pool.map(lambda _: support(CAPTIONS), range(8)):
                np.testing.assert_array_equal(found, expected)
    finally:
        sys.setswitchinterval(switch)


def test_what_is_only_guessed_is_not_firm() -> None:
    support = CaptionSupport(LANGUAGE.statements, READINGS)
    guessed = Caption("a person perhaps walking", ("person", "person walking"), guesses=("person walking",))
    captions = [words.WALKER, guessed, None]
    assert (support(captions)[:, 1] > 0.8).tolist() == [True, True, False]
    assert (support.firm(captions)[:, 1] > 0.8).tolist() == [True, False, False]


def test_what_is_given_out_is_the_callers_own() -> None:
    support = CaptionSupport(LANGUAGE.statements, READINGS)
    expected = support([words.CYCLIST]).tolist()
    support([words.CYCLIST])[:] = 0.5
    assert support([words.CYCLIST]).tolist() == expected
