"""What text rules cost: a frame with 50 of them, a preview over ten minutes, an edit.

    python -m tests.bench.guidance [--rules 50] [--objects 4] [--seconds 600] [--fps 5]

With the built-in encoder's bank and words. Clips are texts of the bank with noise, which is what they cost and not what
they look like: no picture is embedded here. For the share of a frame's time, compare with tests/bench/pipeline.py.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from models.guidance.captions import Caption
from models.guidance.language import Language
from models.guidance.rules import Seen
from models.packs import PackLibrary
from models.scoring.calibration import Calibration
from service.contracts.guidance import GuidancePatch, GuidanceSpec, PreviewSpec
from service.contracts.stream import StreamSpec, Zone
from service.engine.detectors.coco import COCO
from service.engine.encoder import JointEncoder
from service.guidance.stream_guidance import StreamGuidance
from service.pipeline.context import UnguidedFrame
from service.store.database import Database
from service.store.feedback import FeedbackStore
from service.store.guidance import GuidanceStore
from service.store.streams import StreamStore

IMAGE = np.full((720, 1280, 3), 90, np.uint8)
CAPTIONS = (
    Caption("a person walking", ("person", "person walking")),
    Caption("a person riding a bicycle, fast", ("person", "rides bicycle", "fast")),
    Caption("a car driving", ("car", "car moving")),
    Caption("a person standing still", ("person", "person standing")),
)
ZONE = Zone(name="Gate", polygon=[(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)], mode="mark")


def milliseconds(work: Callable[[], object], times: int) -> str:
    """Median and 95 % of so many runs, after one that warms up."""
    work()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return f"{statistics.median(took):8.3f} ms, 95 % within {np.quantile(took, 0.95):.3f} ms"


def frames(encoder: JointEncoder, objects: int, count: int) -> list[Seen]:
    """Frames of objects that do what the bank says, with noise; each object's clip is new in each frame."""
    random = np.random.default_rng(0)
    bank = encoder.bank.features
    doing = random.choice(encoder.bank.actions, objects)
    found = []
    for _ in range(count):
        embeddings = bank[doing] + 0.8 * random.normal(size=(objects, encoder.dim)) / np.sqrt(encoder.dim)
        embeddings = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32)
        boxes = np.array([(0.2 * index, 0.4, 0.05, 0.2) for index in range(objects)], np.float32)
        captions = tuple(CAPTIONS[index % len(CAPTIONS)] for index in range(objects))
        found.append(Seen(boxes, embeddings, captions, random.exponential(0.6, objects)))
    return found


def rules(language: Language, count: int) -> list[GuidanceSpec]:
    """Rules about phrases of the bank: some normal, some not, some for a zone, some for hours."""
    phrases = np.random.default_rng(1).choice(language.phrases, count, replace=False).tolist()
    return [
        GuidanceSpec(
            text=text,
            verdict="anomaly" if index % 3 == 0 else "normal",
            zone="Gate" if index % 4 == 0 else None,
            schedule={"from": "07:00", "to": "19:00"} if index % 5 == 0 else None,
        )
        for index, text in enumerate(phrases)
    ]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=int, default=50)
    parser.add_argument("--objects", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--fps", type=float, default=5.0)
    arguments = parser.parse_args()
    encoder = JointEncoder(PackLibrary([]).get("words"))
    began = time.perf_counter()
    language = Language.of(COCO, encoder, lambda: encoder.text)
    print(f"words are learned, once a detector and encoder: {time.perf_counter() - began:.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'watchword.db'}")
        stream = StreamStore(database).create(StreamSpec(name="Bench", url="file:bench.mp4"), None).id
        guidance = StreamGuidance(
            stream,
            GuidanceStore(database),
            FeedbackStore(database),
            [ZONE],
            max_rules=arguments.rules + 1,
            past_bytes=24_000_000,
        )
        guidance.understand(lambda: language, encoder.hash)
        measure(guidance, encoder, language, arguments)
        database.close()
    encoder.close()


def measure(guidance: StreamGuidance, encoder: JointEncoder, language: Language, arguments: argparse.Namespace) -> None:
    """Print what a frame, a preview and an edit take."""
    count = round(arguments.seconds * arguments.fps)
    seen = frames(encoder, arguments.objects, count)
    now = time.time() - arguments.seconds
    tracks, labels = list(range(arguments.objects)), ["person"] * arguments.objects

    def record(index: int) -> None:
        at = now + index / arguments.fps
        each = seen[index % count]
        guidance.record(UnguidedFrame(each, float(each.surprise.max()), 0.3, at, at - now, 0, tracks, labels, IMAGE))

    print(f"a frame is judged by 0 rules:  {milliseconds(lambda: guidance.judge(seen[0], now), 500)}")
    saved = [guidance.add(spec, "bench") for spec in rules(language, arguments.rules)]
    turn = iter(range(10**9))
    judged = milliseconds(lambda: guidance.judge(seen[next(turn) % count], now), 1000)
    print(f"a frame of {arguments.objects} objects is judged by {len(saved)} rules: {judged}")
    began = time.perf_counter()
    for index in range(count):
        record(index)
    per_frame = (time.perf_counter() - began) / count * 1000
    kept = guidance.history.frames()
    print(
        f"a frame is remembered, rules set against the past every 10 s: {per_frame:8.3f} ms; "
        f"{kept[-1].at - kept[0].at:.0f} s in {guidance.history.size / 1e6:.1f} MB"
    )
    fused = Calibration.fit(np.random.default_rng(0).exponential(0.43, 5000), [0] * 5000)
    for text in ("a person riding a bicycle", "the sky is blue"):
        spec = PreviewSpec(rule=GuidanceSpec(text=text, verdict="normal"))
        print(f"a preview of {text!r}: {milliseconds(partial(guidance.preview, spec, fused, 4.0), 5)}")
    flip = iter([True, False] * 50)
    edit = milliseconds(lambda: guidance.change(saved[0].id, GuidancePatch(enabled=next(flip)), "bench"), 20)
    print(f"an edit, committed to SQLite and in force: {edit}")


if __name__ == "__main__":
    main()
