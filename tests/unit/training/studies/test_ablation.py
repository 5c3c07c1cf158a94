"""What a variant is, as it is written, and what its pack is made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from models.packs import MANIFEST, PackLibrary
from service.errors import InvalidInput
from service.settings import Settings
from training.datasets import Dataset
from training.studies import ablation, study
from training.studies.ablation import DEFAULT, HeadVariant, study_ablation
from training.studies.study import Setup


def setup(**options: Any) -> Setup:
    return Setup(Settings(_env_file=None), "motion", ("attributes",), None, 1.0, 0, **options)


def test_a_variant_is_a_pack_or_parameters() -> None:
    assert HeadVariant.parse("other = looks") == HeadVariant("other", pack="looks")
    assert HeadVariant.parse('fast={"terms": ["speed"]}') == HeadVariant("fast", parameters={"terms": ["speed"]})
    assert HeadVariant.parse('blind={"inputs": ["pose"]}') == HeadVariant(
        "blind", parameters={}, inputs=frozenset({"pose"})
    )
    assert HeadVariant.parse("as it is={}") == HeadVariant("as it is", parameters={})


@pytest.mark.parametrize(
    "line", ["", "velocity", "velocity=", "={}", 'fast={"terms": ', 'x={"inputs": ["sound"]}', 'x={"inputs": "pose"}']
)
def test_a_variant_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(InvalidInput, match=r"expected a variant as NAME=PACK or NAME=\{"):
        HeadVariant.parse(line)


def test_by_default_each_adds_terms_to_the_one_before() -> None:
    assert [one.name for one in DEFAULT] == ["velocity", "+ pose", "+ appearance", "+ stationary", "+ light"]
    terms = [(one.parameters or {})["terms"] for one in DEFAULT]
    for before, after in pairwise(terms):
        assert after[: len(before)] == before
        assert len(set(after)) == len(after) > len(before)
    assert [sorted(one.inputs or ()) for one in DEFAULT] == [
        [],
        ["pose"],
        ["appearance", "pose"],
        ["appearance", "pose"],
        ["appearance", "pose"],
    ]


def test_two_rows_of_one_name_are_refused() -> None:
    nothing = Dataset("none", "labelled", Path(), (), ())
    with pytest.raises(InvalidInput, match="expected variants of different names, got a, b, a"):
        study_ablation(nothing, [HeadVariant("a"), HeadVariant("b"), HeadVariant("a")], setup())


def test_a_variants_pack_has_its_parameters_in_place_of_the_packs_own(tmp_path: Path) -> None:
    pack = PackLibrary().get("svad")
    ablation.write_variant(pack, HeadVariant("x", parameters={"seed": 7}), tmp_path / "variant-0")
    written = PackLibrary([tmp_path]).get("variant-0")  # which verifies its files
    said = json.loads((pack.path / MANIFEST).read_text())
    again = json.loads((written.path / MANIFEST).read_text())
    assert again == said | {"name": "variant-0", "parameters": {**said["parameters"], "seed": 7}}


def test_inputs_that_are_there_reach_the_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []

    @contextmanager
    def build(*_: object, **options: Any) -> Iterator[None]:
        given.append(options)
        yield None

    monkeypatch.setattr(study, "build_pipeline", build)
    for inputs in ({}, {"pose": "movenet.onnx"}, {"appearance": "osnet"}):
        with setup(**inputs).pipeline(10.0):
            pass
    assert [(each["pose"], each["appearance"]) for each in given] == [
        ("none", "none"),
        ("movenet.onnx", "none"),
        ("none", "osnet"),
    ]
