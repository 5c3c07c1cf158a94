"""Anomaly heads: one scoring method a file."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.heads.attributes.head import AttributesHead
from models.heads.base import Head
from models.heads.svad.head import SvadHead
from models.packs import HeadManifest, Pack


def _attributes(pack: Pack, manifest: HeadManifest) -> Head:
    return AttributesHead(manifest.parameters)


def _svad(pack: Pack, manifest: HeadManifest) -> Head:
    if manifest.encoder is None or "responses" not in manifest.arrays:
        msg = "expected an encoder and arrays named responses in the manifest of a svad pack"
        raise ValueError(msg)
    arrays = pack.arrays("responses")
    if arrays.keys() != {"features", "phrases"}:
        msg = f"expected the arrays features and phrases in responses, got {', '.join(sorted(arrays)) or 'none'}"
        raise ValueError(msg)
    phrases = [str(phrase) for phrase in arrays["phrases"]]
    return SvadHead(manifest.parameters, manifest.encoder, np.asarray(arrays["features"], np.float32), phrases)


_HEADS: dict[str, Callable[[Pack, HeadManifest], Head]] = {AttributesHead.name: _attributes, SvadHead.name: _svad}


def load_head(pack: Pack) -> Head:
    """The head of a verified pack.

    Raises:
        ValueError: A pack of another kind, an unknown head, or parameters or arrays that the head does not take.
    """
    manifest = pack.manifest_of(HeadManifest)
    if manifest.head not in _HEADS:
        msg = f"expected a head of {', '.join(sorted(_HEADS))}, got {manifest.head}"
        raise ValueError(msg)
    return _HEADS[manifest.head](pack, manifest)
