"""Anomaly heads: one scoring method a file."""

from __future__ import annotations

from collections.abc import Callable

from models.heads.attributes import AttributesHead
from models.heads.base import Head
from models.pack import HeadManifest, Pack


def _attributes(pack: Pack, manifest: HeadManifest) -> Head:
    return AttributesHead(manifest.parameters)


_HEADS: dict[str, Callable[[Pack, HeadManifest], Head]] = {AttributesHead.name: _attributes}


def load_head(pack: Pack) -> Head:
    """The head of a verified pack.

    Raises:
        ValueError: A pack of another kind, an unknown head, or parameters or arrays that the head does not take.
    """
    manifest = pack.manifest
    if not isinstance(manifest, HeadManifest):
        msg = f"expected a pack of kind head, got {pack.name!r} of kind {pack.kind}"
        raise ValueError(msg)
    if manifest.head not in _HEADS:
        msg = f"expected a head of {', '.join(sorted(_HEADS))}, got {manifest.head}"
        raise ValueError(msg)
    return _HEADS[manifest.head](pack, manifest)
