"""Interchangeable networks that say how objects look, behind one interface."""

from __future__ import annotations

from pathlib import Path

from models.packs import AppearanceManifest, EncoderManifest, Pack, PackError, PackLibrary
from service.engine.appearance.base import AppearanceNetwork
from service.engine.appearance.onnx import ImageOptions, OnnxAppearance
from service.engine.appearance.tower import TowerAppearance
from service.engine.engine_queue import EngineQueue


def load_appearance(name_or_path: str, library: PackLibrary, threads: int = 0) -> AppearanceNetwork:
    """An appearance network for a command: of a pack, or of a bare graph.

    Args:
        name_or_path: The name of a pack of an appearance network or of an encoder, or the path of an ``.onnx`` file,
            which is fed as the networks of ImageNet are.
        library: Where packs are looked for.
        threads: Of one run of a graph on the CPU; 0 picks by cores.

    Raises:
        PackError: If the pack is unknown, is of another kind or does not verify, or the graph cannot be used.
    """
    if name_or_path.endswith(".onnx"):
        return OnnxAppearance(Path(name_or_path), threads=threads)
    try:
        return appearance_of(library.get(name_or_path), threads)
    except PackError as error:
        if error.code != "unknown_pack":
            raise
        message = f"{error.message} An appearance network can also be the path of a graph that ends in .onnx."
        raise PackError(error.code, message) from None


def appearance_of(pack: Pack, threads: int = 0, engines: EngineQueue | None = None) -> AppearanceNetwork:
    """The network of a verified pack, its own or the image tower of an encoder.

    Raises:
        PackError: If it is a pack of another kind, or its graph does not fit its manifest.
    """
    if isinstance(pack.manifest, EncoderManifest):
        return TowerAppearance(pack, threads, engines=engines)
    manifest = pack.manifest_of(AppearanceManifest)
    options = ImageOptions(manifest.input, manifest.mean, manifest.deviation)
    names = pack.name, pack.hash
    return OnnxAppearance(pack.file(manifest.graph), options, threads, pack=names, engines=engines)


__all__ = [
    "AppearanceNetwork",
    "ImageOptions",
    "OnnxAppearance",
    "TowerAppearance",
    "appearance_of",
    "load_appearance",
]
