"""The table of ``docs/settings.md``, as ``service/settings.py`` would have it."""

from __future__ import annotations

from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BeforeValidator, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from service.settings import Settings, variable

__all__ = ["settings_table", "variable"]

_KINDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    Path: "path",
    SecretStr: "text, kept secret",
}


def settings_table() -> str:
    """A Markdown table with a row for every setting, in the order of the class, without a newline at its end.

    Raises:
        KeyError: If a setting has a type or a bound that this knows no words for.
    """
    rows = [("Setting", "Type", "Default", "What it is"), ("---",) * 4]
    for name, field in Settings.model_fields.items():
        rows.append((f"`{variable(name)}`", _kind(field), _default(field), field.description or ""))
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows)


def _kind(field: FieldInfo) -> str:
    return _words(field.annotation) + "".join(
        f" {_bound(one)}" for one in field.metadata if not isinstance(one, BeforeValidator)
    )


def _words(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        *most, last = (f"`{value}`" for value in get_args(annotation))
        return f"{', '.join(most)} or {last}"
    if get_origin(annotation) is list:
        return f"list of {_words(get_args(annotation)[0])}, with commas or as JSON"
    wanted = [part for part in get_args(annotation) if part is not NoneType]  # that it may be unset, the default says
    return _KINDS[wanted[0] if wanted else annotation]


def _bound(bound: Any) -> str:
    match bound:
        case Ge(ge=value):
            return f"from {value}"
        case Le(le=value):
            return f"to {value}"
        case Gt(gt=value):
            return f"above {value}"
        case Lt(lt=value):
            return f"below {value}"
    raise KeyError(bound)


def _default(field: FieldInfo) -> str:
    default = to_jsonable_python(field.get_default(call_default_factory=True))
    return "unset" if default is None else f"`{default}`"
