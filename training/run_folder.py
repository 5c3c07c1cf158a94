"""The folder of a training run: its checkpoint, its logs, and what it came from."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from training.provenance import provenance


class RunFolder:
    """A folder of a training run: its checkpoint, its logs, and what it came from."""

    def __init__(self, out: Path, settings: Mapping[str, Any]) -> None:
        """Open the folder.

        Args:
            out: The folder, made if need be.
            settings: All that decides the result, and its ``stage``.
        """
        self._out, self._settings = out, dict(settings)
        out.mkdir(parents=True, exist_ok=True)
        self._checkpoint = out / "checkpoint.pt"
        self._board: SummaryWriter | None = None
        self._csv: TextIO | None = None
        self._bar: tqdm[int] | None = None

    def resume(self, learned: Mapping[str, Any], device: str) -> int:
        """Load the checkpoint, if there is one; the step to go on with."""
        if not self._checkpoint.is_file():
            return 0
        stored = torch.load(self._checkpoint, map_location=device, weights_only=True)
        if stored["settings"] != self._settings:
            theirs, ours = stored["settings"], self._settings
            different = {
                key: (theirs.get(key), ours.get(key)) for key in {**theirs, **ours} if theirs.get(key) != ours.get(key)
            }
            msg = f"{self._checkpoint.name}: expected a checkpoint of this run, got one with other {different}"
            raise ValueError(msg)
        for name, part in learned.items():
            part.load_state_dict(stored[name])
        return int(stored["step"])

    def save(self, step: int, learned: Mapping[str, Any]) -> None:
        """Replace the checkpoint, whole or not at all."""
        part = self._checkpoint.with_suffix(".part")
        states = {name: each.state_dict() for name, each in learned.items()}
        torch.save({"step": step, "settings": self._settings, **states}, part)
        part.replace(self._checkpoint)

    def __enter__(self) -> RunFolder:
        self._board = SummaryWriter(str(self._out / "board"))
        self._csv = (self._out / "log.csv").open("a", encoding="utf-8", newline="")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._board is not None
        assert self._csv is not None
        self._board.close()
        self._csv.close()
        if self._bar is not None:
            self._bar.close()

    def steps(self, first: int, last: int) -> Iterator[int]:
        """The steps to do, with a progress bar."""
        self._bar = tqdm(range(first, last), initial=first, total=last, desc=str(self._settings["stage"]))
        return iter(self._bar)

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Write the figures of a step."""
        assert self._board is not None
        assert self._csv is not None
        rows = csv.writer(self._csv)
        if self._csv.tell() == 0:
            rows.writerow(["step", "name", "value"])
        for name, value in figures.items():
            rows.writerow([step, name, f"{value:.9g}"])
            self._board.add_scalar(name, value, step)
        self._csv.flush()
        if self._bar is not None:
            self._bar.set_postfix({name: f"{value:.3g}" for name, value in figures.items()})

    def finish(self, file: str, module: nn.Module) -> None:
        """Store what was learned, and where it came from."""
        torch.save(module.state_dict(), self._out / file)
        about = {**provenance(), "settings": self._settings, "torch": str(torch.__version__)}
        name = f"provenance-{self._settings['stage']}.json"
        (self._out / name).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def read_provenance(run: Path, stage: str) -> dict[str, Any]:
    """What a run of training wrote of itself when it ended."""
    about: dict[str, Any] = json.loads((run / f"provenance-{stage}.json").read_text(encoding="utf-8"))
    return about
