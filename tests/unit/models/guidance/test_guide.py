from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.guidance.guide import (
    LIFT,
    MATCHES,
    RADIUS,
    RADIUS_BOUNDS,
    Guide,
    Judgement,
    Rule,
    Seen,
    Space,
    Taught,
    guided_frame,
    guided_frames,
    guided_objects,
    normal_radius,
)
from support import words

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
LANGUAGE = words.language()


def rule(text: str = "riding a bicycle", verdict: str = "normal", rule_id: str = "r", **fields: object) -> Rule:
    return Rule(id=rule_id, text=text, verdict=verdict, **fields)  # type: ignore[arg-type]


def guide(*rules: Rule, encoder: bool = True) -> Guide:
    language = words.language(encoder=encoder)
    return Guide.compile([(each, language.read(each.text)) for each in rules], language.statements, language.space)


def guided(guide: Guide, seen: Seen, **arguments: object) -> list[float]:
    return guided_objects(seen.surprise, guide.judge(seen, **arguments)).round(3).tolist()  # type: ignore[arg-type]


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
    text: str, verdict: str, strength: float, expected: list[float]
) -> None:
    frame = words.seen(("riding a bicycle", 4.0), ("two people fighting", 5.0), ("walking", 1.0))
    assert guided(guide(rule(text, verdict, strength=strength)), frame) == expected


def test_clips_say_nothing_of_what_their_encoder_never_learned() -> None:
    language = words.language(untrained="fight")
    fight = rule("a brawl", "normal")
    compiled = Guide.compile([(fight, language.read(fight.text))], language.statements, language.space)
    assert guided(guide(fight), words.seen(("two people fighting", 5.0))) == [0.0]
    assert guided(compiled, words.seen(("two people fighting", 5.0))) == [5.0]
    # a caption still may
    cycle = rule("a cyclist", "normal")
    language = words.language(untrained="cycl")
    compiled = Guide.compile([(cycle, language.read(cycle.text))], language.statements, language.space)
    assert guided(compiled, words.seen(("walking", 5.0), captions=(words.CYCLIST,))) == [0.0]


def test_a_match_names_the_rule_and_what_matched() -> None:
    frame = words.seen(("riding a bicycle", 4.0), ("", 2.0), captions=(None, words.CYCLIST))
    judgement = guide(rule("bicycles are normal here", rule_id="bikes")).judge(frame)
    looks, said = (matches[0] for matches in judgement.matches)
    assert (looks.rule_id, looks.text, looks.verdict) == ("bikes", "bicycles are normal here", "normal")
    assert (looks.evidence, said.evidence) == ("image", "caption")
    assert looks.similarity > 0.9
    assert 0.65 < said.similarity <= 1


def test_captions_alone_are_enough() -> None:
    frame = words.seen(("", 4.0), ("", 5.0), captions=(words.CYCLIST, words.WALKER), encoder=False)
    assert guided(guide(rule(), encoder=False), frame) == [0.0, 5.0]


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
    feet: list[tuple[float, float]], verdict: str, strength: float, method: str
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
    verdict: str,
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


# ---- what is usual


def test_evidence_that_everybody_gives_counts_for_less_and_a_rare_one_for_more() -> None:
    # Clips half way between walking and running: nobody can say which.
    between = words.clip("walking", 1) + words.clip("running", 2)
    between = (between / np.linalg.norm(between)).astype(np.float32)
    everybody = np.stack([between] * 50)
    others = np.stack([words.clip("walking", seed) for seed in range(50)])
    compiled = guide(rule("running"))
    similarity = {}
    frame = replace(words.seen(("walking", 4.0)), video=between[None])
    for name, recent in (("unknown", others[:0]), ("usual", everybody), ("rare", others)):
        tuned = compiled.tuned(recent, np.array([1.0]))
        matches = tuned.judge(frame).matches[0]
        similarity[name] = matches[0].similarity if matches else 0.0
    assert similarity["usual"] < similarity["unknown"] < similarity["rare"]


def test_a_sure_match_counts_where_everybody_matches() -> None:
    recent = np.stack([words.clip("riding a bicycle", seed) for seed in range(60)])
    frame = words.seen(("riding a bicycle", 4.0))
    assert guided(guide(rule()).tuned(recent, np.array([1.0])), frame) == [0.0]


def test_what_is_usual_never_makes_an_unrelated_text_match() -> None:
    recent = np.stack([words.clip("walking", seed) for seed in range(60)])
    frame = words.seen(("riding a bicycle", 4.0), ("two people fighting", 3.0))
    assert guided(guide(rule("the sky is blue")).tuned(recent, np.array([1.0])), frame) == [4.0, 3.0]


# ---- equation 10


