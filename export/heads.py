"""Head packs of trained prompts: the texts that the svad head compares clips with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.pack_writer import PackWriter
from export.parity import ExportError
from models.packs import EncoderManifest, Pack


def export_svad(
    packs: Path,
    name: str,
    encoder: Pack,
    features: NDArray[np.floating],
    actions: Sequence[str],
    *,
    version: str,
    licence: str,
    provenance: str,
    parameters: Mapping[str, int] | None = None,
    replace: bool = False,
) -> Pack:
    """Write the pack of an svad head over an encoder.

    Args:
        packs: The folder of packs.
        name: Of the pack.
        encoder: The encoder's pack.
        features: ``(N, D)``, the actions with learned prompts (equation 6 of its paper); made unit length.
        actions: Their ``N`` texts, by which modes are named.
        version: Of the pack.
        licence: Of the features, as an SPDX name.
        provenance: Where they come from.
        parameters: Of the head; None takes its defaults.
        replace: Whether a pack of this name may exist.

    Raises:
        ExportError: ``bad_input``, if the features are none of that space, or there is not one for each action.
        models.packs.PackError: ``pack_kind``, if that is no encoder; the pack does not verify, or its name is taken.
    """
    wanted = (len(actions), encoder.manifest_of(EncoderManifest).dim)
    if features.shape != wanted or not actions:
        code, message = "bad_input", f"expected features of {wanted}, actions by numbers, got {features.shape}"
        raise ExportError(code, message)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or lengths.min() < 1e-6:
        code, message = "bad_input", "expected finite features that are not zero"
        raise ExportError(code, message)
    unit = (features / lengths).astype(np.float32)
    with PackWriter(packs, name, replace=replace) as writer:
        responses = writer.add_arrays({"features": unit, "phrases": np.array(list(actions))}, "responses.npz")
        return writer.commit(
            {
                "kind": "head",
                "head": "svad",
                "view": "object",
                "encoder": encoder.name,
                "version": version,
                "description": "Anomalies as actions unlike those of normal footage (Gao et al., Scene-adaptive SVAD), "
                f"in the space of {encoder.name}.",
                "licence": licence,
                "provenance": provenance,
                "parameters": dict(parameters or {}),
                "arrays": {"responses": responses},
            }
        )
