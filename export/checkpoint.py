"""Reads trained weights without ever running what a pickle asks for."""

from __future__ import annotations

import json
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from export.parity import ExportError

_INSIDE = ("state_dict", "model_state_dict", "model", "network")
"""Where training scripts keep the weights in a checkpoint that holds more."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint: a ``.safetensors`` file, or one of torch that holds tensors and plain values only.

    Raises:
        ExportError: ``bad_checkpoint``: no such file, no checkpoint, or one that holds objects, which would have to be
            run to be read.
    """
    content = read_checkpoint(path)
    for key in _INSIDE:
        inner = content.get(key)
        if isinstance(inner, dict) and any(isinstance(value, Tensor) for value in inner.values()):
            content = inner
            break
    weights = {str(name).removeprefix("module."): value for name, value in content.items() if isinstance(value, Tensor)}
    if not weights:
        raise _refused(path, "it holds no weights")
    return weights


def read_checkpoint(path: Path, allowed: Sequence[type] = ()) -> dict[str, Any]:
    """All that a checkpoint holds.

    Args:
        path: The file.
        allowed: Classes whose objects may be in it, beside tensors, numbers, texts, lists and mappings. They are made
            without their constructors, and nothing else in the file is called.

    Raises:
        ExportError: As ``read_weights``.
    """
    if not path.is_file():
        raise _refused(path, "there is no such file")
    try:
        if _is_safetensors(path):
            return dict(load_file(path))
        with torch.serialization.safe_globals(list(allowed)), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a pickle that torch has not written, which it then refuses
            content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        said = " ".join(str(error).split())
        found = said.partition(" GLOBAL ")[2].partition(" ")[0]
        raise _refused(path, f"it holds objects ({found})" if found else "it is damaged, or none") from error
    except (SafetensorError, RuntimeError, ValueError, EOFError, OSError, KeyError, TypeError) as error:
        raise _refused(path, " ".join(str(error).split())[:150] or type(error).__name__) from error
    if not isinstance(content, dict):
        raise _refused(path, f"it holds a {type(content).__name__}")
    return content


def load_weights(network: nn.Module, weights: dict[str, Tensor], name: str) -> None:
    """Put weights into a network, all of them and no others.

    Raises:
        ExportError: ``bad_checkpoint``, with the first weight that is missing, is none of the network's, or differs in
            shape.
    """
    own = network.state_dict()
    missing, unknown = sorted(own.keys() - weights.keys()), sorted(weights.keys() - own.keys())
    shapes = [key for key in own if key in weights and own[key].shape != weights[key].shape]
    problem = None
    if missing:
        problem = f"{len(missing)} weights are missing, such as {missing[0]}"
    elif unknown:
        problem = f"{len(unknown)} weights are none of this network, such as {unknown[0]}"
    elif shapes:
        key = shapes[0]
        problem = f"{key} is {tuple(weights[key].shape)}, expected {tuple(own[key].shape)}"
    if problem:
        code, message = "bad_checkpoint", f"expected the weights of {name}: {problem}"
        raise ExportError(code, message)
    network.load_state_dict(weights)


@contextmanager
def needs(extra: str, package: str) -> Iterator[None]:
    """Say which extra brings a package that an export needs and that is not there."""
    try:
        yield
    except ImportError as error:
        code = "missing_extra"
        message = f"expected {package} to be installed, which `pip install watchword[{extra}]` brings: {error}"
        raise ExportError(code, message) from error


def _is_safetensors(path: Path) -> bool:
    """By its form, since files from a hub's cache have no ending: a length, and JSON of that length."""
    with path.open("rb") as stream:
        head = stream.read(8)
        if len(head) < 8:
            return False
        (length,) = struct.unpack("<Q", head)
        if not 2 <= length <= min(path.stat().st_size - 8, 100_000_000):
            return False
        try:
            return isinstance(json.loads(stream.read(length)), dict)
        except ValueError:
            return False


def _refused(path: Path, why: str) -> ExportError:
    message = f"expected a checkpoint in {path.name}, as .safetensors or a torch file of tensors: {why}"
    return ExportError("bad_checkpoint", message)
