"""What an operator's sentence is about: its clauses, without what it says of them.

A rule has its verdict beside its text, so "bicycles are normal here" and "bicycles are forbidden in this area" are both
about bicycles. Left in, such a frame is most of a short sentence, and brings all rules nearer to each other.

A prohibition judges as well: "nobody should run" is about running. What is left may still deny something, "nobody on
the tracks". A sentence encoder hardly hears that: to the built-in one "nobody is riding a bicycle" is 0.62 from "a
person riding a bicycle". So ``negation`` looks for the word.
"""

from __future__ import annotations

import re

MAX_CLAUSES = 8

_JUDGED = (
    "normal|fine|ok|okay|allowed|permitted|usual|unusual|common|expected|unexpected|acceptable|harmless|safe|good|bad|"
    "an? anomaly|anomalies|anomalous|abnormal|forbidden|prohibited|banned|dangerous|suspicious|illegal|wanted|unwanted|"
    "welcome|a problem|no problem|a threat|an alarm|an alert|nothing to worry about|nothing unusual|nothing special|"
    "nothing wrong|to be expected|to be ignored|ignored|alright|all right|irrelevant|of no interest"
)
_HERE = r"(?:here|there|(?:in|at|on|for) (?:this|that|the) (?:area|place|camera|zone|site|location|scene|picture))"
_HOW = r"(?:not|never|always|perfectly|completely|totally|quite|very|usually|normally|also|still|absolutely)"
_FRONT = re.compile(
    rf"^(?:(?:please|note that|(?:(?:it|that|this|there)(?: is|'s) )?(?:{_HOW} )*(?:{_JUDGED})(?: {_HERE})? "
    r"(?:if|when|that|for|to|about|with)|"
    r"(?:(?:do not|never|always) )?(?:(?:raise|give|send|trigger) (?:an? |any )?(?:alarm|alert|warning)s? "
    r"(?:if|when|for|on)|(?:alert|warn|tell|notify) (?:me|us) (?:about|of|if|when)|report|ignore)|"
    r"no (?:alarm|alert|warning)s? (?:if|when|for|on)|watch out for|look out for|beware of|"
    r"(?:(?:i|we) )?do not (?:worry|care) about|never mind|disregard|there (?:is|are|may be|can be)|"
    r"the (?:use|presence|sight) of|any|every|all)\s+)+"
)
_BACK = re.compile(
    rf"(?:,? (?:which|who|that))? (?:is|are|was|be)(?: {_HOW})* (?:{_JUDGED})(?: {_HERE})*$|"
    rf" (?:should|must|may|can|shall)(?: {_HOW})? (?:raise|trigger|give|cause|be) ?(?:an? )?"
    rf"(?:alarms?|alerts?|warnings?|reported|ignored|here|allowed)(?: {_HERE})*$|"
    rf" (?:is|are) {_HERE}$| {_HERE}$"
)
_AMID = re.compile(
    rf" (?:(?:is|are)(?: {_HOW})* (?:allowed|permitted|supposed) to|(?:should|must|may|shall) (?:not|never)) "
)
"""The same between who does something and what: "people must not run" and "people are not allowed to run"."""

_PROHIBITED = re.compile(
    r"^(?:(?P<nobody>nobody|no-one|no one)|no (?P<what>[^\W\d_]+(?: [^\W\d_]+)?)) (?:should(?: ever)?|must|may|shall|"
    rf"(?:is|are)(?: {_HOW})* (?:allowed|permitted|supposed) to)(?: be)? "
)
"""The same said of nobody: "nobody should lie on the ground" judges as "people should not" does, and is about lying."""

_VERDICT = re.compile(rf"(?:(?:it|that|this|which)(?: is|'s) )?(?:{_HOW} )*(?:{_JUDGED})(?: {_HERE})*")
_BETWEEN = re.compile(r"\s*(?:[;,/.!?\n]|\bor\b|\bas well as\b)\s*")

_WORD = re.compile(r"\b(?!an\b)[^\W\d_]{2,}")
"""A clause without one names nothing, but an encoder puts "a" and "a b" near "a fire"."""

_NEGATION = re.compile(
    r"\b(?:no|not|nobody|no-one|none|nothing|nowhere|never|neither|nor|without|except|excepting|excluding|unless|but|"
    r"other than|apart from|aside from|absence of|lack of|lacking)\b"
)
_MOTIONLESS = re.compile(
    r"\b(?:without (?:any )?(?:moving|movement)|"
    r"(?:(?:and|who|that) )?(?:do|does|can|will) not (?:stir|get up|stand up))\b"
)
"""Words of denial that say how somebody is: motionless."""

_WRITTEN_OUT = (("\u2019", "'"), ("can't", "can not"), ("cannot", "can not"), ("n't", " not"))


def clauses(text: str) -> tuple[str, ...]:
    """The clauses of a rule's text: what is meant by any of them is meant by the rule.

    In lower case, split at "or" and punctuation, and at "and" between two plain names ("bicycles and scooters"); each
    without words that only judge it ("... is normal here", "ignore ..."); a text that only judges stays as it is.
    At most ``MAX_CLAUSES``, the rest is left out. None where the text has no word.
    """
    said = " ".join(text.casefold().split())
    for short, long in _WRITTEN_OUT:
        said = said.replace(short, long)
    said = _MOTIONLESS.sub("motionless", said)
    names = [_unframed(clause) for part in _BETWEEN.split(_unframed(said)) for clause in _listed(part)]
    named = dict.fromkeys(name for name in names if _WORD.search(name))
    about = [name for name in named if not _VERDICT.fullmatch(name)]
    return tuple(about or named)[:MAX_CLAUSES]


def negation(clause: str) -> str | None:
    """The word by which a clause says what is not, or what is not meant; None if it says what is."""
    found = _NEGATION.search(clause)
    return None if found is None else found[0]


def _unframed(text: str) -> str:
    """Without what stands in front and behind; again until nothing is left to take away."""
    text = _PROHIBITED.sub(lambda found: f"{found['what'] or 'somebody'} ", text.strip(" ,;.!?"))
    while text:
        shorter = _AMID.sub(" ", _BACK.sub("", _FRONT.sub("", text))).strip(" ,;.!?")
        if shorter in {text, ""}:
            break
        text = shorter
    return text


def _listed(text: str) -> list[str]:
    """Single names in the plural with "and" between them, each on its own; any other text whole."""
    parts = text.split(" and ")
    return parts if all(re.fullmatch(r"[\w-]+s", part) for part in parts) else [text]
