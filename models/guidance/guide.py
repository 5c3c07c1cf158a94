"""Text guidance: rules in words that move the scores of the objects that match them, and of nothing else.

How a rule is matched with an object is its method's (``contrastive``, ``equation10``), what follows for the object is
``effect``'s, what false alarms taught is ``feedback``'s. A ``Guide`` puts them together for one stream. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Float64, Index, Mask
from models.guidance.contrastive import Contrastive
from models.guidance.effect import Effect, Judgement, reconciled, strongest
from models.guidance.embedded_bank import EmbeddedBank
from models.guidance.equation10 import Equation10
from models.guidance.feedback import Feedback
from models.guidance.matcher import Matcher, Similarities
from models.guidance.polygon import Polygon, contains, foot_points
from models.guidance.rules import Match, Method, Rule, Seen, present
from models.guidance.statements import Statements
from models.guidance.text_reader import Reading

MATCHES = 5
"""Rules named for one object, the most similar ones."""

_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, slots=True)
class MethodRules:
    """The rules of one method.

    Attributes:
        matcher: Of them.
        columns: Where each stands among all rules.
    """

    matcher: Matcher
    columns: Index


@dataclass(frozen=True, slots=True)
class Guide:
    """Rules compiled for one stream: everything that does not depend on the frame is computed once.

    Immutable, and safe to judge by from several threads at once: the one thing that is remembered between frames,
    what captions say of rules, is ``CaptionSupport``'s own and changes no answer.

    Attributes:
        rules: ``R`` rules, in the order in which they count.
        bank: Of the stream's encoder, for who knows cosines beforehand (``Seen.cosines``); None without one.
        feedback: Modes that false alarms taught, or None.
        parts: The rules by method, each with what matches them.
    """

    rules: tuple[Rule, ...] = ()
    bank: EmbeddedBank | None = None
    feedback: Feedback | None = None
    parts: tuple[MethodRules, ...] = ()
    _order: Index = field(default_factory=lambda: np.zeros(0, np.intp), repr=False)
    _zones: tuple[tuple[Polygon, Index], ...] = field(default=(), repr=False)
    _strengths: Float32 = field(default_factory=lambda: np.zeros(0, np.float32), repr=False)
    _normal: Mask = field(default_factory=lambda: np.zeros(0, np.bool_), repr=False)

    @classmethod
    def compile(
        cls,
        rules: Sequence[tuple[Rule, Reading]],
        statements: Statements | None = None,
        bank: EmbeddedBank | None = None,
        feedback: Feedback | None = None,
    ) -> Guide:
        """Prepare rules, in any order.

        Args:
            rules: Each with how its text is understood under the same bank.
            statements: What captions say, with features in the space of the readings' sentences.
            bank: Of the stream's encoder.
            feedback: Modes that false alarms taught.
        """
        ordered = sorted(rules, key=lambda each: each[0].precedence, reverse=True)
        chosen = tuple(rule for rule, _ in ordered)
        parts = []
        for method in get_args(Method):
            columns = [index for index, rule in enumerate(chosen) if rule.method == method]
            if columns:
                readings = [ordered[index][1] for index in columns]
                parts.append(MethodRules(_matcher(method, readings, statements, bank), np.array(columns, np.intp)))
        return cls(
            chosen,
            bank,
            feedback,
            parts=tuple(parts),
            _order=np.argsort([column for part in parts for column in part.columns]),
            _zones=_zones(chosen),
            _strengths=np.array([rule.strength for rule in chosen], np.float32),
            _normal=np.array([rule.verdict == "normal" for rule in chosen], np.bool_),
        )

    def tuned(self, embeddings: Float32, surprise: Float64) -> Guide:
        """The same rules against what the stream's own recent objects are like.

        Args:
            embeddings: ``(M, D)`` embeddings of recent objects; NaN rows count for nothing.
            surprise: Surprises of recent objects; those that are not finite count for nothing.
        """
        embeddings, surprise = embeddings[present(embeddings)], surprise[np.isfinite(surprise)]
        return replace(
            self, parts=tuple(replace(part, matcher=part.matcher.tuned(embeddings, surprise)) for part in self.parts)
        )

    def judge(
        self,
        seen: Seen,
        active: Mask | None = None,
        matched: Similarities | None = None,
        *,
        explain: bool = True,
    ) -> Judgement:
        """What the rules say of these objects.

        Args:
            seen: The objects.
            active: ``(R,)`` or ``(N, R)``, which of ``rules`` are in force; None for all.
            matched: ``match`` of the same objects where it is known already.
            explain: Whether to name the matches.
        """
        judgement = Judgement.nothing(len(seen))
        if len(seen) and self.rules:
            judgement = self._weigh(seen, matched or self.match(seen), active, explain=explain)
        if self.feedback is not None and present(seen.embeddings).any():
            relief, modes = self.feedback.relief(seen.embeddings)
            feedback = self.feedback.matches(relief, modes) if explain else ()
            judgement = replace(judgement, relief=np.maximum(judgement.relief, relief), feedback=feedback)
        return judgement

    def match(self, seen: Seen) -> Similarities:
        """How surely each rule is of each object, in force or not; in its zone alone. N and R are at least 1."""
        parts = [part.matcher.match(seen) for part in self.parts]
        return Similarities(
            self._joined([part.similarity for part in parts]),
            self._joined([part.by_image for part in parts]),
            self._inside(seen.boxes, self._joined([part.gate for part in parts])),
            self._joined([part.by_guess for part in parts]),
        )

    def _weigh(self, seen: Seen, matched: Similarities, active: Mask | None, *, explain: bool) -> Judgement:
        gate = matched.gate if active is None else matched.gate * active
        weights = reconciled(gate * self._strengths, self._normal)
        surprise = np.nan_to_num(seen.surprise)
        effects = [
            part.matcher.effect(self._own(part, weights), self._own(part, matched.similarity), surprise)
            for part in self.parts
        ]
        effect = Effect(
            self._joined([each.relief for each in effects]),
            self._joined([each.lift for each in effects]),
        )
        relief, lift = strongest(effect, weights, self._normal)
        return Judgement(relief, lift, self._matches(gate, matched) if explain else ((),) * len(seen))

    def _own(self, part: MethodRules, values: NDArray[_Number]) -> NDArray[_Number]:
        """Of ``(N, R)``, the columns of the part's rules."""
        return values if len(self.parts) == 1 else np.take(values, part.columns, axis=1)

    def _joined(self, values: Sequence[NDArray[_Number]]) -> NDArray[_Number]:
        """``(N, R)``, of columns for each part's rules, in the order of all rules."""
        if len(values) == 1:
            return values[0]
        return np.take(np.concatenate(values, axis=1), self._order, axis=1)

    def _inside(self, boxes: Float32, gate: Float32) -> Float32:
        """``gate``, but 0 where an object's foot point, the middle of its lower edge, is outside a rule's zone."""
        if not self._zones:
            return gate
        inside = np.ones(gate.shape, np.float32)
        feet = foot_points(boxes)
        for polygon, columns in self._zones:
            inside[:, columns] = contains(polygon, feet)[:, None]
        return gate * inside

    def _matches(self, gate: Float32, matched: Similarities) -> tuple[tuple[Match, ...], ...]:
        found: list[list[tuple[float, int]]] = [[] for _ in range(len(gate))]
        for row, column in np.argwhere(gate > 0).tolist():
            found[row].append((float(matched.similarity[row, column]), column))
        return tuple(
            tuple(
                Match(
                    self.rules[column].id,
                    self.rules[column].text,
                    self.rules[column].verdict,
                    value,
                    matched.evidence(row, column),
                )
                for value, column in sorted(columns, key=lambda each: (-each[0], each[1]))[:MATCHES]
            )
            for row, columns in enumerate(found)
        )


def _matcher(
    method: Method, readings: Sequence[Reading], statements: Statements | None, bank: EmbeddedBank | None
) -> Matcher:
    if method == "equation10":
        return Equation10.of(readings)
    return Contrastive.of(readings, statements, bank)


def _zones(rules: Sequence[Rule]) -> tuple[tuple[Polygon, Index], ...]:
    """Each zone with the columns of its rules, so that it is tested once."""
    columns: dict[Polygon, list[int]] = {}
    for index, rule in enumerate(rules):
        if rule.polygon is not None:
            columns.setdefault(rule.polygon, []).append(index)
    return tuple((polygon, np.array(of, np.intp)) for polygon, of in columns.items())
