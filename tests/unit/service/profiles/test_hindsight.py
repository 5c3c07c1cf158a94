"""What was loud when it came and is not any more, and what stays so."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.scoring.trial import NormalTrial
from service.profiles import hindsight as hindsight_module
from service.profiles.hindsight import LOUD, Hindsight
from service.profiles.samples import Sample


def trial(*seconds: float) -> NormalTrial:
    return NormalTrial(np.array(seconds, np.float32), np.zeros(1, np.int64), np.full(1, np.nan))


def frame(pts: float) -> Sample:
    return Sample(0, pts, {})


def test_of_a_second_its_loudest_frame_is_judged_again_and_none_gets_louder() -> None:
    hindsight = Hindsight()
    for pts, surprise in ((10.0, 3.0), (10.3, 4.0), (10.6, 3.5)):
        hindsight.note(0, 1, surprise, frame(pts))
    hindsight.note(1, 0, 4.5, frame(20.0))
    hindsight.note(1, 1, LOUD - 0.1, frame(21.0))
    hindsight.note(1, 2, math.nan, frame(22.0))
    parts = [trial(0.5, 4.0), trial(4.5, 1.9, 0.0)]
    again = {10.3: 1.0, 20.0: 6.0}
    judged = hindsight.judged(parts, parts[0].joined(parts[1]), lambda sample: again[sample.pts], [])
    assert judged.seconds.tolist() == pytest.approx([0.5, 1.0, 4.5, 1.9, 0.0])
    assert judged.starts.tolist() == [0, 2]


def test_what_was_learned_from_is_no_trial() -> None:
    hindsight = Hindsight()
    hindsight.note(0, 1, 4.0, frame(1.0))
    judged = hindsight.judged([trial(0.0, 4.0, 0.5)], trial(0.0, 4.0, 0.5), lambda _: 1.0, [frame(1.0)])
    assert judged.seconds.tolist() == [0.0, 0.5]
    assert judged.starts.tolist() == [0, 1]


def test_of_which_nothing_can_be_said_is_calm() -> None:
    hindsight = Hindsight()
    hindsight.note(0, 0, 4.0, frame(0.0))
    assert hindsight.judged([trial(4.0)], trial(4.0), lambda _: math.nan, []).seconds.tolist() == [0.0]


def test_seconds_that_a_long_trial_has_let_go_are_passed_over() -> None:
    hindsight = Hindsight()
    hindsight.note(0, 0, 4.0, frame(0.0))
    hindsight.note(0, 2, 4.0, frame(2.0))
    judged = hindsight.judged([trial(4.0, 0.1, 4.0)], trial(0.1, 4.0), lambda _: 1.0, [])
    assert judged.seconds.tolist() == pytest.approx([0.1, 1.0])


def test_only_so_many_are_kept_and_those_are_the_loudest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hindsight_module, "MOST", 8)
    hindsight = Hindsight()
    loud = np.random.default_rng(0).permutation(np.linspace(3, 5, 20))
    for second, surprise in enumerate(loud.tolist()):
        hindsight.note(0, second, surprise, frame(float(second)))
    whole = trial(*loud)
    judged = hindsight.judged([whole], whole, lambda _: 0.0, [])
    silenced = np.flatnonzero(judged.seconds == 0)
    assert 8 <= len(silenced) <= 10
    assert loud[np.argsort(-loud)[:8]].min() >= loud[silenced].min()
    assert set(np.argsort(-loud)[:8].tolist()) <= set(silenced.tolist())
