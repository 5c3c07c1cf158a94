"""Part of some settings changed, and the whole checked again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

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
        problems = error.errors(include_url=False, include_input=False)
        said = (str(problem["msg"]).removeprefix("Value error, ") for problem in problems)
        places = (".".join(map(str, problem["loc"])) for problem in problems)
        msg = "; ".join(f"{place}: {what}".lstrip(": ") for place, what in zip(places, said, strict=True))
        raise InvalidInput(refusal, msg) from error
