"""Variants of the encoder differ in the one thing that is compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.packs import Pack, PackLibrary

pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from training.studies.variants import CLIP_LENGTHS, Recipe, clip_lengths, pretraining
from training.svad.trainer import Pretraining

SETTINGS = Pretraining(steps=7, batch=16, seed=3)
NOTHING = np.zeros((0, 0), np.float32)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Pretraining]]:
    """What a recipe is asked to train; nothing is trained."""
    noted: list[tuple[str, Pretraining]] = []
    pack = PackLibrary().get("svad")

    def note(_: Recipe, name: str, settings: Pretraining) -> Pack:
        noted.append((name, settings))
        return pack

    monkeypatch.setattr(Recipe, "make", note)
    return noted


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return Recipe(tmp_path / "clips", tmp_path / "text", tmp_path / "out", SETTINGS, lambda _: NOTHING)


def test_clip_lengths_differ_in_the_crops_of_a_clip(recipe: Recipe, made: list[tuple[str, Pretraining]]) -> None:
    for make in clip_lengths(recipe).values():
        make()
    assert [settings.frames for _, settings in made] == list(CLIP_LENGTHS) == [5, 7, 9, 11]
    assert len({name for name, _ in made}) == 4
    # each shows the network as many crops a step: the same work
    assert {settings.seen for _, settings in made} == {5}
    assert {(settings.steps, settings.batch, settings.seed) for _, settings in made} == {(7, 16, 3)}


def test_without_pre_training_nothing_is_learned(recipe: Recipe, made: list[tuple[str, Pretraining]]) -> None:
    for make in pretraining(recipe).values():
        make()
    (_, without), (_, trained) = made
    assert (without.steps, trained) == (0, SETTINGS)
