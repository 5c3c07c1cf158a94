"""Whether a pack works on this machine: each of its graphs loaded, run, and timed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from models.heads.registry import load_head
from models.packs import DetectorManifest, HeadManifest, Pack, PackError
from service.engine.detectors import Detector, detector_of
from service.engine.encoder import JointEncoder
from service.engine.session import Session
from service.frames import Frame, PreparedFrame

_RUNS = 3  # after one that warms up; the median of three leaves out one that was disturbed
_GREY = np.full((360, 640, 3), 127, np.uint8)


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
        if isinstance(pack.manifest, HeadManifest):
            load_head(pack)
            return Trial(None)
        if isinstance(pack.manifest, DetectorManifest):
            with closing(detector_of(pack, threads)) as detector:
                return Trial(None, _detector(detector))
        with closing(JointEncoder(pack, threads)) as encoder:
            return Trial(None, _encoder(encoder))
    except (PackError, ValueError) as error:
        return Trial(str(error))
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        return Trial(f"it does not run: {' '.join(str(error).split())[:300]}")


def try_engine(session: Session, wait: Callable[[], None]) -> Trial:
    """Run a session's engine once it is there, on noise, beside ONNX Runtime.

    Args:
        session: With a queue of engines.
        wait: Returns when the queue has nothing left to build.
    """
    noise = np.random.default_rng(0)
    batch = {
        tensor.name: noise.random([size or 1 for size in tensor.shape]).astype(tensor.dtype)
        if "float" in tensor.dtype
        else noise.integers(0, 200, [size or 1 for size in tensor.shape]).astype(tensor.dtype)
        for tensor in session.inputs
    }
    before = session.backend, _time(lambda: session.run(batch))
    wait()
    after = _time(lambda: session.run(batch))
    if session.backend == before[0]:
        return Trial(f"stays with ONNX Runtime on {before[0]}: {session.refusal or 'it asks for no engine'}")
    return Trial(None, {f"ONNX Runtime on {before[0]}": before[1], session.backend: after})


def _detector(detector: Detector) -> dict[str, float]:
    frame = PreparedFrame("trial", 0, Frame(0, 0.0, 0.0, 0.0, _GREY), None)
    return {"picture": _time(lambda: detector.detect([frame]))}


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
