"""Wording that no training has seen: what operators may type for an action, to measure redefinition with.

`training/text/paraphrases.json` is never read by training. A test holds it apart from the phrases that training
uses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

PARAPHRASES = Path(__file__).with_name("paraphrases.json")

POSTURES_CHOSEN = Path(__file__).with_name("posture_paraphrases_chosen.json")
POSTURES_KEPT = Path(__file__).with_name("posture_paraphrases_kept.json")
"""Rules about postures, twenty ways of saying each: a random half that words were chosen by, and the half that was kept
away from any choice (docs/decisions/0030-postures.md)."""

POSTURES_SEED = 30
"""Of what was kept: the sentences of each rule in the order of the alphabet, permuted; the first half is the chosen."""

Sentence = Annotated[str, Field(min_length=1, pattern=r"^\S(.*\S)?$")]


class HeldOutWording(BaseModel):
    """One action: the rule as an operator would write it, and other ways of saying it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Sentence
    paraphrases: tuple[Sentence, ...] = Field(min_length=10)


class Paraphrases(BaseModel):
    """The held-out wording. ``actions`` is by the virtual world's name of the action."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    actions: dict[str, HeldOutWording]
    unrelated: tuple[Sentence, ...] = Field(min_length=10)

    @model_validator(mode="after")
    def _say_nothing_twice(self) -> Paraphrases:
        seen: set[str] = set()
        for sentence in self.sentences():
            if (folded := sentence.casefold()) in seen:
                raise ValueError(f"expected every sentence once, got {sentence!r} twice")
            seen.add(folded)
        return self

    def sentences(self) -> tuple[str, ...]:
        """Everything that must stay out of training: all but the rules themselves."""
        worded = [sentence for wording in self.actions.values() for sentence in wording.paraphrases]
        return (*worded, *self.unrelated)

    @classmethod
    def load(cls, path: Path = PARAPHRASES) -> Paraphrases:
        """Read the file.

        Raises:
            ValueError: where it is not JSON or not of this format.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "file"
            raise ValueError(f"{path.name}: {where}: {first['msg']}") from error
