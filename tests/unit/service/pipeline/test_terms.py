"""Heads' terms together: their names in messages, and what they make true of objects."""

from __future__ import annotations

import numpy as np

from models.heads.base import Term
from service.pipeline.terms import Terms

SPEED = Term("moving too fast", "fast", 1.0)
TERMS = Terms(
    {
        "one": {"speed": SPEED, "direction": Term("going astray", "wrong way", 2.0)},
        "two": {"speed": SPEED, "gait": Term("limping", say="limping by {}".format)},
    }
)


def test_a_term_has_its_own_name_unless_two_packs_have_it() -> None:
    assert set(TERMS.names.values()) == {"one/speed", "direction", "two/speed", "gait"}
    assert TERMS.sentences == {
        "one/speed": "moving too fast",
        "direction": "going astray",
        "two/speed": "moving too fast",
        "gait": "limping",
    }
    assert TERMS.packs == {"one/speed": "one", "direction": "one", "two/speed": "two", "gait": "two"}
    assert {name: say(3.0) for name, say in TERMS.say.items()} == {"gait": "limping by 3.0"}


def test_facts_are_true_from_their_terms_threshold_on_and_each_said_once() -> None:
    evidence = {
        ("one", "speed"): np.array([1.0, 0.9, np.nan, 9.0], np.float32),
        ("one", "direction"): np.array([2.0, 1.9, np.nan, 9.0], np.float32),
        ("two", "speed"): np.array([1.0, 1.0, np.nan, 9.0], np.float32),
        ("two", "gait"): np.array([9.0, 9.0, 9.0, 9.0], np.float32),
    }
    assert TERMS.facts(evidence, 3) == [("fast", "wrong way"), ("fast",), ()]
    assert TERMS.facts({}, 1) == [()]
