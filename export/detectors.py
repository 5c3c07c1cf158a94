"""Detector packs of ultralytics networks. YOLOX needs none of this: its publisher gives the graph (``packs build``).

ultralytics is AGPL-3.0, and so are its published weights and whatever is trained from them. It is imported here alone,
when a command asks for it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.checkpoint import load_weights, needs, read_checkpoint
from export.encoder import Say
from export.onnx import to_onnx_by_tracing
from export.pack_writer import PackWriter
from export.parity import ExportError, Parity, check, compare, worst
from models.packs import Pack

ARCHITECTURES: Final = ("yolo11n", "yolo11s", "yolo11m", "yolo26n", "yolo26s", "yolo26m")
LICENCE: Final = "AGPL-3.0-only"

_SEED = 20240607
_BATCHES = (1, 2, 5)
_PIXEL = 1.0
_TIE = 1e-3
_MIN_SCORE = 0.01  # nobody asks for detections that are less sure


def export_yolo(
    packs: Path,
    name: str,
    architecture: str,
    checkpoint: Path,
    pictures: NDArray[np.uint8],
    provenance: str,
    *,
    size: int = 640,
    classes: Sequence[str] | None = None,
    confidence: float = 0.25,
    overlap: float = 0.5,
    version: str = "1",
    documents: Sequence[Path] = (),
    replace: bool = False,
    say: Say = lambda _: None,
) -> tuple[Pack, Parity]:
    """Write a detector pack of an ultralytics network, if its graph gives what the network gives.

    Boxes and scores are compared apart: beside boxes in pixels no score would count.

    Args:
        packs: The folder of packs.
        name: Of the pack.
        architecture: One of ``ARCHITECTURES``.
        checkpoint: As ultralytics writes it, or its weights as ``.safetensors``.
        pictures: ``(N, H, W, 3)`` uint8 BGR, real ones to compare on.
        provenance: Where the weights come from.
        size: Side of the input, a multiple of 32.
        classes: Names, in the network's order; None takes those in the checkpoint, which bare weights have none of.
        confidence: For the manifest.
        overlap: For the manifest.
        version: Of the pack.
        documents: Files to keep in the pack.
        replace: Whether a pack of this name may exist.
        say: Is told each step.

    Raises:
        ExportError: ``bad_input``, ``bad_checkpoint``, ``missing_extra`` or ``parity``.
        models.packs.PackError: If the pack does not verify, or its name is taken.
    """
    if architecture not in ARCHITECTURES:
        code, message = "bad_input", f"expected a network of {', '.join(ARCHITECTURES)}, got {architecture!r}"
        raise ExportError(code, message)
    say("weights: reading")
    network, names = build_yolo(architecture, checkpoint, classes)
    inputs = _inputs(pictures, size)
    layout = "yolo_nms" if _head(network).end2end else "yolo"
    with (
        PackWriter(packs, name, replace=replace) as writer,
        tempfile.TemporaryDirectory(prefix="watchword-export-") as scratch,
    ):
        say("graph: to ONNX")
        graph = to_onnx_by_tracing(network, "images", inputs[0]["images"][:2], "output0", Path(scratch) / "graph.onnx")
        say("graph: parity")
        parity = check(network, graph, inputs, batches=_BATCHES, by=_compare if layout == "yolo" else _compare_ranked)
        pack = writer.commit(
            {
                "kind": "detector",
                "version": version,
                "description": f"{architecture}, {len(names)} classes, {size} pixels.",
                "licence": LICENCE,
                "provenance": provenance,
                "layout": layout,
                "graph": writer.add(graph, "graph.onnx"),
                "input": (size, size),
                "classes": names,
                "confidence": confidence,
                "overlap": overlap,
                "documents": [writer.add(path, path.name) for path in documents],
            }
        )
    return pack, parity


def build_yolo(architecture: str, checkpoint: Path, classes: Sequence[str] | None) -> tuple[nn.Module, list[str]]:
    """The network in evaluation mode, its batch norms folded, and the names of its classes.

    The architecture is built by its name, not from the description in the checkpoint, parts of which ultralytics would
    evaluate as Python.

    Raises:
        ExportError: ``missing_extra`` or ``bad_checkpoint``.
    """
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")  # it would install packages in the midst of an export
    with needs("train", "ultralytics"):
        from ultralytics.nn import tasks
    build: Any = tasks.DetectionModel
    weights, names = _read(checkpoint)
    given = list(classes) if classes is not None else names
    count = 80 if given is None else len(given)
    network = build(f"{architecture}.yaml", ch=3, nc=count, verbose=False).eval()
    load_weights(network, weights, f"{architecture} of {count} classes")
    head = _head(network)
    if getattr(head, "one2one_cv2", None) is not None:
        head.end2end = True
    network = network.fuse(verbose=False)
    head = _head(network)
    head.export, head.format, head.dynamic = True, "onnx", True
    return network, given if given is not None else [f"class {index}" for index in range(count)]


def _head(network: Any) -> Any:
    return network.model[-1]


def _read(path: Path) -> tuple[dict[str, Tensor], list[str] | None]:
    """Weights and class names of a checkpoint of ultralytics, which holds the network itself, or of bare weights."""
    content = read_checkpoint(path, _parts_of_networks())
    network = content.get("ema") or content.get("model")
    if not isinstance(network, nn.Module):
        weights = {key: value for key, value in content.items() if isinstance(value, Tensor)}
        if not weights:
            code, message = "bad_checkpoint", f"expected a network of ultralytics in {path.name}, found none"
            raise ExportError(code, message)
        return weights, None
    named = getattr(network, "names", None)
    names = [str(named[index]) for index in sorted(named)] if isinstance(named, Mapping) else None
    return {key: value.float() for key, value in network.state_dict().items()}, names


def _parts_of_networks() -> list[type]:
    """Classes that a checkpoint of ultralytics may hold objects of: layers, and the bag of training's arguments."""
    from ultralytics.nn import tasks
    from ultralytics.nn.modules import block, conv, head, transformer
    from ultralytics.utils import IterableSimpleNamespace

    found = {
        value
        for module in (block, conv, head, transformer, tasks, nn)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, nn.Module)
    }
    return [*sorted(found, key=lambda each: each.__qualname__), IterableSimpleNamespace]


