"""What the rules of a stream are understood with: the sentence encoder, the phrase bank, and the stream's encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.scoring.guidance import Floats, Reading, Sameness, Space
from service.contracts.guidance import Resemblance

SHOWN = 8
"""Phrases named of those that a rule was understood as."""


@dataclass(frozen=True, slots=True)
class Language:
    """How texts are read.

    Attributes:
        phrases: ``K`` texts of the bank.
        sentences: ``(K, Ds)`` float32 of unit length, the same as sentences.
        embed: Texts to ``(n, Ds)`` float32 of unit length, as sentences.
        weigh: ``(K,)`` cosines of a text with ``sentences`` to how far each phrase means the same, in [0, 1].
        sameness: Of any two sentences.
        space: The bank in the space of the stream's clips; None if the stream has no encoder.
        embed_clip_text: Texts to ``(n, D)`` float32 in the space of clips; None if the stream has no encoder.
        encoder: Hash of the stream's encoder pack, or None.
    """

    phrases: tuple[str, ...]
    sentences: Floats
    embed: Callable[[Sequence[str]], Floats]
    weigh: Callable[[Floats], Floats]
    sameness: Sameness
    space: Space | None = None
    embed_clip_text: Callable[[Sequence[str]], Floats] | None = None
    encoder: str | None = None

    def read(self, text: str) -> Reading:
        """Understand a rule's text."""
        sentence = self.embed([text])[0]
        clip_text = None if self.embed_clip_text is None else self.embed_clip_text([text])[0]
        return Reading(self.weigh(self.sentences @ sentence), sentence, clip_text)

    def resembles(self, reading: Reading) -> list[Resemblance]:
        """The phrases that a text was understood as, most alike first."""
        order = (-reading.weights).argsort(kind="stable")[:SHOWN]
        return [
            Resemblance(text=self.phrases[index], weight=round(float(reading.weights[index]), 3))
            for index in order.tolist()
            if reading.weights[index] >= LEAST_WEIGHT
        ]


LEAST_WEIGHT = 0.05
"""Phrases that weigh less say nothing to a person: even a sure one would not make the rule act."""
