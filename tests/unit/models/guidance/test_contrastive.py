from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.guidance.guide import Guide
from support import words
from support.rules import guide, guided, rule


def test_clips_say_nothing_of_what_their_encoder_never_learned() -> None:
    language = words.language(untrained="fight")
    fight = rule("a brawl", "normal")
    compiled = Guide.compile([(fight, language.read(fight.text))], language.statements, language.bank)
    assert guided(guide(fight), words.seen(("two people fighting", 5.0))) == [0.0]
    assert guided(compiled, words.seen(("two people fighting", 5.0))) == [5.0]
    # a caption still may
    cycle = rule("a cyclist", "normal")
    language = words.language(untrained="cycl")
    compiled = Guide.compile([(cycle, language.read(cycle.text))], language.statements, language.bank)
    assert guided(compiled, words.seen(("walking", 5.0), captions=(words.CYCLIST,))) == [0.0]


def test_a_match_names_the_rule_and_what_matched() -> None:
    frame = words.seen(("riding a bicycle", 4.0), ("", 2.0), captions=(None, words.CYCLIST))
    judgement = guide(rule("bicycles are normal here", rule_id="bikes")).judge(frame)
    looks, said = (matches[0] for matches in judgement.matches)
    assert (looks.rule_id, looks.text, looks.verdict) == ("bikes", "bicycles are normal here", "normal")
    assert (looks.evidence, said.evidence) == ("image", "caption")
    assert looks.similarity > 0.9
    assert 0.65 < said.similarity <= 1


def test_a_guessed_posture_may_match_and_does_no_less() -> None:
    guessed = replace(words.WALKER, guesses=("person walking",))
    frame = words.seen(("", 4.0), ("", 4.0), captions=(words.WALKER, guessed), encoder=False)
    walking = guide(rule("walking is normal here"), encoder=False)
    firm, guess = (matches[0] for matches in walking.judge(frame).matches)
    assert (firm.evidence, guess.evidence) == ("caption", "posture")
    assert firm.similarity == guess.similarity
    assert guided(walking, frame) == [0.0, 0.0]


def test_captions_alone_are_enough() -> None:
    frame = words.seen(("", 4.0), ("", 5.0), captions=(words.CYCLIST, words.WALKER), encoder=False)
    assert guided(guide(rule(), encoder=False), frame) == [0.0, 5.0]


def test_evidence_that_everybody_gives_counts_for_less_and_a_rare_one_for_more() -> None:
    # Clips half way between walking and running: nobody can say which.
    between = words.clip("walking", 1) + words.clip("running", 2)
    between = (between / np.linalg.norm(between)).astype(np.float32)
    everybody = np.stack([between] * 50)
    others = np.stack([words.clip("walking", seed) for seed in range(50)])
    compiled = guide(rule("running"))
    similarity = {}
    frame = replace(words.seen(("walking", 4.0)), embeddings=between[None])
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
