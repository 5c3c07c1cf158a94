from __future__ import annotations

import numpy as np
import pytest

from support import words
from support.rules import guide, guided, rule


def test_equation_10_as_it_is_written() -> None:
    frame = words.seen(("riding a bicycle", 4.0), ("walking", 1.0))
    cosine = float(frame.embeddings[0] @ words.sentences(["riding a bicycle"])[0])
    spans = np.array([0.5, 2.0])
    normal = guide(rule(method="equation10")).tuned(np.zeros((0, words.DIM), np.float32), spans)
    anomaly = guide(rule(verdict="anomaly", method="equation10")).tuned(np.zeros((0, words.DIM), np.float32), spans)
    excess = cosine - 0.3
    assert guided(normal, frame) == [pytest.approx(max(0.0, 4.0 - 2.0 * 5.0 * excess), abs=1e-3), 1.0]
    assert guided(anomaly, frame) == [pytest.approx(4.0 + 0.5 * 5.0 * excess, abs=1e-3), 1.0]


def test_equation_10_says_nothing_without_clips() -> None:
    frame = words.seen(("", 4.0), captions=(words.CYCLIST,), encoder=False)
    assert guided(guide(rule(method="equation10"), encoder=False), frame) == [4.0]
