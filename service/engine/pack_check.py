"""Whether a pack works on this machine: each of its graphs loaded, run, and timed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from models.packs import (
    AppearanceManifest,
    DetectorManifest,
    EncoderManifest,
    HeadManifest,
    Pack,
    PackError,
    PoseManifest,
)
from models.runtime import Batch
from service.engine.appearance import AppearanceNetwork, appearance_of
from service.engine.detectors import Detector, detector_of
from service.engine.encoder import JointEncoder
from service.engine.heads import open_head
from service.engine.pose import PoseEstimator, pose_of
from service.engine.session import Session
from service.frames import Frame, PreparedFrame

_RUNS = 3  # after one that warms up; the median of three leaves out one that was disturbed
_GREY = np.full((360, 640, 3), 127, np.uint8)
_MIDDLE = np.array([[0.45, 0.3, 0.1, 0.4]], np.float32)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of trying a pack.

    Attributes:
        problem: What is wrong with it, or None.
        seconds: How long one run of each part takes, by the part's name, for one picture, object, clip or text.
    """

    problem: str | None
    seconds: dict[str, float] = field(default_factory=dict)


def try_pack(pack: Pack, threads: int = 0) -> Trial:
    """Load a pack that has verified, and run what is in it.

    Args:
        pack: Of any kind.
        threads: Of one run of a graph on the CPU; 0 picks by cores.
    """
    try:
        return Trial(None, _timed(pack, threads))
    except (PackError, ValueError) as error:
        return Trial(str(error))
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        return Trial(f"it does not run: {' '.join(str(error).split())[:300]}")


def _timed(pack: Pack, threads: int) -> dict[str, float]:
    """How long one run of each part takes, in seconds."""
    match pack.manifest:
        case HeadManifest():
            with closing(open_head(pack, threads)) as head:
                return {graph.name: _time(partial(graph.run, _noise(graph))) for graph in head.graphs}
        case DetectorManifest():
            with closing(detector_of(pack, threads)) as detector:
                return _detector(detector)
        case PoseManifest():
            with closing(pose_of(pack, threads)) as pose:
                return _pose(pose)
        case AppearanceManifest():
            with closing(appearance_of(pack, threads)) as network:
                return _appearance(network)
        case EncoderManifest():
            with closing(JointEncoder(pack, threads)) as encoder:
                return _encoder(encoder)


def try_engine(session: Session, wait: Callable[[], None]) -> Trial:
    """Run a session's engine once it is there, on noise, beside ONNX Runtime.

    Args:
        session: With a queue of engines.
        wait: Returns when the queue has nothing left to build.
    """
    batch = _noise(session)
    before = session.backend, _time(lambda: session.run(batch))
    wait()
    after = _time(lambda: session.run(batch))
    if session.backend == before[0]:
        return Trial(f"stays with ONNX Runtime on {before[0]}: {session.refusal or 'it asks for no engine'}")
    return Trial(None, {f"ONNX Runtime on {before[0]}": before[1], session.backend: after})


def _noise(session: Session) -> Batch:
    """One item of noise, as a graph takes it."""
    noise = np.random.default_rng(0)
    return {
        tensor.name: noise.random([size or 1 for size in tensor.shape]).astype(tensor.dtype)
        if "float" in tensor.dtype
        else noise.integers(0, 200, [size or 1 for size in tensor.shape]).astype(tensor.dtype)
        for tensor in session.inputs
    }


def _detector(detector: Detector) -> dict[str, float]:
    frame = PreparedFrame("trial", 0, Frame(0, 0.0, 0.0, 0.0, _GREY), None)
    return {"picture": _time(lambda: detector.detect([frame]))}


def _pose(pose: PoseEstimator) -> dict[str, float]:
    seconds = _time(lambda: pose.estimate([_GREY], [_MIDDLE]))
    return {"picture" if pose.whole else "person": seconds}


def _appearance(network: AppearanceNetwork) -> dict[str, float]:
    crops = network.cut(_GREY, _MIDDLE[0])[None]
    return {"crop": _time(lambda: network.embed(crops))}


def _encoder(encoder: JointEncoder) -> dict[str, float]:
    crops = np.full((1, encoder.size, encoder.size, 3), 127, np.uint8)
    frames = np.repeat(encoder.embed_crops(crops)[:, None], encoder.frames, axis=1)
    geometry = np.zeros((1, encoder.frames, 5), np.float32)
    # Each time another text, since those that were asked for are remembered.
    texts = (f"a person walks {number}" for number in range(1 + _RUNS))
    return {
        "crop": _time(lambda: encoder.embed_crops(crops)),
        "clip": _time(lambda: encoder.embed_clips(frames, geometry)),
        "text": _time(lambda: encoder.embed_texts([next(texts)])),
    }


def _time(run: Callable[[], object]) -> float:
    """The median of some runs, in seconds."""
    run()
    taken = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