def _inputs(pictures: NDArray[np.uint8], size: int) -> list[dict[str, NDArray[np.float32]]]:
    """Noise, and the real pictures, as the service feeds the graph: RGB planes in 0..1."""
    noise = np.random.default_rng(_SEED).random((4, 3, size, size), np.float32)
    planes = torch.from_numpy(np.ascontiguousarray(pictures[..., ::-1])).permute(0, 3, 1, 2).to(torch.float32) / 255
    real = nn.functional.interpolate(planes, (size, size), mode="bilinear", antialias=True)
    return [{"images": noise}, {"images": real.numpy()}]


def _compare(expected: NDArray[np.floating], got: NDArray[np.floating]) -> Parity:
    """Of candidates ``(B, 4 + classes, anchors)``: boxes, and scores, by their own scales."""
    boxes = compare(expected[:, :4], got[:, :4], _PIXEL)
    return worst([boxes, compare(expected[:, 4:], got[:, 4:], _MIN_SCORE)])


def _compare_ranked(expected: NDArray[np.floating], got: NDArray[np.floating]) -> Parity:
    """Of detections ``(B, rows, 6)``: box, score, class, ranked by score.

    Each one that is sure enough with the one nearest to it: equal scores may come in either order, and of those below
    the last rank either may be left out.
    """
    found = []
    for rows, others in zip(expected, got, strict=True):
        widest = max(float(np.abs(rows[:, :4]).max()), _PIXEL)
        for row in rows[rows[:, 4] >= max(_MIN_SCORE, float(rows[-1, 4]) + _TIE)]:
            scale = np.array([widest] * 4 + [float(row[4])])
            errors = (np.abs(others[:, :5] - row[:5]) / scale).max(axis=1) + (others[:, 5] != row[5])
            nearest = others[errors.argmin()]
            cosine = float(row @ nearest / (np.linalg.norm(row) * np.linalg.norm(nearest)))
            found.append(Parity(float(errors.min()), cosine, 1))
    return worst(found) if found else Parity(0.0, 1.0, 0)
