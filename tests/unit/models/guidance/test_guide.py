from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.guidance.captions import Caption
from models.guidance.effect import LIFT
from models.guidance.embedded_bank import EmbeddedBank
from models.guidance.feedback import Feedback
from models.guidance.guide import MATCHES, Guide
from models.guidance.rules import Rule, Seen, Verdict
from support import words
from support.rules import LEFT, guide, guided, rule

LANGUAGE = words.language()


@pytest.mark.parametrize(
    ("text", "verdict", "strength", "expected"),
    [
        ("riding a bicycle", "normal", 1.0, [0.0, 5.0, 1.0]),
        ("a cyclist", "normal", 1.0, [0.0, 5.0, 1.0]),
        ("a cyclist", "normal", 0.5, [2.0, 5.0, 1.0]),
        ("a cyclist", "normal", 0.0, [4.0, 5.0, 1.0]),
        ("the sky is blue", "normal", 1.0, [4.0, 5.0, 1.0]),
        ("the sky is blue", "anomaly", 1.0, [4.0, 5.0, 1.0]),
        ("people on foot", "anomaly", 1.0, [4.0, 5.0, LIFT]),
        ("people on foot", "anomaly", 0.5, [4.0, 5.0, LIFT / 2]),
        ("a brawl", "anomaly", 0.5, [4.0, 5.0, 1.0]),
    ],
)
def test_a_rule_moves_what_it_names_and_nothing_else(
    text: str, verdict: Verdict, strength: float, expected: list[float]
) -> None:
    frame = words.seen(("riding a bicycle", 4.0), ("two people fighting", 5.0), ("walking", 1.0))
    assert guided(guide(rule(text, verdict, strength=strength)), frame) == expected


def test_objects_of_which_nothing_is_known_stay() -> None:
    frame = words.seen(("", 4.0), ("", np.nan))
    np.testing.assert_array_equal(guided(guide(rule(), rule("walking", "anomaly", rule_id="w")), frame), [4.0, np.nan])


def test_only_the_most_similar_rules_are_named() -> None:
    rules = [rule(rule_id=str(index)) for index in range(MATCHES + 3)]
    assert len(guide(*rules).judge(words.seen(("riding a bicycle", 4.0))).matches[0]) == MATCHES


def test_rules_that_are_not_in_force_do_nothing() -> None:
    frame = words.seen(("riding a bicycle", 4.0), ("riding a bicycle", 4.0))
    compiled = guide(rule())
    assert guided(compiled, frame, active=np.array([False])) == [4.0, 4.0]
    assert guided(compiled, frame, active=np.array([[True], [False]])) == [0.0, 4.0]


def test_no_rules_and_no_objects() -> None:
    assert guide().judge(words.seen(("walking", 1.0))).matches == ((),)
    assert guide(rule()).judge(words.seen()).relief.shape == (0,)


# ---- zones


def test_a_rule_counts_where_the_feet_are() -> None:
    frame = words.seen(("riding a bicycle", 4.0), ("riding a bicycle", 4.0), feet=[(0.25, 0.5), (0.75, 0.5)])
    assert guided(guide(rule(polygon=LEFT)), frame) == [0.0, 4.0]


@settings(max_examples=60, deadline=None)
@given(
    feet=st.lists(st.tuples(st.floats(0.02, 0.98), st.floats(0.2, 0.98)), min_size=1, max_size=8),
    verdict=st.sampled_from(["normal", "anomaly"]),
    strength=st.floats(0, 1),
    method=st.sampled_from(["contrastive", "equation10"]),
)
def test_rules_never_touch_objects_outside_their_zone(
    feet: list[tuple[float, float]], verdict: Verdict, strength: float, method: str
) -> None:
    frame = words.seen(*[("riding a bicycle", 3.0)] * len(feet), feet=feet)
    judgement = guide(rule(verdict=verdict, strength=strength, method=method, polygon=LEFT)).judge(frame)
    feet_x = frame.boxes[:, 0] + frame.boxes[:, 2] / 2
    outside = feet_x > 0.5
    assert not judgement.relief[outside].any()
    assert not judgement.lift[outside].any()
    assert not any(judgement.matches[index] for index in np.flatnonzero(outside))


