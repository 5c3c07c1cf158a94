"""Interchangeable object detectors behind one interface."""

from __future__ import annotations

from models.pack import PackError, PackLibrary
from service.engine.detectors.base import Detector
from service.engine.detectors.motion import MotionDetector


def load_detector(name_or_path: str, library: PackLibrary, threads: int = 0) -> Detector:
    """The detector of this name.

    Raises:
        PackError: If there is none.
    """
    if name_or_path == "motion":
        return MotionDetector()
    msg = f"expected detector motion, got {name_or_path[:64]!r}"
    raise PackError("detector_not_found", msg)
