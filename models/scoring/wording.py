"""What an operator's sentence is about: its clauses, without what it says of them.

A rule has its verdict beside its text, so "bicycles are normal here" and "bicycles are forbidden in this area" are both
about bicycles. Left in, such a frame is most of a short sentence, and brings all rules nearer to each other.
"""

from __future__ import annotations

import re

MOST_CLAUSES = 8

_JUDGED = (
    "normal|fine|ok|okay|allowed|permitted|usual|unusual|common|expected|unexpected|acceptable|harmless|safe|good|bad|"
    "an? anomaly|anomalies|anomalous|abnormal|forbidden|prohibited|banned|dangerous|suspicious|illegal|wanted|unwanted|"
    "welcome|a problem|no problem|a threat|an alarm|an alert|nothing to worry about|nothing unusual|nothing special|"
    "to be expected|to be ignored|ignored|alright|all right|irrelevant|of no interest"
)
_HERE = r"(?:here|there|(?:in|at|on|for) (?:this|that|the) (?:area|place|camera|zone|site|location|scene|picture))"
_HOW = r"(?:not|never|always|perfectly|completely|totally|quite|very|usually|normally|also|still|absolutely)"
_FRONT = re.compile(
    rf"^(?:(?:please|note that|(?:it|that|this)(?: is|'s) (?:{_HOW} )*(?:{_JUDGED})(?: {_HERE})? "
    r"(?:if|when|that|for|to)|"
    r"(?:raise|give|send|trigger) (?:an? )?(?:alarm|alert|warning) (?:if|when|for|on)|"
    r"(?:alert|warn|tell|notify) (?:me|us) (?:about|of|if|when)|watch out for|look out for|beware of|report|ignore|"
    r"do not worry about|don't worry about|never mind|disregard|there (?:is|are|may be|can be)|"
    r"the (?:use|presence|sight) of|no|any|every|all)\s+)+"
)
_BACK = re.compile(
    rf"(?:,? (?:which|who|that))? (?:is|are|was|be)(?: {_HOW})* (?:{_JUDGED})(?: {_HERE})*$|"
    rf" (?:should|must|may|can|shall)(?: {_HOW})? (?:raise|trigger|give|cause|be) ?(?:an? )?"
    rf"(?:alarms?|alerts?|warnings?|reported|ignored|here|allowed)(?: {_HERE})*$|"
    rf" (?:is|are) {_HERE}$| {_HERE}$"
)
_BETWEEN = re.compile(r"\s*(?:[;,/.!?\n]|\bor\b|\bas well as\b)\s*")


def clauses(text: str) -> tuple[str, ...]:
    """The clauses of a rule's text: what is meant by any of them is meant by the rule.

    In lower case, split at "or" and punctuation, and at "and" between two plain names ("bicycles and scooters"); each
    without words that only judge it ("... is normal here", "ignore ..."), and never empty: a text that only judges
    stays as it is. At most ``MOST_CLAUSES``, the rest is left out.
    """
    said = " ".join(text.casefold().split())
    found = dict.fromkeys(
        name for part in _BETWEEN.split(_unframed(said)) for clause in _listed(part) if (name := _unframed(clause))
    )
    return tuple(found)[:MOST_CLAUSES] or (said,)


def _unframed(text: str) -> str:
    """Without what stands in front and behind; again until nothing is left to take away."""
    text = text.strip(" ,;.!?")
    while text:
        shorter = _BACK.sub("", _FRONT.sub("", text)).strip(" ,;.!?")
        if shorter in {text, ""}:
            break
        text = shorter
    return text


def _listed(text: str) -> list[str]:
    """Single names in the plural with "and" between them, each on its own; any other text whole."""
    parts = text.split(" and ")
    return parts if all(re.fullmatch(r"[\w-]+s", part) for part in parts) else [text]
