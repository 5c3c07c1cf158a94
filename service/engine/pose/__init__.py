"""Interchangeable pose estimators behind one interface."""

from __future__ import annotations

from pathlib import Path

from models.packs import Pack, PackError, PackLibrary, PoseManifest
from service.engine.engine_queue import EngineQueue
from service.engine.pose.base import FoundPeople, PoseEstimator
from service.engine.pose.onnx import OnnxPoseEstimator


def load_pose(name_or_path: str, library: PackLibrary, threads: int = 0) -> PoseEstimator:
    """A pose estimator for a command: of a pack, or of a bare graph.

    Args:
        name_or_path: A pose pack's name, or the path of an ``.onnx`` file.
        library: Where packs are looked for.
        threads: Of one run of a graph on the CPU; 0 picks by cores.

    Raises:
        PackError: If the pack is unknown, is of another kind or does not verify, or the graph cannot be used.
    """
    if name_or_path.endswith(".onnx"):
        return OnnxPoseEstimator(Path(name_or_path), threads=threads)
    try:
        return pose_of(library.get(name_or_path), threads)
    except PackError as error:
        if error.code != "unknown_pack":
            raise
        message = f"{error.message} A pose estimator can also be the path of a graph that ends in .onnx."
        raise PackError(error.code, message) from None


def pose_of(pack: Pack, threads: int = 0, engines: EngineQueue | None = None) -> PoseEstimator:
    """The pose estimator of a verified pack; ``engines`` build a TensorRT engine for its graph.

    Raises:
        PackError: If it is a pack of another kind, or its graph does not fit its manifest.
    """
    manifest = pack.manifest_of(PoseManifest)
    names = pack.name, pack.hash
    return OnnxPoseEstimator(pack.file(manifest.graph), manifest.layout, threads, pack=names, engines=engines)


__all__ = ["FoundPeople", "OnnxPoseEstimator", "PoseEstimator", "load_pose", "pose_of"]
