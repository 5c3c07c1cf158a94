"""Reconnects: an RTSP server is killed and started again, round after round, beside one that is left alone.

    python -m tests.bench reconnect [--rounds 50] [--json FILE]

Both streams run in this process with the service's default settings; each server is a process of its own. A round:
frames flow for half a second, the server is killed, stays away for 0.2 to 2 seconds, and is started again. Taken are
the time from its first accepted connection to the first frame; threads, open decoders, file descriptors and the size
of this process (resident set) after the third round and after the last; and how old the other stream's frames are
when they are taken, before the rounds and during them.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

from service.settings import Settings
from support.rtsp import RtspServer
from support.video import write_video
from support.watching import Watched, decode_threads, wait_for

WARM_UP_ROUNDS = 3
QUIET_S = 10.0
MEGABYTE = 1e6


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        write_video(Path(folder) / "a.mp4", frames=250, width=640, height=360)
        figures = measure(Path(folder), options.rounds)
    for name, value in figures.items():
        print(f"{name:48} {value}")
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(folder: Path, rounds: int) -> dict[str, float]:
    """All rounds; figures by name."""
    chance = random.Random(1)
    settings = Settings()
    returns: list[float] = []
    with (
        RtspServer(folder) as server,
        RtspServer(folder) as other_server,
        Watched(other_server.url("a.mp4"), settings, name="other", fps=10) as other,
        Watched(server.url("a.mp4"), settings, other.metrics, name="flapping", fps=10) as stream,
    ):
        stream.wait_frames(1)
        time.sleep(QUIET_S)
        quiet = len(other.frames)
        warm = resources(stream)
        for number in range(rounds):
            time.sleep(0.5)
            server.kill()
            time.sleep(chance.uniform(0.2, 2.0))
            server.start()
            returns.append(stream.wait_frames(1, timeout=30))
            if number + 1 == WARM_UP_ROUNDS:
                warm = resources(stream)
            keep_flat(stream, other)
        time.sleep(0.5)
        end = resources(stream)
        reconnects = stream.ingest.status.reconnects
        ages = ages_ms(other)
    wait_for(lambda: not decode_threads(), "no thread left")
    return {
        "rounds": rounds,
        "reconnects": reconnects,
        "first frame after return, median s": round(float(np.median(returns)), 2),
        "first frame after return, longest s": round(max(returns), 2),
        **{f"{name} after round {WARM_UP_ROUNDS}": value for name, value in warm.items()},
        **{f"{name} after the last round": value for name, value in end.items()},
        "other stream: age median, quiet ms": round(float(np.median(ages[:quiet])), 2),
        "other stream: age median, during rounds ms": round(float(np.median(ages[quiet:])), 2),
        "other stream: age p99, quiet ms": round(float(np.quantile(ages[:quiet], 0.99)), 2),
        "other stream: age p99, during rounds ms": round(float(np.quantile(ages[quiet:], 0.99)), 2),
        "other stream: epochs": len({frame.epoch for frame in other.frames}),
        "decoders after closing": stream.count("watchword_decoders"),
        "threads of ingest after closing": len(decode_threads()),
    }


def resources(stream: Watched) -> dict[str, float]:
    """What this process holds now."""
    process = psutil.Process()
    return {
        "threads": threading.active_count(),
        "decoders": stream.count("watchword_decoders"),
        "file descriptors": process.num_fds(),
        "resident MB": round(process.memory_info().rss / MEGABYTE, 1),
    }


def keep_flat(*streams: Watched) -> None:
    """Let go of the pictures that were taken: this measures the service's memory, not its own."""
    for stream in streams:
        for index, prepared in enumerate(stream.frames):
            if prepared.motion is not None:
                frame = replace(prepared.frame, image=np.zeros((0, 0, 3), np.uint8))
                stream.frames[index] = replace(prepared, frame=frame, motion=None)


def ages_ms(stream: Watched) -> list[float]:
    """How old each frame was when it was taken, since its arrival."""
    return [
        1000 * (taken - prepared.frame.arrived)
        for taken, prepared in zip(stream.taken_at, list(stream.frames), strict=False)
    ]
