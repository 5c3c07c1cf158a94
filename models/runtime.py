"""What heads run: a graph, opened for them by whoever knows engines, batching and precision.

``models`` runs nothing itself. ``service.engine.session.Session`` is a ``Graph``; training and tests may bring others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from models.graph import Tensor

Batch = Mapping[str, NDArray[Any]]
"""Inputs or outputs of a graph by name, each ``(N, ...)``, all of the same N."""


class Graph(Protocol):
    """A graph that runs on batches of any size; thread-safe. Whoever opened it closes it."""

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What it takes."""
        ...

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """What it gives."""
        ...

    def run(self, inputs: Batch) -> Batch:
        """All outputs of a batch.

        Args:
            inputs: Every input by name, of the type and shape that the graph says, all of the same N of at least 1.

        Returns:
            Every output by name, each ``(N, ...)``.

        Raises:
            ValueError: If that is not what the graph takes.
        """
        ...


OpenGraph = Callable[[Path], Graph]
"""Opens the graph of an ONNX file."""
