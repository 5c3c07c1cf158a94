from __future__ import annotations

import numpy as np

from models.guidance.bank import Bank
from models.heads.likeness import SHOWN, BankActions, most_alike


def test_the_most_alike_come_first_and_nothing_is_said_of_nobody() -> None:
    similarities = np.array([[0.1, 0.4, 0.3, 0.2], [np.nan] * 4], np.float32)
    order, values = most_alike(similarities)
    assert order.tolist() == [[1, 2, 3], [-1] * SHOWN]
    np.testing.assert_allclose(values, [[0.4, 0.3, 0.2], [np.nan] * SHOWN])


def test_fewer_phrases_than_are_shown_and_no_objects() -> None:
    assert most_alike(np.zeros((2, 1), np.float32))[0].shape == (2, 1)
    assert most_alike(np.zeros((0, 5), np.float32))[0].shape == (0, SHOWN)


def test_backgrounds_are_no_actions() -> None:
    bank = Bank(("rain", "walking", "cycling"), ("background", "action", "action"), np.eye(3, 4, dtype=np.float32))
    likeness = BankActions(bank).likeness(np.array([[1, 0, 0.5, 0]], np.float32))
    assert [likeness.phrases[index] for index in likeness.actions[0]] == ["cycling", "walking"]
    assert likeness.modes.tolist() == [-1]
    assert np.isnan(likeness.distances).all()
