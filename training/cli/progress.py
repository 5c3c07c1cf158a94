"""Bars of the commands that measure: one for each task, the finished ones staying."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from service.cli.console import console, errors

if TYPE_CHECKING:
    from training.evaluation.evaluate import Progress


@contextmanager
def task_bars(unit: str = "frames") -> Iterator[Progress]:
    """Shows how far each task is, in these units."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit))
    with Progress(*columns, TimeElapsedColumn(), console=console) as bars:

        class Bars:
            task: TaskID | None = None

            def begin(self, task: str, frames: int) -> None:
                self.task = bars.add_task(task, total=frames)

            def advance(self) -> None:
                if self.task is not None:
                    bars.advance(self.task)

        yield Bars()


def need_extra() -> None:
    """End with a sentence unless what measuring needs is installed: the service itself needs none of it.

    Raises:
        typer.Exit: If scikit-learn (for the figures) or Matplotlib (for the pictures) is missing.
    """
    missing = [name for name in ("sklearn", "matplotlib") if importlib.util.find_spec(name) is None]
    if missing:
        errors.print(
            f"evaluating needs {' and '.join(missing)}: install the extra with pip install -e '.[evaluate]'",
            markup=False,
        )
        raise typer.Exit(2)
