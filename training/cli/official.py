"""Packs of official weights that a network is built for. Imported by ``packs build`` alone, which then loads torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from export.cli.export import needs_extra
from models.packs import PackError, PackLibrary
from service.cli.console import console, errors
from service.engine.detectors import Options
from service.engine.detectors.tiles import WHOLE
from training.cli.world_pictures import world_pictures, world_samples

if TYPE_CHECKING:
    from export.hub import OfficialWeights
    from models.packs import Pack


def build_towers(weights: OfficialWeights, path: Path, packs: Path, options: Options, *, replace: bool) -> Pack:
    """The encoder pack of CLIP's towers, with the phrases of the built-in encoder.

    Args:
        weights: Of the catalogue.
        path: The file, verified.
        packs: The folder of packs.
        options: Those of no choice: an encoder takes none.
        replace: Whether a pack of this name may exist.

    Raises:
        PackError: Without torch and ``open_clip``, or if the graphs do not give what the towers give.
        typer.BadParameter: If options were chosen.
    """
    if options != Options():
        raise typer.BadParameter("expected none of a detector's options for an encoder")
    with needs_extra():
        from export.towers import ARCHITECTURES, CONTEXT, export_clip
    architecture = ARCHITECTURES[weights.name]
    with console.status("") as status:
        pack, report = export_clip(
            packs,
            weights.name,
            architecture,
            path,
            PackLibrary().get("words").phrases(),
            world_samples(architecture.size, CONTEXT),
            version=weights.revision[:40],
            replace=replace,
            say=status.update,
        )
    worst = max(parity.error for parity in report.parity.values())
    errors.print(f"parity with the network: {worst:.1e} at most; of the head's scores: {report.scores:.1e}")
    return pack


def build_yolo(weights: OfficialWeights, path: Path, packs: Path, options: Options, *, replace: bool) -> Pack:
    """The detector pack of an ultralytics checkpoint; ``options`` say how it is used, the rest as ``build_towers``."""
    if options.tiles != WHOLE:
        message = f"expected no --tiles for {weights.name}: build it without, then build its graph.onnx with them"
        raise PackError("bad_input", message)
    with needs_extra():
        from export.detectors import export_yolo
    with console.status("") as status:
        pack, parity = export_yolo(
            packs,
            weights.name,
            weights.name,
            path,
            world_pictures(),
            classes=options.classes,
            confidence=options.confidence,
            overlap=options.overlap,
            version=weights.revision[:40],
            provenance=weights.provenance,
            replace=replace,
            say=status.update,
        )
    errors.print(f"parity with the network: {parity.error:.1e} at most")
    return pack
