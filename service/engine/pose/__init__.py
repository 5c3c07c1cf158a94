"""Interchangeable pose estimators behind one interface."""

from __future__ import annotations

from pathlib import Path

from models.packs import PackLibrary
from service.engine.pose.base import People, PoseEstimator
from service.engine.pose.onnx import OnnxPoseEstimator

NO_POSE = "none"
"""What a stream, a command or the settings say in place of a pose estimator's name to have none."""


def load_pose(name_or_path: str, library: PackLibrary, threads: int = 0) -> PoseEstimator:
    """A pose estimator for a command.

    Args:
        name_or_path: The path of an ``.onnx`` file.
        library: Where packs are looked for.
        threads: Of one run of a graph on the CPU; 0 picks by cores.

    Raises:
        PackError: If the graph cannot be used.
    """
    return OnnxPoseEstimator(Path(name_or_path), threads=threads)


__all__ = ["NO_POSE", "OnnxPoseEstimator", "People", "PoseEstimator", "load_pose"]