def test_equation_10_as_it_is_written() -> None:
    frame = words.seen(("riding a bicycle", 4.0), ("walking", 1.0))
    cosine = float(frame.video[0] @ words.sentences(["riding a bicycle"])[0])
    spans = np.array([0.5, 2.0])
    normal = guide(rule(method="equation10")).tuned(np.zeros((0, words.DIM), np.float32), spans)
    anomaly = guide(rule(verdict="anomaly", method="equation10")).tuned(np.zeros((0, words.DIM), np.float32), spans)
    excess = cosine - 0.3
    assert guided(normal, frame) == [pytest.approx(max(0.0, 4.0 - 2.0 * 5.0 * excess), abs=1e-3), 1.0]
    assert guided(anomaly, frame) == [pytest.approx(4.0 + 0.5 * 5.0 * excess, abs=1e-3), 1.0]


def test_equation_10_says_nothing_without_clips() -> None:
    frame = words.seen(("", 4.0), captions=(words.CYCLIST,), encoder=False)
    assert guided(guide(rule(method="equation10"), encoder=False), frame) == [4.0]


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
            frame.video[index : index + 1],
            frame.captions[index : index + 1],
            frame.surprise[index : index + 1],
        )
        alone = compiled.judge(one)
        assert alone.relief[0] == pytest.approx(judgement.relief[index], abs=1e-5)
        assert alone.lift[0] == pytest.approx(judgement.lift[index], abs=1e-4)


def test_cosines_are_of_clips_and_nothing_where_there_is_none() -> None:
    video = words.seen(("walking", 1.0), ("", 1.0)).video
    cosines = Space(words.sentences(words.PHRASES), 0.1).cosines(video)
    np.testing.assert_allclose(cosines[0], words.sentences(words.PHRASES) @ video[0], atol=1e-6)
    assert not cosines[1].any()


def test_cosines_that_are_known_need_not_be_computed() -> None:
    frame = words.seen(("riding a bicycle", 4.0), ("walking", 1.0))
    cosines = Space(words.sentences(words.PHRASES), 0.1).cosines(frame.video)
    assert guided(guide(rule()), frame, cosines=cosines[::-1]) == [4.0, 0.0]


# ---- teaching


def test_what_was_taught_relieves_what_is_as_near_as_normal_objects_are() -> None:
    modes = np.stack([words.clip("two people fighting", seed) for seed in (1, 2)])
    frame = words.seen(("two people fighting", 5.0), ("riding a bicycle", 5.0), ("", 5.0))
    near = 1 - float((modes @ frame.video[0]).max())
    assert near > 0.05
    for radius, expected in ((near * 1.01, [0, 5, 5]), (near / 1.3, [5, 5, 5])):
        taught = Taught(modes, np.full(2, radius, np.float32), ("a", "b"))
        assert guided(Guide.compile([], taught=taught), frame) == expected


def test_relief_of_a_taught_mode_fades_with_distance() -> None:
    mode = np.array([[1.0, 0.0]], np.float32)
    angles = np.arccos(1 - np.array([0.0, 0.1, 0.1125, 0.125, 0.2]))
    video = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    relief, _ = Taught(mode, np.array([0.1], np.float32), ("a",)).relief(video)
    np.testing.assert_allclose(relief, [1.0, 1.0, 0.5, 0.0, 0.0], atol=1e-3)


def test_an_object_is_told_with_the_false_alarm_that_relieves_it() -> None:
    modes = np.stack([words.clip("two people fighting"), words.clip("riding a bicycle")])
    compiled = Guide.compile([], taught=Taught(modes, np.full(2, 0.2, np.float32), ("brawl", "bike")))
    frame = words.seen(("riding a bicycle", 5.0), ("walking", 5.0), ("two people fighting", 5.0), ("", 5.0))
    judgement = compiled.judge(frame)
    assert [each and each.alert_id for each in judgement.taught] == ["bike", None, "brawl", None]
    assert [each.relief if each else 0.0 for each in judgement.taught] == judgement.relief.tolist()
    assert compiled.judge(frame, explain=False).taught == ()
    assert guide().judge(frame).taught == ()


def test_an_anomaly_rule_counts_against_what_was_taught() -> None:
    taught = Taught(words.clip("two people fighting")[None], np.array([0.1], np.float32), ("a",))
    fights = rule("a brawl", "anomaly")
    compiled = Guide.compile([(fights, LANGUAGE.read(fights.text))], LANGUAGE.statements, LANGUAGE.space, taught)
    assert guided(compiled, words.seen(("two people fighting", 3.0))) == [LIFT]


def test_the_radius_is_how_near_normal_objects_are_to_their_modes() -> None:
    def walkers(noise: float) -> np.ndarray:
        texts = ["walking", "running", "riding a bicycle"]
        return np.stack([words.clip(texts[seed % 3], seed, noise) for seed in range(300)])

    tight, loose = normal_radius(walkers(0.3)), normal_radius(walkers(0.5))
    low, high = RADIUS_BOUNDS
    assert low <= tight < loose <= high
    assert normal_radius(walkers(0.3)[:20]) == RADIUS
