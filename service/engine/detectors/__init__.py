"""Interchangeable object detectors behind one interface."""

from __future__ import annotations

from pathlib import Path

from models.packs import DetectorManifest, Pack, PackError, PackLibrary
from service.engine.detectors.base import Detector
from service.engine.detectors.motion import MotionDetector
from service.engine.detectors.onnx import OnnxDetector, Options
from service.engine.detectors.tiles import Grid
from service.engine.engine_queue import EngineQueue


def load_detector(name_or_path: str, library: PackLibrary, threads: int = 0) -> Detector:
    """A detector for a command: of a pack, or of a bare graph.

    Args:
        name_or_path: A detector pack's name, such as ``motion``, or the path of an ``.onnx`` file.
        library: Where packs are looked for.
        threads: Of one run of a graph on the CPU; 0 picks by cores.

    Raises:
        PackError: If the pack is unknown, is of another kind or does not verify, or the graph cannot be used.
    """
    if name_or_path.endswith(".onnx"):
        return OnnxDetector(Path(name_or_path), threads=threads)
    try:
        return load_pack_detector(name_or_path, library, threads)
    except PackError as error:
        if error.code != "unknown_pack":
            raise
        message = f"{error.message} A detector can also be the path of a graph that ends in .onnx."
        raise PackError(error.code, message) from None


def load_pack_detector(
    name: str, library: PackLibrary, threads: int = 0, engines: EngineQueue | None = None
) -> Detector:
    """The detector of a pack; what a client of the API may name. Arguments and errors as ``load_detector``."""
    return detector_of(library.get(name), threads, engines)


def detector_of(pack: Pack, threads: int = 0, engines: EngineQueue | None = None) -> Detector:
    """The detector of a verified pack; ``engines`` build a TensorRT engine for its graph.

    Raises:
        PackError: If it is a pack of another kind, or its graph does not fit its manifest.
    """
    manifest = pack.manifest_of(DetectorManifest)
    if manifest.graph is None:
        return MotionDetector()
    assert manifest.confidence is not None
    assert manifest.overlap is not None
    options = Options(
        layout=manifest.layout,
        size=manifest.input,
        classes=manifest.classes,
        confidence=manifest.confidence,
        overlap=manifest.overlap,
        tiles="auto" if manifest.tiles == "auto" else Grid(*manifest.tiles),
    )
    # With the hash: a profile learned under another version of the pack is of no use under this one.
    name = f"{pack.name} {pack.hash[:12]}"
    return OnnxDetector(pack.file(manifest.graph), options, threads, name=name, engines=engines)


__all__ = [
    "Detector",
    "MotionDetector",
    "OnnxDetector",
    "Options",
    "detector_of",
    "load_detector",
    "load_pack_detector",
]