# ---- bounds


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    surprise=st.floats(0, 400),
    verdict=st.sampled_from(["normal", "anomaly"]),
    method=st.sampled_from(["contrastive", "equation10"]),
    strengths=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    span=st.tuples(st.floats(0, 3), st.floats(3, 50)),
)
def test_relief_and_lift_are_bounded_and_grow_with_strength(
    seed: int,
    surprise: float,
    verdict: Verdict,
    method: str,
    strengths: tuple[float, float],
    span: tuple[float, float],
) -> None:
    clip = words.clip("riding a bicycle", seed, noise=1.0)[None]
    frame = Seen(
        np.array([[0.4, 0.4, 0.1, 0.2]], np.float32),
        clip,
        (None,),
        np.array([surprise]),
    )
    judged = []
    for strength in sorted(strengths):
        compiled = guide(rule(verdict=verdict, method=method, strength=strength))
        tuned = compiled.tuned(np.zeros((0, words.DIM), np.float32), np.array(span))
        judged.append(tuned.judge(frame))
    for judgement in judged:
        assert 0 <= judgement.relief[0] <= 1
        assert 0 <= judgement.lift[0] <= LIFT
    less, more = judged
    assert less.relief[0] <= more.relief[0]
    assert less.lift[0] <= more.lift[0]


# ---- contradictions


