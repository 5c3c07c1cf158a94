"""A colour, as scenes write it and as pictures hold it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator


def _parse_colour(value: object) -> object:
    if isinstance(value, str):
        digits = value.removeprefix("#")
        if len(digits) != 6 or not value.startswith("#"):
            raise ValueError(f"expected a colour like #a1b2c3, got {value!r}")
        try:
            red, green, blue = bytes.fromhex(digits)
        except ValueError:
            raise ValueError(f"expected a colour like #a1b2c3, got {value!r}") from None
        return blue, green, red
    return value


Colour = Annotated[tuple[int, int, int], BeforeValidator(_parse_colour)]
"""Blue, green, red in 0..255; written as ``#rrggbb``."""
