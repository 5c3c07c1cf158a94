"""How far exported graphs are from their networks, and what fp16 and int8 cost.

    python -m tests.bench export [NAME ...] [--clips FOLDER]

CLIP, MobileCLIP2 and YOLO have random weights of the real architecture: that shows whether a graph computes the same,
and nothing of what a trained one loses in fewer bits. `words`, the built-in space, is trained: its variants are judged
by the AUC of the svad head over object clips (`watchword train clips FOLDER --scene plaza --worlds 4 --seed 900`).
Needs the extra `train`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch

from export.encoder import SampleClips
from export.parity import ExportError, Parity
from export.quantise import Judge, add_variants
from export.towers import ARCHITECTURES, CONTEXT, export_clip
from models.packs import BUILT_IN, MANIFEST, Pack, PackLibrary
from support.networks import clip_checkpoint, yolo_checkpoint
from training.cli.world_pictures import world_pictures, world_samples

NETWORKS = ("words", "clip-vit-b16", "clip-vit-b32", "mobileclip2-s0", "yolo11n", "yolo26n")


def main() -> None:
    """Measure, and print rows of a table."""
    parser = argparse.ArgumentParser(prog="export", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NETWORKS))
    parser.add_argument("--clips", type=Path, help="object clips that the variants of `words` are judged by")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(
        "| Graph | Parity fp32 | fp16: error, cosine, AUC | int8: error, cosine, AUC | MB fp32, fp16, int8 | Seconds |"
    )
    print("|---|---|---|---|---|---|")
    for name in arguments.names or NETWORKS:
        if name not in NETWORKS:
            parser.error(f"expected one of {', '.join(NETWORKS)}, got {name!r}")
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="bench-export-") as folder:
            try:
                for row in _measure(name, Path(folder), arguments.clips):
                    print(f"| {name} {row} | {time.perf_counter() - start:.0f} |", flush=True)
            except ExportError as error:
                print(f"| {name} | refused: {error} | | | | {time.perf_counter() - start:.0f} |", flush=True)


def _measure(name: str, folder: Path, clips: Path | None) -> Iterator[str]:
    if name == "words":
        from training.studies.variant_auc import judge_of

        copy = folder / "packs" / "copy"  # a built-in pack is not changed, and no other has its name
        shutil.copytree(BUILT_IN / name, copy)
        manifest = json.loads((copy / MANIFEST).read_text())
        (copy / MANIFEST).write_text(json.dumps({**manifest, "name": "copy"}))
        pack = Pack.load(copy)
        if clips is None:
            raise SystemExit("expected --clips to judge the variants of `words` by")
        calibration, judge = judge_of(pack, clips)
        yield from _variants(pack, {}, calibration, judge)
    elif name.startswith("yolo"):
        from export.detectors import export_yolo

        weights = yolo_checkpoint(folder / "weights.pt", name)
        _, parity = export_yolo(folder / "packs", name, name, weights, world_pictures(), "random weights", size=320)
        yield f"| {parity.error:.1e} | | | "
    else:
        architecture = ARCHITECTURES[name]
        weights = clip_checkpoint(folder / "weights.safetensors", architecture.model)
        phrases = PackLibrary().get("words").phrases()[:64]
        samples = world_samples(architecture.size, CONTEXT)
        pack, report = export_clip(folder / "packs", name, architecture, weights, phrases, samples)
        yield from _variants(pack, report.parity, samples, None)


def _variants(pack: Pack, parity: Mapping[str, Parity], calibration: SampleClips, judge: Judge | None) -> Iterator[str]:
    new, costs = add_variants(pack, ["fp16", "int8"], calibration, judge)
    for role in dict.fromkeys(role for role, _ in costs):
        own = f"{parity[role].error:.1e}" if role in parity else ""
        sizes = [getattr(new.manifest, role).graph.bytes, *(costs[role, bit].bytes for bit in ("fp16", "int8"))]
        cells = []
        for bit in ("fp16", "int8"):
            cost = costs[role, bit]
            auc = "" if cost.auc is None else f", {cost.auc:.4f} {cost.auc_change:+.4f}"
            cells.append(f"{cost.parity.error:.1e}, {cost.parity.cosine:.5f}{auc}")
        yield f"{role} | {own} | {' | '.join(cells)} | {', '.join(f'{size / 1e6:.1f}' for size in np.array(sizes))}"


if __name__ == "__main__":
    main()
