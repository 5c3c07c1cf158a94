"""What a method of matching rules with objects has to answer, so that rules of several may stand side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from models.arrays import Float32, Float64, Mask
from models.guidance.effect import Effect
from models.guidance.rules import Evidence, Seen


@dataclass(frozen=True, slots=True)
class Similarities:
    """How surely ``R`` rules are of ``N`` objects, before it is asked which are in force.

    Attributes:
        similarity: ``(N, R)`` float32 in [0, 1].
        by_image: ``(N, R)`` bool, whether the object's clip says as much; else its caption alone does.
        gate: ``(N, R)`` float32 in [0, 1], how far each rule acts on each object.
        by_guess: ``(N, R)`` bool, whether it is what the caption guesses of a posture that says it; False where
            ``by_image`` is True.
    """

    similarity: Float32
    by_image: Mask
    gate: Float32
    by_guess: Mask

    def evidence(self, row: int, column: int) -> Evidence:
        """What matches a rule with an object."""
        if self.by_image[row, column]:
            return "image"
        return "posture" if self.by_guess[row, column] else "caption"


class Matcher(Protocol):
    """``R`` rules of one method, compiled. Immutable, and judged by from several threads at once."""

    def match(self, seen: Seen) -> Similarities:
        """How surely each rule is of each object, wherever it is for.

        Args:
            seen: ``N`` objects, at least one.
        """
        ...

    def effect(self, weights: Float32, similarity: Float32, surprise: Float64) -> Effect:
        """What each rule would do to each object.

        Args:
            weights: ``(N, R)`` in [0, 1], how far each rule counts: its gate and strength, less what rules before it
                take.
            similarity: ``(N, R)``, of ``match``.
            surprise: ``(N,)``, of the objects; 0 where nothing is known.
        """
        ...

    def tuned(self, embeddings: Float32, surprise: Float64) -> Matcher:
        """The same rules, set against what the stream's own recent objects are like.

        Args:
            embeddings: ``(M, D)`` embeddings of unit length of recent objects.
            surprise: Finite surprises of recent objects.
        """
        ...
