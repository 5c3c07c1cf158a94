"""The catalogue of errors, as it is declared."""

from __future__ import annotations

from typing import Never

from service import errors
from service.errors import PACK_KINDS, ErrorKind


def declared() -> dict[str, ErrorKind[Never]]:
    """The service's kinds, by the name of the constant that they are."""
    return {name: value for name, value in vars(errors).items() if isinstance(value, ErrorKind)}


def catalogue() -> list[ErrorKind[Never]]:
    """Every kind there is, those of packs among them."""
    return [*declared().values(), *PACK_KINDS.values()]
