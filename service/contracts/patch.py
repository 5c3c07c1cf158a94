"""Part of some settings changed, and the whole checked again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from service.contracts.field_words import expected_and_got, field_path, sentence
from service.errors import ErrorKind, InvalidInput

SpecT = TypeVar("SpecT", bound=BaseModel)


def patched(spec: SpecT, changes: Mapping[str, object], refusal: ErrorKind[InvalidInput]) -> SpecT:
    """The settings with these changes: a patch must not pass what new settings would not.

    Args:
        spec: The settings as they are; they stay so.
        changes: The new values, by field.
        refusal: What kind of error says that the outcome is not valid.

    Raises:
        InvalidInput: Of the kind ``refusal``, with every field that is not what was expected.
    """
    try:
        return type(spec).model_validate({**dict(spec), **changes})
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        raise InvalidInput(refusal, " ".join(map(_said, problems))) from error


def _said(problem: Mapping[str, Any]) -> str:
    """A sentence of one field. A value is not shown: a patch may hold a secret."""
    return sentence(problem, field_path(problem["loc"]), *expected_and_got(problem, secret=True))
