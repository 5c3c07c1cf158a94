"""Terms as surprises of one kind, and together: one far out is enough, several mild ones count for more than each."""

from __future__ import annotations

import numpy as np
import pytest

from models.heads.attributes.fusion import LEAST_TAIL, fit_terms, joined, joined_terms, read_terms, surprises
from models.heads.attributes.terms import CALIBRATED_TERMS

FRAMES = 2000


@pytest.fixture(scope="module")
def calibrated():
    generator = np.random.default_rng(0)
    evidence = np.zeros((FRAMES, len(CALIBRATED_TERMS)))
    evidence[:, 0] = generator.exponential(1.0, FRAMES)  # restless
    evidence[:, 1] = generator.exponential(0.1, FRAMES)  # calm; the others were never seen
    return evidence, read_terms(fit_terms(evidence, np.ones(FRAMES, bool), [0] * FRAMES))


def test_equally_rare_values_of_restless_and_calm_terms_are_equally_surprising(calibrated):
    evidence, arrays = calibrated
    rare = np.quantile(evidence[:, :2], 0.9, axis=0)
    assert arrays[CALIBRATED_TERMS[0]].surprise(rare[:1])[0] == pytest.approx(1, abs=0.05)
    assert arrays[CALIBRATED_TERMS[1]].surprise(rare[1:])[0] == pytest.approx(1, abs=0.05)


def test_what_was_never_seen_surprises_by_how_much_of_it_there_is(calibrated):
    _, arrays = calibrated
    little, much = arrays[CALIBRATED_TERMS[-1]].surprise(np.array([0.5, 3.0]))
    assert 0 < little < 3
    assert much == pytest.approx(little + 2.5 / LEAST_TAIL / np.log(10), rel=0.05)


def test_all_columns_are_those_of_the_terms(calibrated):
    evidence, arrays = calibrated
    together = surprises(arrays, evidence[:50])
    assert together.shape == (50, len(CALIBRATED_TERMS))
    np.testing.assert_allclose(together[:, 1], arrays[CALIBRATED_TERMS[1]].surprise(evidence[:50, 1]))
    assert (together >= 0).all()


def test_frames_that_do_not_count_are_not_calibrated_on():
    evidence = np.zeros((100, len(CALIBRATED_TERMS)))
    evidence[50:] = 9.0
    calibrated = read_terms(fit_terms(evidence, np.arange(100) < 50, [0] * 100))
    assert calibrated[CALIBRATED_TERMS[0]].surprise(np.array([9.0]))[0] > 5


def test_the_largest_rules_and_several_count_for_more():
    alone, thrice = joined(np.array([[4.0, 0, 0], [4.0, 4.0, 4.0]]))
    assert alone == pytest.approx(4.0)
    assert thrice == pytest.approx(4.0 * 3 ** (1 / 3))
    columns = {"a": np.array([4.0, 0.0]), "b": np.array([4.0, 1.0])}
    assert joined_terms(columns).tolist() == pytest.approx([4 * 2 ** (1 / 3), 1.0])
