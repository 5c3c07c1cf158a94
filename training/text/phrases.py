"""What training says of actions, and the source of the phrase bank that comes with the built-in pack.

``phrases.json`` has two parts. ``actions``: for each action of the virtual world how it may be said, as ``doing``
("riding a bicycle"), ``does`` ("rides a bicycle"), ``nouns`` ("a cyclist") and ``words`` ("cycling"). ``bank``: what a
camera may see, as ``action`` and ``background``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.guidance.bank import Phrase

SOURCE = Path(__file__).with_name("phrases.json")
MIN_PHRASINGS = 25
MIN_BANK = 300
SUBJECTS = ("a person", "a man", "a woman", "someone", "a child")
SEVERAL = ("people", "kids")

Text = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]
Texts = Annotated[tuple[Text, ...], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wording(_Strict):
    """How one action may be said."""

    doing: Texts
    does: Texts
    nouns: Texts
    words: Texts

    def phrasings(self) -> tuple[str, ...]:
        """All that is said of it, each once: words, phrases, sentences, of one and of several."""
        said = [
            *self.words,
            *self.nouns,
            *self.doing,
            *(f"{subject} {doing}" for doing in self.doing for subject in (*SUBJECTS, *SEVERAL)),
            *(f"{subject} {does}" for does in self.does for subject in SUBJECTS),
        ]
        return tuple(dict.fromkeys(said))


class _Bank(_Strict):
    action: Texts
    background: Texts


class Phrases(_Strict):
    """The file ``phrases.json``."""

    actions: Mapping[str, Wording]
    bank: _Bank

    @model_validator(mode="after")
    def _is_enough(self) -> Phrases:
        for name, wording in self.actions.items():
            if (count := len(wording.phrasings())) < MIN_PHRASINGS:
                msg = f"expected at least {MIN_PHRASINGS} phrasings of {name}, got {count}"
                raise ValueError(msg)
        texts = [phrase.text.casefold() for phrase in self.entries()]
        if len(texts) < MIN_BANK or len(set(texts)) < len(texts):
            msg = f"expected at least {MIN_BANK} different phrases in the bank, got {len(set(texts))} of {len(texts)}"
            raise ValueError(msg)
        return self

    def entries(self) -> tuple[Phrase, ...]:
        """The bank, actions first."""
        actions = tuple(Phrase(text=text, kind="action") for text in self.bank.action)
        return actions + tuple(Phrase(text=text, kind="background") for text in self.bank.background)

    @classmethod
    def load(cls, path: Path = SOURCE) -> Phrases:
        """Read the file.

        Raises:
            ValueError: It is not of this form; the message says where.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "file"
            msg = f"{path.name}: {where}: {first['msg']}"
            raise ValueError(msg) from error
