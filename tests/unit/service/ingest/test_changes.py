"""Drawn scenes in which something is left, taken away, lit, or passed by: what counts as a change, and since when."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.observation import Changes
from service.frames import KEPT_S
from service.ingest.background import ABSORB_S, SETTLING_S, Background
from service.ingest.changes import KNOWN_S, PERSIST_S

HEIGHT, WIDTH = 160, 240
NOBODY = np.zeros((0, 4), np.float32)


def texture(seed: int, mean: float, spread: float, grain: float, size: tuple[int, int]) -> np.ndarray:
    rough = np.random.default_rng(seed).normal(size=size).astype(np.float32)
    fine = cv2.GaussianBlur(rough, (0, 0), grain)
    return mean + spread * fine / fine.std()


GROUND = texture(1, 120, 14, 6, (HEIGHT, WIDTH))
BAG = texture(2, 60, 10, 2, (16, 20))
PLACE = (100, 150)  # row and column
BOX = np.array([150 / WIDTH, 100 / HEIGHT, 20 / WIDTH, 16 / HEIGHT], np.float32)
PERSON = texture(3, 70, 12, 2, (40, 16))


def with_bag(ground: np.ndarray) -> np.ndarray:
    picture = ground.copy()
    picture[PLACE[0] : PLACE[0] + 16, PLACE[1] : PLACE[1] + 20] = BAG
    return picture


def with_person(picture: np.ndarray, x: int, y: int = 80) -> np.ndarray:
    seen = picture.copy()
    seen[y : y + 40, x : x + 16] = PERSON
    return seen


class Watched:
    """A background that is shown a scene, with what stands there told to it."""

    def __init__(self) -> None:
        self.background = Background()
        self.rng = np.random.default_rng(0)
        self.pts = 0.0
        self.mask = np.zeros((HEIGHT, WIDTH), np.uint8)

    def show(self, scene, seconds: float, kept: np.ndarray = NOBODY, people: bool = True, fps: float = 4.0) -> Changes:
        """Show a picture, or what a function draws for a time, for so long; what is known at its end."""
        for _ in range(round(seconds * fps)):
            picture = scene(self.pts) if callable(scene) else scene
            noisy = np.clip(picture + 2 * self.rng.standard_normal(picture.shape, np.float32), 0, 255)
            self.background.keep(kept, np.full(len(kept), people))
            self.mask, _ = self.background.update(noisy.astype(np.uint8), self.pts)
            self.pts += 1 / fps
        return self.background.changes(self.pts - 1 / fps)

    def covered(self, box: np.ndarray = BOX) -> float:
        """Share of a box that is foreground."""
        x, y, w, h = (box * (WIDTH, HEIGHT, WIDTH, HEIGHT)).round().astype(int)
        return float(self.mask[y : y + h, x : x + w].mean())


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[:2] + one[2:], other[:2] + other[2:])
    both = np.prod(np.maximum(high - low, 0))
    return float(both / (one[2:].prod() + other[2:].prod() - both))


def test_what_is_left_becomes_a_change_with_its_age_and_its_box() -> None:
    watched = Watched()
    assert len(watched.show(GROUND, 20)) == 0
    assert len(watched.show(with_bag(GROUND), PERSIST_S - 3)) == 0
    changes = watched.show(with_bag(GROUND), 33)
    assert len(changes) == 1
    assert not changes.gone[0]
    assert changes.ages_s[0] == pytest.approx(PERSIST_S + 30, abs=2.5)
    assert overlap(changes.boxes[0], BOX) > 0.6


def test_it_is_still_a_change_after_the_background_took_it_and_ends_when_it_is_taken_away() -> None:
    watched = Watched()
    watched.show(GROUND, ABSORB_S + 5)
    changes = watched.show(with_bag(GROUND), 2 * ABSORB_S)
    assert watched.covered() < 0.2  # it is ground by now
    assert changes.ages_s.tolist() == pytest.approx([2 * ABSORB_S], abs=3)
    assert len(watched.show(GROUND, 6)) == 0
    assert len(watched.show(GROUND, 30)) == 0  # and what is back is not gone


def test_what_was_always_there_is_gone() -> None:
    watched = Watched()
    watched.show(with_bag(GROUND), KNOWN_S + 10)
    changes = watched.show(GROUND, 40)
    assert changes.gone.tolist() == [True]
    assert changes.ages_s.tolist() == pytest.approx([40], abs=3)
    assert overlap(changes.boxes[0], BOX) > 0.6


def test_who_stood_there_when_it_began_is_not_missed() -> None:
    watched = Watched()
    watched.show(with_bag(GROUND), SETTLING_S + 10)
    assert len(watched.show(GROUND, 60)) == 0


def test_a_change_is_normal_after_ten_minutes() -> None:
    watched = Watched()
    watched.show(GROUND, 20, fps=2)
    assert len(watched.show(with_bag(GROUND), KEPT_S - 20, fps=0.5)) == 1
    assert len(watched.show(with_bag(GROUND), 60, fps=2)) == 0


def test_a_person_who_stands_is_no_change_and_one_who_passes_hides_none() -> None:
    watched = Watched()
    watched.show(GROUND, 20)
    box = np.array([[60 / WIDTH, 80 / HEIGHT, 16 / WIDTH, 40 / HEIGHT]], np.float32)
    assert len(watched.show(with_person(GROUND, 60), 30, kept=box)) == 0
    watched.show(with_bag(GROUND), 20)
    changes = watched.show(lambda pts: with_person(with_bag(GROUND), 140 + int(8 * pts) % 12), 8)
    assert len(changes) == 1
    assert overlap(changes.boxes[0], BOX) > 0.6


def test_a_thing_that_a_detector_knows_is_kept_out_of_the_background_and_still_is_a_change() -> None:
    watched = Watched()
    watched.show(GROUND, ABSORB_S + 10)
    changes = watched.show(with_bag(GROUND), 2 * ABSORB_S, kept=BOX[None], people=False)
    assert watched.covered() > 0.8
    assert changes.ages_s.tolist() == pytest.approx([2 * ABSORB_S], abs=3)


def test_what_is_told_to_stand_is_kept_for_its_time_and_learned_then() -> None:
    watched = Watched()
    watched.show(GROUND, ABSORB_S + 10, fps=2)
    watched.show(with_bag(GROUND), KEPT_S - 10, kept=BOX[None], fps=2)
    assert watched.covered() > 0.8
    watched.show(with_bag(GROUND), ABSORB_S + 30, kept=BOX[None], fps=2)
    assert watched.covered() < 0.2


def test_what_is_no_longer_told_to_stand_is_learned_as_anything_else() -> None:
    watched = Watched()
    watched.show(GROUND, ABSORB_S + 10)
    watched.show(with_bag(GROUND), 2 * ABSORB_S, kept=BOX[None])
    watched.show(with_bag(GROUND), ABSORB_S / 2)
    assert watched.covered() > 0.8
    watched.show(with_bag(GROUND), ABSORB_S)
    assert watched.covered() < 0.2


def test_light_that_falls_on_the_ground_is_no_change() -> None:
    watched = Watched()
    lit = GROUND.copy()
    lit[60:120, 40:120] *= cv2.GaussianBlur(
        np.pad(np.full((40, 60), 1.3, np.float32), 10, constant_values=1), (0, 0), 4
    )
    watched.show(GROUND, 20)
    assert len(watched.show(lit, 40)) == 0


def test_slow_light_over_all_is_no_change() -> None:
    watched = Watched()
    watched.show(GROUND, 20)
    assert len(watched.show(lambda pts: GROUND * (1 + 0.004 * (pts - 20)), 60)) == 0


def test_nothing_is_said_while_the_picture_is_disturbed_or_has_not_settled() -> None:
    watched = Watched()
    watched.show(GROUND, 20)
    assert len(watched.show(with_bag(GROUND), 30)) == 1
    lamp = np.linspace(1.2, 2.0, WIDTH, dtype=np.float32)
    assert len(watched.show(with_bag(GROUND) * lamp, 0.25)) == 0
    assert len(watched.show(with_bag(GROUND) * lamp, SETTLING_S)) == 0


def test_a_jump_of_the_exposure_ends_no_change() -> None:
    watched = Watched()
    watched.show(GROUND, 20)
    watched.show(with_bag(GROUND), 30)
    changes = watched.show(with_bag(GROUND) * 1.4 + 5, 15)
    assert changes.ages_s.tolist() == pytest.approx([45], abs=3)


def test_more_than_a_quarter_of_the_picture_is_no_thing() -> None:
    watched = Watched()
    watched.show(GROUND, 20)
    other = GROUND.copy()
    other[:80, :130] = texture(9, 160, 20, 3, (80, 130))
    assert len(watched.show(other, 40)) == 0
