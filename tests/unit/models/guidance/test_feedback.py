from __future__ import annotations

import numpy as np

from models.guidance.feedback import RADIUS, RADIUS_BOUNDS, Feedback, normal_radius
from support import words


def test_relief_of_a_taught_mode_fades_with_distance() -> None:
    mode = np.array([[1.0, 0.0]], np.float32)
    angles = np.arccos(1 - np.array([0.0, 0.1, 0.1125, 0.125, 0.2]))
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    relief, _ = Feedback(mode, np.array([0.1], np.float32), ("a",)).relief(embeddings)
    np.testing.assert_allclose(relief, [1.0, 1.0, 0.5, 0.0, 0.0], atol=1e-3)


def test_the_radius_is_how_near_normal_objects_are_to_their_modes() -> None:
    def walkers(noise: float) -> np.ndarray:
        texts = ["walking", "running", "riding a bicycle"]
        return np.stack([words.clip(texts[seed % 3], seed, noise) for seed in range(300)])

    tight, loose = normal_radius(walkers(0.3)), normal_radius(walkers(0.5))
    low, high = RADIUS_BOUNDS
    assert low <= tight < loose <= high
    assert normal_radius(walkers(0.3)[:20]) == RADIUS
