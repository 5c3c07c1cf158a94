"""Distance of looks: from the centres of normal ones, by cosine, at a tenth of the size."""

from __future__ import annotations

import numpy as np
import pytest

from models.heads.attributes.embedding import CENTRES, KEPT, embedding_distance, fit_embedding, known, shorten


def looks(count, towards, spread=0.05, dimensions=256, seed=0):
    generator = np.random.default_rng(seed)
    rows = generator.normal(0, spread, (count, dimensions))
    rows[:, towards] += 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_shortened_they_keep_their_angles():
    rows = np.concatenate([looks(30, 0), looks(30, 5, seed=1)])
    short = shorten(rows)
    assert short.shape == (60, KEPT)
    np.testing.assert_allclose(np.linalg.norm(short, axis=1), 1)
    assert np.abs(short @ short.T - rows @ rows.T).mean() < 0.09
    few = looks(3, 0, dimensions=16)
    assert shorten(few) is few
    np.testing.assert_array_equal(shorten(rows), short)


def test_what_looks_like_nothing_usual_is_far():
    normal = np.concatenate([looks(200, 0), looks(200, 1, seed=1)])
    learned = fit_embedding(normal)
    assert len(learned["centres"]) <= CENTRES
    usual = embedding_distance(learned, looks(20, 0, seed=2))
    assert embedding_distance(learned, looks(20, 7, seed=3)).min() > usual.max() + 0.3


def test_what_is_not_known_is_neither_learned_nor_judged():
    rows = looks(50, 0)
    rows[::2] = np.nan
    assert known(rows).sum() == 25
    learned = fit_embedding(rows)
    assert np.isfinite(learned["centres"]).all()
    assert np.isneginf(embedding_distance(learned, rows)[::2]).all()
    assert fit_embedding(np.full((5, 8), np.nan)) == {}
    assert known(np.zeros((4, 0))).tolist() == [False] * 4
    assert np.isneginf(embedding_distance({}, rows)).all()


def test_a_single_odd_look_is_no_centre():
    rows = np.concatenate([looks(2000, 0), looks(1, 9)])
    assert embedding_distance(fit_embedding(rows), looks(1, 9, seed=4))[0] > 0.3


@pytest.mark.parametrize("rows", [np.zeros((0, 4)), np.zeros((0, 0))])
def test_no_objects_have_no_looks(rows):
    assert len(embedding_distance(fit_embedding(looks(50, 0)), rows)) == 0