@pytest.mark.parametrize(
    ("normal", "anomaly", "winner"),
    [
        ({"polygon": LEFT}, {}, "normal"),
        ({}, {"polygon": LEFT}, "anomaly"),
        ({"polygon": LEFT}, {"scheduled": True, "edited_at": 9.0}, "normal"),
        ({"scheduled": True}, {"edited_at": 9.0}, "normal"),
        ({"edited_at": 2.0}, {"edited_at": 1.0}, "normal"),
        ({"edited_at": 1.0}, {"edited_at": 2.0}, "anomaly"),
        ({}, {}, "anomaly"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_more_specific_the_newer_then_the_anomaly_counts(
    normal: dict[str, object], anomaly: dict[str, object], winner: str, turned: bool
) -> None:
    rules = [
        rule("riding a bicycle", "normal", "normal", **normal),
        rule("a cyclist", "anomaly", "anomaly", **anomaly),
    ]
    frame = words.seen(("riding a bicycle", 4.0), feet=[(0.25, 0.5)])
    expected = 0.0 if winner == "normal" else LIFT
    assert guided(guide(*reversed(rules) if turned else rules), frame) == [expected]


def test_a_weak_rule_that_goes_first_leaves_the_rest_to_the_other() -> None:
    frame = words.seen(("riding a bicycle", 4.0))
    weak = rule("riding a bicycle", "anomaly", "weak", strength=0.25, edited_at=2.0)
    judgement = guide(weak, rule(edited_at=1.0)).judge(frame)
    assert judgement.relief[0] == pytest.approx(0.75, abs=0.01)
    assert judgement.lift[0] == pytest.approx(0.25 * LIFT, abs=0.05)


# ---- many at once


@pytest.mark.parametrize("count", [1, 3, 4, 5, 63, 65, 300])
def test_many_objects_are_judged_as_one_by_one(count: int) -> None:
    texts = ["riding a bicycle", "walking", "running", "two people fighting", ""]
    objects = [(texts[index % 5], float(index % 7)) for index in range(count)]
    frame = words.seen(*objects)
    compiled = guide(rule(), rule("a jogger", "anomaly", "run", polygon=LEFT))
    judgement = compiled.judge(frame)
    for index in range(0, count, 7):
        one = Seen(
            frame.boxes[index : index + 1],
            frame.embeddings[index : index + 1],
            frame.captions[index : index + 1],
            frame.surprise[index : index + 1],
        )
        alone = compiled.judge(one)
        assert alone.relief[0] == pytest.approx(judgement.relief[index], abs=1e-5)
        assert alone.lift[0] == pytest.approx(judgement.lift[index], abs=1e-4)


def test_cosines_that_are_known_need_not_be_computed() -> None:
    frame = words.seen(("riding a bicycle", 4.0), ("walking", 1.0))
    cosines = EmbeddedBank(words.sentences(words.PHRASES), 0.1).cosines(frame.embeddings)
    assert guided(guide(rule()), replace(frame, cosines=cosines[::-1])) == [4.0, 0.0]


# ---- teaching


def test_what_was_taught_relieves_what_is_as_near_as_normal_objects_are() -> None:
    modes = np.stack([words.clip("two people fighting", seed) for seed in (1, 2)])
    frame = words.seen(("two people fighting", 5.0), ("riding a bicycle", 5.0), ("", 5.0))
    near = 1 - float((modes @ frame.embeddings[0]).max())
    assert near > 0.05
    for radius, expected in ((near * 1.01, [0, 5, 5]), (near / 1.3, [5, 5, 5])):
        feedback = Feedback(modes, np.full(2, radius, np.float32), ("a", "b"))
        assert guided(Guide.compile([], feedback=feedback), frame) == expected


def test_an_object_is_told_with_the_false_alarm_that_relieves_it() -> None:
    modes = np.stack([words.clip("two people fighting"), words.clip("riding a bicycle")])
    compiled = Guide.compile([], feedback=Feedback(modes, np.full(2, 0.2, np.float32), ("brawl", "bike")))
    frame = words.seen(("riding a bicycle", 5.0), ("walking", 5.0), ("two people fighting", 5.0), ("", 5.0))
    judgement = compiled.judge(frame)
    assert [each and each.alert_id for each in judgement.feedback] == ["bike", None, "brawl", None]
    assert [each.relief if each else 0.0 for each in judgement.feedback] == judgement.relief.tolist()
    assert compiled.judge(frame, explain=False).feedback == ()
    assert guide().judge(frame).feedback == ()


def test_an_anomaly_rule_counts_against_what_was_taught() -> None:
    feedback = Feedback(words.clip("two people fighting")[None], np.array([0.1], np.float32), ("a",))
    fights = rule("a brawl", "anomaly")
    compiled = Guide.compile([(fights, LANGUAGE.read(fights.text))], LANGUAGE.statements, LANGUAGE.bank, feedback)
    assert guided(compiled, words.seen(("two people fighting", 3.0))) == [LIFT]


# ---- all of it together

JUDGEMENTS = json.loads((Path(__file__).parent / "judgements.json").read_text())
"""What 24 drawn guides said of drawn objects when both methods were one function; so they must say ever after."""

TEXTS = ("riding a bicycle", "joggers or a cyclist", "walking", "people on foot, running", "a brawl", "the sky is blue")
VERDICTS: tuple[Verdict, ...] = ("normal", "anomaly")
ZONES = (None, LEFT, ((0.3, 0.1), (0.9, 0.2), (0.7, 0.95)))
SAID = (None, words.CYCLIST, words.WALKER, Caption("a person", ("person",), ("person walking", "moving")))


def drawn_rules(random: np.random.Generator) -> list[Rule]:
    """Eight rules of both methods that differ in whatever rules can differ in."""
    return [
        rule(
            str(random.choice(TEXTS)),
            VERDICTS[random.integers(2)],
            f"r{index}",
            strength=float(random.choice([0.3, 0.7, 1.0])),
            polygon=ZONES[random.integers(3)],
            method=str(random.choice(["contrastive", "contrastive", "equation10"])),
            scheduled=bool(random.integers(2)),
            edited_at=float(index),
        )
        for index in range(8)
    ]


def drawn_objects(random: np.random.Generator) -> Seen:
    """Eight objects, some without a clip, some of which nothing is known."""
    doing = [str(random.choice(TEXTS)) for _ in range(8)]
    embeddings = np.stack(
        [words.clip(text, index, float(random.choice([0.2, 0.6, 1.2]))) for index, text in enumerate(doing)]
    )
    embeddings[random.random(8) < 0.2] = np.nan
    boxes = random.uniform(0.0, 0.7, (8, 4)).astype(np.float32) * (1.0, 1.0, 0.3, 0.3)
    surprise = random.exponential(2.0, 8)
    surprise[random.random(8) < 0.1] = np.nan
    surprise[random.random(8) < 0.1] = 0.0
    captions = tuple(SAID[index] for index in random.integers(0, len(SAID), 8))
    return Seen(boxes.astype(np.float32), embeddings, captions, surprise)


@pytest.mark.parametrize("seed", range(len(JUDGEMENTS)))
def test_guides_judge_as_they_always_did(seed: int) -> None:
    random = np.random.default_rng(seed)
    rules, seen = drawn_rules(random), drawn_objects(random)
    past = np.stack([words.clip(str(random.choice(TEXTS)), index) for index in range(50)])
    modes = np.stack([words.clip("two people fighting", 1), words.clip("walking", 2)])
    feedback = Feedback(modes, np.array([0.3, 0.1], np.float32), ("a", "b")) if seed % 4 == 0 else None
    active = random.random((8, 8)) < 0.8 if seed % 2 else None
    compiled = Guide.compile(
        [(each, LANGUAGE.read(each.text)) for each in rules], LANGUAGE.statements, LANGUAGE.bank, feedback
    )
    if seed % 3:
        compiled = compiled.tuned(past, random.exponential(1.0, 50))
    judgement, expected = compiled.judge(seen, active), JUDGEMENTS[seed]
    np.testing.assert_allclose(judgement.relief, expected["relief"], atol=1e-4)
    np.testing.assert_allclose(judgement.lift, expected["lift"], atol=1e-4)
    assert [each and each.alert_id for each in judgement.feedback] == expected["taught"]
    # Rules that match equally may come in any order, and the last of them be cut off.
    for found, told in zip(judgement.matches, expected["matches"], strict=True):
        np.testing.assert_allclose([each.similarity for each in found], [each[1] for each in told], atol=1e-4)
        if len(told) < MATCHES:
            assert {(each.rule_id, each.evidence) for each in found} == {(each[0], each[2]) for each in told}
