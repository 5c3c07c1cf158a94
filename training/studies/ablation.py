"""What each part of a head adds: variants of its parameters and of what it looks at, on one data set.

    watchword study ablation ../shared/data/falls --fps 6 --pose movenet_multipose.onnx --out results/ablation

Variants that look at the same are enrolled and scored in one run (``training.studies.shared_run``). Milliseconds are of
a frame from decoding to score, and of the variant alone: without what the others took to score it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from models.packs import MANIFEST, HeadManifest, Pack
from service.errors import InvalidInput, declare
from service.pipeline.pool import NOTHING
from training.datasets import Dataset
from training.evaluation.evaluate import Evaluation, Progress
from training.evaluation.tables import table
from training.studies.shared_run import SharedRun
from training.studies.study import Setup, Study

UNREADABLE_VARIANT = declare(
    "variant", InvalidInput, 'expected a variant as NAME=PACK or NAME={"PARAMETER": VALUE, ...}, got "velocity"'
)

INPUTS = ("pose", "appearance")
"""What a variant may be with or without: fields of ``Setup``."""

VELOCITY = ("speed", "direction", "size", "motion speed", "motion direction")
POSE = ("pose", "limbs")
APPEARANCE = ("appearance",)
STATIONARY = ("stillness", "left behind", "gone")
LIGHT = ("light",)
"""Terms of the ``attributes`` head (``models.heads.attributes.terms``)."""


@dataclass(frozen=True, slots=True)
class HeadVariant:
    """One row of an ablation.

    Attributes:
        name: Of the row.
        pack: Of its head; None for the one of the study.
        parameters: Of the head, in place of the pack's own of these names.
        inputs: Which of ``INPUTS`` it looks at; None for all that the study has.
    """

    name: str
    pack: str | None = None
    parameters: Mapping[str, Any] | None = None
    inputs: frozenset[str] | None = None

    @classmethod
    def parse(cls, line: str) -> HeadVariant:
        """Read one as it is given on a command line: ``NAME=PACK``, or ``NAME={"terms": ["speed"], "inputs": []}``.

        Raises:
            InvalidInput: ``variant``.
        """
        name, _, value = (part.strip() for part in line.partition("="))
        if name and value and not value.startswith("{"):
            return cls(name, pack=value)
        try:
            given = json.loads(value)
            inputs = given.pop("inputs", None)
            known = inputs is None or (isinstance(inputs, list) and set(inputs) <= set(INPUTS))
        except (ValueError, AttributeError, TypeError):
            known = False
        if not name or not known:
            msg = (
                f'expected a variant as NAME=PACK or NAME={{"PARAMETER": VALUE, ...}}, '
                f'where "inputs" may list some of {", ".join(INPUTS)}; got {line!r}'
            )
            raise InvalidInput(UNREADABLE_VARIANT, msg)
        return cls(name, parameters=given, inputs=None if inputs is None else frozenset(inputs))


def _default() -> tuple[HeadVariant, ...]:
    steps = (
        ("velocity", VELOCITY, ()),
        ("+ pose", POSE, ("pose",)),
        ("+ appearance", APPEARANCE, ("pose", "appearance")),
        ("+ stationary", STATIONARY, ("pose", "appearance")),
        ("+ light", LIGHT, ("pose", "appearance")),
    )
    terms: list[str] = []
    found = []
    for name, added, inputs in steps:
        terms += added
        found.append(HeadVariant(name, parameters={"terms": list(terms)}, inputs=frozenset(inputs)))
    return tuple(found)


DEFAULT = _default()
"""The attributes of the paper one after the other, what stands still, and the light. Without a graph for ``appearance``
there is the head's own small descriptor, and without one for ``pose`` there are no postures."""


