"""Rules in the small language of `support.words`, and what comes of them."""

from __future__ import annotations

from typing import Any

from models.guidance.effect import guided_objects
from models.guidance.guide import Guide
from models.guidance.rules import Rule, Seen, Verdict
from support import words

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
"""The left half of the picture."""


def rule(text: str = "riding a bicycle", verdict: Verdict = "normal", rule_id: str = "r", **fields: Any) -> Rule:
    return Rule(id=rule_id, text=text, verdict=verdict, **fields)


def guide(*rules: Rule, encoder: bool = True) -> Guide:
    language = words.language(encoder=encoder)
    return Guide.compile([(each, language.read(each.text)) for each in rules], language.statements, language.bank)


def guided(guide: Guide, seen: Seen, **arguments: Any) -> list[float]:
    return list(guided_objects(seen.surprise, guide.judge(seen, **arguments)).round(3).tolist())
