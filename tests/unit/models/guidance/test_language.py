from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from models.arrays import Float32
from models.guidance.bank import Bank
from models.guidance.language import SHOWN, Language
from support import words


@dataclass
class Tower:
    bank: Bank

    def embed(self, texts: Sequence[str]) -> Float32:
        return words.sentences(texts)


@dataclass
class Encoder:
    text: Tower
    sentence: bool
    temperature: float = 0.1

    @property
    def bank(self) -> Bank:
        return self.text.bank

    def embed_texts(self, texts: Sequence[str]) -> Float32:
        return self.text.embed(texts)


def bank(*phrases: str, trained: tuple[bool, ...] | None = None) -> Bank:
    return Bank(phrases, ("action",) * len(phrases), words.sentences(phrases), trained)


def test_an_encoder_that_compares_sentences_needs_no_other() -> None:
    encoder = Encoder(Tower(bank("cycling", "walking", trained=(True, False))), sentence=True)
    language = Language.of(words.NAMES, encoder, lambda: pytest.fail("expected the encoder's own text tower"))
    assert language.phrases == ("cycling", "walking")
    assert language.bank is not None
    assert (language.bank.temperature, np.asarray(language.bank.trained).tolist()) == (0.1, [True, False])
    assert language.read("a cyclist").texts is not None


def test_another_tower_reads_where_the_encoder_cannot_and_the_bank_stays_the_encoders() -> None:
    encoder = Encoder(Tower(bank("cycling", "walking")), sentence=False)
    asked: list[Tower] = []

    def load() -> Tower:
        asked.append(Tower(bank("running")))
        return asked[-1]

    assert Language.of(words.NAMES, encoder, load).phrases == ("cycling", "walking")
    alone = Language.of(words.NAMES, None, load)
    assert (len(asked), alone.phrases, alone.bank, alone.read("a jogger").texts) == (2, ("running",), None, None)


def test_a_text_resembles_few_phrases_the_nearest_first() -> None:
    phrases = [f"a person cycling, number {index}" for index in range(SHOWN + 3)]
    language = Language.of(words.NAMES, None, lambda: Tower(bank(*phrases, "the sky is blue")))
    reading = language.read("a cyclist")
    found = language.resembles(reading)
    assert len(found) == SHOWN
    assert [weight for _, weight in found] == sorted((float(weight) for weight in reading.weights), reverse=True)[
        :SHOWN
    ]
    assert language.resembles(language.read("the price of bread")) == []


def test_clips_can_speak_for_what_their_encoder_learned() -> None:
    assert words.language().seen(words.language().read("a cyclist"))
    untrained = words.language(untrained="cycl")
    assert not untrained.seen(untrained.read("a cyclist"))
    assert not np.any(words.language().read("the sky is blue").weights)