def study_ablation(
    dataset: Dataset, variants: Sequence[HeadVariant], setup: Setup, progress: Progress | None = None
) -> Study:
    """Enrol and score a data set once for each variant.

    Args:
        dataset: To enrol on and to test on.
        variants: Rows of the table, each with a name of its own.
        setup: As of every study; of ``heads`` the first is varied. Its ``pose`` and ``appearance`` are what there is to
            look at.
        progress: Told how far it is.

    Raises:
        InvalidInput: ``variant``, if two have one name.
        models.packs.PackError: If there is no such pack.
    """
    if len({one.name for one in variants}) < len(variants):
        msg = f"expected variants of different names, got {', '.join(one.name for one in variants)}"
        raise InvalidInput(UNREADABLE_VARIANT, msg)
    found: dict[str, Evaluation] = {}
    of_inputs: Callable[[HeadVariant], tuple[str, ...]] = partial(_inputs, setup)
    for inputs, group in groupby(sorted(variants, key=of_inputs), of_inputs):
        pose, appearance = (getattr(setup, name) if name in inputs else NOTHING for name in INPUTS)
        chosen = replace(setup, pose=pose, appearance=appearance)
        found |= _evaluate(dataset, list(group), chosen, progress)
    rows = {one.name: _row(one, setup, found[one.name]) for one in variants}
    headers = ("variant", "looks at", "micro AUC", "within clips", "noticed", "in time", "false alerts", "ms a frame")
    lines = [
        (
            name,
            ", ".join(row["inputs"]) or "-",
            row["micro_auc"],
            row["within_clips_auc"],
            f"{row['noticed']} of {row['events']}",
            f"{row['noticed_in_time']} of {row['events']}",
            f"{row['false_alerts']} in {60 * row['normal_hours']:.1f} min",
            f"{row['ms_per_frame']:.1f}",
        )
        for name, row in rows.items()
    ]
    return Study({"dataset": dataset.name, "variants": rows}, table(headers, lines))


def _inputs(setup: Setup, variant: HeadVariant) -> tuple[str, ...]:
    """What the variant looks at, of what there is."""
    there = [name for name in INPUTS if getattr(setup, name) != NOTHING]
    return tuple(name for name in there if variant.inputs is None or name in variant.inputs)


def _row(variant: HeadVariant, setup: Setup, evaluation: Evaluation) -> dict[str, Any]:
    figures = evaluation.metrics()
    found, false = figures["event_detection"], figures["false_alerts"]["normal_frames"]
    return {
        "pack": variant.pack or setup.heads[0],
        "parameters": dict(variant.parameters or {}),
        "inputs": list(_inputs(setup, variant)),
        "micro_auc": figures["causal"]["micro_auc"],
        "within_clips_auc": figures["within_clips"]["causal"]["mean_auc"],
        "pairs_within_auc": figures["within_clips"]["causal"]["pair_auc"],
        "events": found["events"],
        "noticed": found["noticed"],
        "noticed_in_time": found["noticed_in_time"],
        "latency_aware_ap": found["latency_aware_ap"],
        "false_alerts": false["alerts"],
        "normal_hours": false["hours"],
        "false_alerts_per_day": false["per_day"],
        "false_alerts_per_day_low": false["per_day_low"],
        "false_alerts_per_day_high": false["per_day_high"],
        "threshold": figures["threshold"],
        "ms_per_frame": 1000.0 / figures["frames_per_second"],
        "failed": figures["failed"],
    }


def _evaluate(
    dataset: Dataset, variants: Sequence[HeadVariant], setup: Setup, progress: Progress | None
) -> dict[str, Evaluation]:
    """Variants that look at the same, in one run."""
    with tempfile.TemporaryDirectory(prefix="watchword-ablation-") as folder:
        names = {variant.name: f"variant-{number}" for number, variant in enumerate(variants)}
        packs = {variant.name: setup.library.get(variant.pack or setup.heads[0]) for variant in variants}
        for variant in variants:
            write_variant(packs[variant.name], variant, Path(folder) / names[variant.name])
        chosen = replace(setup, heads=tuple(names.values()), packs=Path(folder))
        with chosen.pipeline(chosen.rate([dataset])) as pipeline:
            together = SharedRun(pipeline, chosen.rate([dataset]), chosen.threshold)
            shared = chosen.evaluate(dataset, together, progress, on_clip=together.finish)
        return {name: together.evaluation(pack, shared) for name, pack in names.items()}


def write_variant(pack: Pack, variant: HeadVariant, folder: Path) -> None:
    """Write the pack of a head with other parameters, its files beside it.

    Args:
        pack: Of a head.
        variant: Whose parameters take the place of the pack's own.
        folder: Of the new pack, which is called like it; not there yet.

    Raises:
        models.packs.PackError: ``pack_kind``, if it is no head's.
    """
    manifest = pack.manifest_of(HeadManifest)
    folder.mkdir()
    for file in manifest.files():
        copied = folder / file.file
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes(pack.file(file).read_bytes())
    said = json.loads((pack.path / MANIFEST).read_bytes())
    said |= {"name": folder.name, "parameters": {**said.get("parameters", {}), **(variant.parameters or {})}}
    (folder / MANIFEST).write_text(json.dumps(said))
