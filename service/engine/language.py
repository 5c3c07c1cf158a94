"""What the rules of a stream are understood with: the sentence encoder, the phrase bank, and the stream's encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.guidance.reader import Embed, Reader, Reading
from models.guidance.space import Space
from models.guidance.statements import Statements
from service.contracts.guidance import Resemblance
from service.engine.encoder import JointEncoder, TextEncoder

SHOWN = 8
"""Phrases named of those that a rule was understood as."""

MIN_WEIGHT = 0.05
"""Phrases that weigh less say nothing to a person."""


@dataclass(frozen=True, slots=True)
class Language:
    """How texts are read on one stream.

    Attributes:
        phrases: ``K`` texts of the bank.
        reader: Reads texts against them.
        statements: What can be said of the objects of the stream's detector.
        space: The bank in the space of the stream's clips; None if the stream has no encoder.
        embed_for_clips: Texts to ``(n, D)`` float32 in the space of clips; None if the stream has no encoder.
    """

    phrases: tuple[str, ...]
    reader: Reader
    statements: Statements
    space: Space | None = None
    embed_for_clips: Embed | None = None

    def read(self, text: str) -> Reading:
        """Understand a rule's text."""
        return self.reader.read(text, self.embed_for_clips)

    def seen(self, reading: Reading) -> bool:
        """Whether the stream's encoder learned clips of something that a text means."""
        trained = None if self.space is None else self.space.trained
        return bool((reading.weights if trained is None else reading.weights[trained]).max(initial=0.0) > 0.0)

    def resembles(self, reading: Reading) -> list[Resemblance]:
        """The phrases that a text was understood as, most alike first."""
        order = (-reading.weights).argsort(kind="stable")[:SHOWN]
        return [
            Resemblance(text=self.phrases[index], weight=round(float(reading.weights[index]), 3))
            for index in order.tolist()
            if reading.weights[index] >= MIN_WEIGHT
        ]


def language_of(
    names: Sequence[str], encoder: JointEncoder | None, load_sentences: Callable[[], TextEncoder]
) -> Language:
    """The language of streams.

    Args:
        names: Classes of their detector.
        encoder: What sees their clips; None for nothing.
        load_sentences: Gives what compares sentences, and the bank where there is no encoder. Called unless the
            encoder's own text tower can do that.
    """
    sentences = encoder.text if encoder is not None and encoder.sentence else load_sentences()
    bank = sentences.bank if encoder is None else encoder.bank
    reader = Reader.of(bank.phrases, bank.kinds, sentences.embed)
    statements = Statements.of(names, bank.phrases, sentences.embed)
    if encoder is None:
        return Language(bank.phrases, reader, statements)
    trained = None if bank.trained is None else np.array(bank.trained)
    space = Space(bank.features, encoder.temperature, trained)
    return Language(bank.phrases, reader, statements, space, encoder.embed_texts)
