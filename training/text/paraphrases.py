"""Wording that no training has seen: what operators may type for an action, to measure redefinition with.

`training/text/paraphrases.json` is never read by training. A test holds it apart from the phrases that training
uses. Studies take a file of the same format in its place, so that somebody else's list can be tried.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from service.errors import InvalidInput, declare

UNREADABLE_PARAPHRASES = declare(
    "paraphrases", InvalidInput, "expected paraphrases in mine.json, got: actions.cycle.rule: Field required"
)

UNKNOWN_ACTION = declare("unknown_action", InvalidInput, "expected paraphrases of the actions walk, run, got bycicle")

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
    paraphrases: tuple[Sentence, ...] = Field(min_length=1)


class Paraphrases(BaseModel):
    """The held-out wording. ``actions`` is by name: the virtual world's, where its footage is to be measured.

    ``unrelated`` names nothing that may be seen, and should move no score.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    actions: dict[str, HeldOutWording] = Field(min_length=1)
    unrelated: tuple[Sentence, ...] = ()

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

    def check(self, known: Collection[str]) -> None:
        """See that there are no actions but these; of others no footage says whether a frame shows them.

        Args:
            known: Names of actions.

        Raises:
            InvalidInput: ``unknown_action``.
        """
        unknown = [action for action in self.actions if action not in known]
        if unknown:
            msg = f"expected paraphrases of the actions {', '.join(known)}, got {', '.join(unknown)}"
            raise InvalidInput(UNKNOWN_ACTION, msg)

    @classmethod
    def load(cls, path: Path = PARAPHRASES) -> Paraphrases:
        """Read a file.

        Args:
            path: Of the format of ``PARAPHRASES``, which is read by default.

        Raises:
            InvalidInput: ``paraphrases``, where it cannot be read, or is not JSON or not of this format.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "file"
            msg = f"expected paraphrases in {path}, as in training/text/paraphrases.json; got: {where}: {first['msg']}"
            raise InvalidInput(UNREADABLE_PARAPHRASES, msg) from error
        except OSError as error:
            msg = f"expected paraphrases in {path}, got: {error.strerror}"
            raise InvalidInput(UNREADABLE_PARAPHRASES, msg) from error
