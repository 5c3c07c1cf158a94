"""Lets ``torchvision`` be imported beside a torch that was built without its operators.

Importing it registers shapes for ``nms`` and ``qnms``, which its own binary declares where that loads. Where it does
not (a torch of another build), declaring them is enough for all that does not suppress boxes.
"""

from __future__ import annotations

import functools

import pytest


@functools.cache
def need_torchvision() -> None:
    """Skip a test where torch or torchvision are missing; else see to it that the import works."""
    torch = pytest.importorskip("torch")
    try:
        import torchvision
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _libraries.append(library)  # a library that is collected takes its operators with it
        import torchvision  # noqa: F401
    except ImportError:
        pytest.skip("needs torchvision")


_libraries: list[object] = []
