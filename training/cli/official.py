"""Packs of official weights that need a network to be exported. Imported by ``packs build`` alone, with torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.crops import crop
from models.pack import PackError, PackLibrary
from service.cli.console import console, errors
from service.engine.detectors.tiles import WHOLE

if TYPE_CHECKING:
    from export.encoder import Samples
    from export.hub import Weights
    from models.pack import Pack
    from service.engine.detectors import Options
    from training.virtual.renderer import Rendered

_OBJECTS = 16  # on which each graph is compared with its network
_PICTURES = 4
_APART = 60  # frames; over two seconds most people are somewhere else


def build_towers(weights: Weights, path: Path, packs: Path, *, replace: bool) -> Pack:
    """The encoder pack of CLIP's towers, with the phrases of the built-in encoder.

    Args:
        weights: Of the catalogue.
        path: The file, verified.
        packs: The folder of packs.
        replace: Whether a pack of this name may exist.

    Raises:
        PackError: Without torch and ``open_clip``, or if the graphs do not give what the towers give.
    """
    with _extra():
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


def build_yolo(weights: Weights, path: Path, packs: Path, options: Options, *, replace: bool) -> Pack:
    """The detector pack of an ultralytics checkpoint; ``options`` say how it is used, the rest as ``build_towers``."""
    if options.tiles != WHOLE:
        message = f"expected no --tiles for {weights.name}: build it without, then build its graph.onnx with them"
        raise PackError("bad_input", message)
    with _extra():
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


def world_samples(size: int, context: float) -> Samples:
    """Objects of the virtual world, cut out as the service would, one crop each."""
    from export.encoder import Samples

    crops: list[NDArray[np.uint8]] = []
    for frame in world_frames():
        crops += [crop(frame.image, np.array(each.box), size, context) for each in frame.truth.objects]
        if len(crops) >= _OBJECTS:
            break
    return Samples(np.stack(crops[:_OBJECTS])[:, None])


def world_pictures() -> NDArray[np.uint8]:
    """``(N, H, W, 3)`` BGR: people as a camera sees them, wherever this runs."""
    return np.stack([frame.image for frame in itertools.islice(world_frames(), _PICTURES)])


def world_frames() -> Iterator[Rendered]:
    """Pictures of the virtual world, two seconds apart, without end."""
    from training.virtual.clip import World
    from training.virtual.scene import load_scene

    world = World(load_scene("plaza"), seed=0)
    while True:
        yield world.render()
        for _ in range(_APART):
            world.skip()


@contextmanager
def _extra() -> Iterator[None]:
    """Say what exporting needs where it is not installed."""
    try:
        yield
    except ImportError as error:
        message = f"expected what exporting needs, which `pip install 'watchword[train]'` brings: {error}"
        raise PackError("missing_extra", message) from error
