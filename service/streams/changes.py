"""A patch of a stream's settings, checked as a whole."""

from __future__ import annotations

from pydantic import ValidationError

from service.contracts.stream import StreamPatch, StreamSpec
from service.errors import INVALID_PATCH, InvalidInput

REBUILDING = {"url", "transport", "fps", "detector", "packs", "encoder", "enabled"}
"""Settings that a stream is stopped and started for; the others are changed while it runs."""


def changes_of(patch: StreamPatch) -> dict[str, object]:
    """The settings that a patch names. Setting one of ``threshold`` and ``alerts_per_day`` takes the other back."""
    changes = {name: getattr(patch, name) for name in patch.model_fields_set}
    for given, other in (("threshold", "alerts_per_day"), ("alerts_per_day", "threshold")):
        if changes.get(given) is not None and other not in changes:
            return {**changes, other: None}
    return changes


def changed(spec: StreamSpec, changes: dict[str, object]) -> StreamSpec:
    """The settings with these changes: a patch must not pass what a new stream would not.

    Raises:
        InvalidInput: ``invalid_patch``.
    """
    try:
        return StreamSpec.model_validate({**spec.model_dump(), **changes})
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        msg = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}".lstrip(": ") for problem in problems)
        raise InvalidInput(INVALID_PATCH, msg) from error
