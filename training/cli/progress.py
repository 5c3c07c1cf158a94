"""Bars of the commands that measure: one for each task, the finished ones staying."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from service.cli.console import console, errors

if TYPE_CHECKING:
    from training.evaluation.evaluate import Progress


LINE_EVERY_S = 10.0
"""Where there is no terminal (a log, a job of a scheduler), a line so often says that work goes on."""


@contextmanager
def task_bars(unit: str = "frames") -> Iterator[Progress]:
    """Shows how far each task is, in these units: as a bar on a terminal, else as a line now and then."""
    if not console.is_terminal:
        yield Lines(unit)
        return
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


class Lines:
    """A line at the beginning of each task, and while it lasts every ``LINE_EVERY_S``. On standard error."""

    def __init__(self, unit: str, clock: Callable[[], float] = time.monotonic) -> None:
        """No task yet.

        Args:
            unit: What is counted.
            clock: Seconds, never going back.
        """
        self._unit = unit
        self._clock = clock
        self._task = ""
        self._total = self._done = 0
        self._said_at = clock()

    def begin(self, task: str, frames: int) -> None:
        """Name the task that starts, and how long it is."""
        self._task, self._total, self._done = task, frames, 0
        self._say(f"{task}: {frames} {self._unit}")

    def advance(self) -> None:
        """Count, and say how far it is when it is time to."""
        self._done += 1
        if self._clock() - self._said_at >= LINE_EVERY_S:
            self._say(f"{self._task}: {self._done} of {self._total} {self._unit}")

    def _say(self, line: str) -> None:
        self._said_at = self._clock()
        errors.print(line.rstrip(), markup=False, soft_wrap=True)


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
