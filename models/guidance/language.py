"""What the rules of a stream are understood with: the sentence encoder, the phrase bank, and the stream's encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.arrays import Float32
from models.guidance.bank import Bank
from models.guidance.embedded_bank import EmbeddedBank
from models.guidance.statements import Statements
from models.guidance.text_reader import Embed, Reading, TextReader
from models.guidance.vocabulary import PERSON

SHOWN = 8
"""Phrases named of those that a rule was understood as."""

MIN_WEIGHT = 0.05
"""Phrases that weigh less say nothing to a person."""


class Sentences(Protocol):
    """What compares sentences, such as a text tower."""

    @property
    def bank(self) -> Bank:
        """Its phrases."""
        ...

    def embed(self, texts: Sequence[str]) -> Float32:
        """``(n, Ds)`` float32 of unit length."""
        ...


class ClipEncoder(Protocol):
    """What sees the clips of a stream, and reads words into the same space."""

    @property
    def bank(self) -> Bank:
        """Its phrases, with features in the space of clips."""
        ...

    @property
    def temperature(self) -> float:
        """Cosines are divided by it before a softmax over phrases."""
        ...

    @property
    def sentence(self) -> bool:
        """Whether ``text`` says how alike two texts are in meaning."""
        ...

    @property
    def text(self) -> Sentences:
        """Its text tower."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Float32:
        """``(n, D)`` float32 of unit length, in the space of clips."""
        ...


@dataclass(frozen=True, slots=True)
class Language:
    """How texts are read on one stream.

    Attributes:
        phrases: ``K`` texts of the bank.
        reader: Reads texts against them.
        statements: What can be said of the objects of the stream's detector.
        bank: The bank in the space of the stream's clips; None if the stream has no encoder.
        embed_beside_clips: Texts to ``(n, D)`` float32 in the space of clips; None if the stream has no encoder.
    """

    phrases: tuple[str, ...]
    reader: TextReader
    statements: Statements
    bank: EmbeddedBank | None = None
    embed_beside_clips: Embed | None = None

    @classmethod
    def of(cls, names: Sequence[str], encoder: ClipEncoder | None, load_sentences: Callable[[], Sentences]) -> Language:
        """The language of streams.

        Args:
            names: Classes of their detector.
            encoder: What sees their clips; None for nothing.
            load_sentences: Gives what compares sentences, and the bank where there is no encoder. Called unless the
                encoder's own text tower can do that.
        """
        sentences = encoder.text if encoder is not None and encoder.sentence else load_sentences()
        bank = sentences.bank if encoder is None else encoder.bank
        reader = TextReader.of(bank.phrases, bank.kinds, sentences.embed)
        # Who has a skeleton is a person, also to a detector that knows no classes.
        statements = Statements.of(dict.fromkeys((*names, PERSON)), bank.phrases, sentences.embed)
        if encoder is None:
            return cls(bank.phrases, reader, statements)
        trained = None if bank.trained is None else np.array(bank.trained)
        embedded = EmbeddedBank(bank.features, encoder.temperature, trained)
        return cls(bank.phrases, reader, statements, embedded, encoder.embed_texts)

    def read(self, text: str) -> Reading:
        """Understand a rule's text."""
        return self.reader.read(text, self.embed_beside_clips)

    def seen(self, reading: Reading) -> bool:
        """Whether the stream's encoder learned clips of something that a text means."""
        trained = None if self.bank is None else self.bank.trained
        return bool((reading.weights if trained is None else reading.weights[trained]).max(initial=0.0) > 0.0)

    def resembles(self, reading: Reading) -> list[tuple[str, float]]:
        """The phrases that a text was understood as, most alike first, each with how far it means the same."""
        order = (-reading.weights).argsort(kind="stable")[:SHOWN]
        weights = reading.weights[order].tolist()
        return [
            (self.phrases[index], weight)
            for index, weight in zip(order.tolist(), weights, strict=True)
            if weight >= MIN_WEIGHT
        ]
