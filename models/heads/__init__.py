"""Anomaly heads: one scoring method a file."""

from __future__ import annotations

from collections.abc import Mapping

from models.heads.attributes import AttributesHead
from models.heads.base import Head

_HEADS = {AttributesHead.name: AttributesHead}


def load_head(name: str, parameters: Mapping[str, object]) -> Head:
    """The head of a name, with the parameters of its pack.

    Raises:
        ValueError: An unknown name, or parameters that the head does not take.
    """
    if name not in _HEADS:
        msg = f"expected a head of {', '.join(sorted(_HEADS))}, got {name}"
        raise ValueError(msg)
    return _HEADS[name](parameters)
