"""The svad head over a bank: scores are by its actions alone, and of what was learned as normal."""

from __future__ import annotations

import numpy as np

from export.head_scores import head_scores, learn_normal, svad_head
from models.guidance.bank import Phrase

PHRASES = [Phrase(text="walking", kind="action"), Phrase(text="running", kind="action")]


def test_scores_are_distances_to_what_is_normal_by_the_actions_alone():
    bank = np.eye(3, dtype=np.float32)
    head = svad_head([*PHRASES, Phrase(text="a road", kind="background")], bank)
    profile = learn_normal(head, np.array([[1, 0, 0]], np.float32))
    clips = np.array([[1, 0, 0], [0.6, 0.8, 0], [0.6, 0, 0.8], [0, 1, 0]], np.float32)
    np.testing.assert_allclose(head_scores(head, profile, clips), [0, 0.4, 0, 1], atol=1e-3)
