"""Variants of the encoder differ in the one thing that is compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.packs import Pack

pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from training.studies.variants import CLIP_LENGTHS, Recipe, clip_lengths, pretraining
from training.svad.trainer import Pretraining

SETTINGS = Pretraining(steps=7, batch=16, seed=3)


class Noting(Recipe):
    """Notes what it is asked to train, and trains nothing."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            folder / "clips", folder / "text", folder / "out", SETTINGS, lambda _: np.zeros((0, 0), np.float32)
        )
        self.made: list[tuple[str, Pretraining]] = []

    def make(self, name, settings):
        self.made.append((name, settings))
        return Pack.__new__(Pack)


@pytest.fixture
def recipe(tmp_path: Path) -> Noting:
    return Noting(tmp_path)


def test_clip_lengths_differ_in_the_crops_of_a_clip(recipe: Noting) -> None:
    for make in clip_lengths(recipe).values():
        make()
    made = recipe.made
    assert [settings.frames for _, settings in made] == list(CLIP_LENGTHS) == [5, 7, 9, 11]
    assert len({name for name, _ in made}) == 4
    # each shows the network as many crops a step: the same work
    assert {settings.seen for _, settings in made} == {5}
    assert {(settings.steps, settings.batch, settings.seed) for _, settings in made} == {(7, 16, 3)}


def test_without_pre_training_nothing_is_learned(recipe: Noting) -> None:
    for make in pretraining(recipe).values():
        make()
    (_, without), (_, trained) = recipe.made
    assert (without.steps, trained) == (0, SETTINGS)
