"""Where an evaluation writes: each clip as soon as it is scored, and the figures so far; and how one is resumed.

``OUT/scores/CLIP.csv`` and ``OUT/metrics.json`` are for people. ``OUT/scored/CLIP.npz`` is what figures are computed
from, and ``OUT/run.json`` says of which evaluation these are.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from service.errors import InvalidInput, declare
from training.datasets import LabelledClip, Truth
from training.evaluation.scored_clip import ScoredClip

OTHER_EVALUATION = declare(
    "other_evaluation", InvalidInput, "expected the evaluation begun in OUT, with fps 5, to be resumed; got fps None"
)


class ResultFolder:
    """The folder of one evaluation."""

    def __init__(self, out: Path, about: Mapping[str, Any], *, resume: bool = False) -> None:
        """Begin, or go on.

        Args:
            out: The folder; made if it is not there.
            about: What the scores depend on, ready for JSON: data set, packs, detector, frames a second and so on.
            resume: Go on from the clips that an evaluation before has left there; else they are removed.

        Raises:
            InvalidInput: ``other_evaluation``, if those are of other packs or options.
        """
        self._out, self._resumes = out, resume
        begun = out / "run.json"
        if resume and begun.is_file():
            _same(json.loads(begun.read_text(encoding="utf-8")), json.loads(json.dumps(about)), out)
        elif begun.is_file():
            shutil.rmtree(out / "scored", ignore_errors=True)
        _write(begun, about)

    def kept(self, clip: LabelledClip, truth: Truth, threshold: float) -> ScoredClip | None:
        """A clip that was scored before, under this threshold; None if it is to be scored.

        Args:
            clip: Of the data set.
            truth: Of all its frames.
            threshold: At which its alerts open. It comes from the profile: another one is another profile's.
        """
        scored = ScoredClip.load(self._out / "scored", clip, truth) if self._resumes else None
        return scored if scored is not None and scored.threshold == threshold else None

    def keep(self, clip: ScoredClip) -> None:
        """Write down what was scored."""
        clip.save_scores(self._out / "scores")
        clip.save(self._out / "scored")

    def write(self, figures: Mapping[str, Any]) -> None:
        """Write ``metrics.json``, so that a reader sees the old one or the new one whole."""
        _write(self._out / "metrics.json", figures)


def _same(begun: Mapping[str, Any], now: Mapping[str, Any], out: Path) -> None:
    for name in sorted({*begun, *now}):
        if begun.get(name) != now.get(name):
            msg = (
                f"expected the evaluation begun in {out}, with {name} {begun.get(name)}, to be resumed; "
                f"got {name} {now.get(name)}. Give another --out, or leave out --resume to begin again."
            )
            raise InvalidInput(OTHER_EVALUATION, msg)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)
