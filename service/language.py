"""What the rules of a stream are understood with: the sentence encoder, the phrase bank, and the stream's encoder."""

from __future__ import annotations

from dataclasses import dataclass

from models.scoring.guidance import Space
from models.scoring.reading import Embed, Reader, Reading
from models.scoring.similarity import Statements
from service.contracts.guidance import Resemblance
from service.engine.encoder import JointEncoder, TextEncoder
from service.pipeline.stages import Stages

SHOWN = 8
"""Phrases named of those that a rule was understood as."""

LEAST_WEIGHT = 0.05
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
        encoder: Hash of the stream's encoder pack, or None.
    """

    phrases: tuple[str, ...]
    reader: Reader
    statements: Statements
    space: Space | None = None
    embed_for_clips: Embed | None = None
    encoder: str | None = None

    def read(self, text: str) -> Reading:
        """Understand a rule's text."""
        return self.reader.read(text, self.embed_for_clips)

    def resembles(self, reading: Reading) -> list[Resemblance]:
        """The phrases that a text was understood as, most alike first."""
        order = (-reading.weights).argsort(kind="stable")[:SHOWN]
        return [
            Resemblance(text=self.phrases[index], weight=round(float(reading.weights[index]), 3))
            for index in order.tolist()
            if reading.weights[index] >= LEAST_WEIGHT
        ]


def language_of(stages: Stages) -> Language | None:
    """The language of the streams of these stages; None if there is no sentence encoder."""
    sentences, encoder = stages.sentences, stages.encoder
    if sentences is None:
        return None
    phrases, kinds = _bank(sentences, encoder)
    reader = Reader.of(phrases, kinds, sentences.embed)
    statements = Statements.of(stages.detector.names, phrases, sentences.embed)
    if encoder is None:
        return Language(phrases, reader, statements)
    space = Space(encoder.bank.features, encoder.temperature)
    return Language(phrases, reader, statements, space, encoder.embed_texts, encoder.hash)


def _bank(sentences: TextEncoder, encoder: JointEncoder | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The phrases that clips are compared with; without an encoder, those of the sentence encoder's own pack."""
    if encoder is not None:
        return encoder.bank.phrases, encoder.bank.kinds
    return tuple(each.text for each in sentences.phrases), tuple(each.kind for each in sentences.phrases)
