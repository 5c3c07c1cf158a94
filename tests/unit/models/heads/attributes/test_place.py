from __future__ import annotations

import numpy as np
import pytest

from models.heads.attributes.place import fit_place, usual

Span = tuple[float, float]
Scene = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def scene(level, count: int = 20_000, seed: int = 0, columns: Span = (0.0, 1.0), rows: Span = (0.3, 1.0)) -> Scene:
    """Values around ``level(x, y)`` with a spread of 10 %, ten to a frame."""
    generator = np.random.default_rng(seed)
    x, y = generator.uniform(*columns, count), generator.uniform(*rows, count)
    return x, y, level(x, y) * generator.normal(1, 0.1, count).clip(0.5, 1.5), np.arange(count) // 10


def at(place, *points):
    x, y = np.array(points, float).T
    return usual(place, x, y)


def perspective(x, y):
    return 0.1 + 0.4 * y + 0 * x


def test_follows_the_perspective():
    place = fit_place(*scene(perspective), 0.5)
    expected = perspective(0.5, np.array([0.4, 0.7, 0.95]))
    assert at(place, (0.5, 0.4), (0.5, 0.7), (0.5, 0.95)) == pytest.approx(expected, rel=0.05)


def test_gives_the_quantile_that_was_asked_for():
    x, y, values, frames = scene(perspective)
    for quantile in (0.5, 0.9, 0.99):
        share = np.mean(values <= usual(fit_place(x, y, values, frames, quantile), x, y))
        assert share == pytest.approx(quantile, abs=0.03)


def test_a_line_determines_rows_and_corners_that_were_never_seen():
    """Learned from the left half between two rows: the rest follows the line and nothing is zero."""
    place = fit_place(*scene(perspective, columns=(0.0, 0.5), rows=(0.5, 0.8)), 0.5)
    assert at(place, (0.95, 0.95)) == pytest.approx(perspective(0, 0.95), rel=0.15)
    assert at(place, (0.95, 0.4)) == pytest.approx(perspective(0, 0.4), rel=0.15)


def test_learns_where_a_row_is_not_alike_all_along():
    """A road on the right, where four times as fast is usual, beside a path."""

    def level(x, y):
        return perspective(x, y) * np.where(x > 0.5, 4.0, 1.0)

    road, path = at(fit_place(*scene(level, 100_000), 0.5), (0.9, 0.7), (0.1, 0.7))
    assert road / path == pytest.approx(4.0, rel=0.25)


def test_a_few_frames_do_not_make_a_place_of_their_own():
    x, y, values, frames = scene(perspective)
    before = at(fit_place(x, y, values, frames, 0.99), (0.9, 0.9))[0]
    late = frames[-1] + np.repeat(np.arange(20), 5)
    odd = (np.full(100, 0.9), np.full(100, 0.9), np.full(100, 5.0))
    x, y, values = (np.concatenate(pair) for pair in zip((x, y, values), odd, strict=True))
    after = at(fit_place(x, y, values, np.concatenate([frames, late]), 0.99), (0.9, 0.9))[0]
    assert after == pytest.approx(before, rel=0.35)


def test_never_falls_to_zero_towards_the_horizon():
    def level(x, y):
        return 0.5 * np.maximum(y - 0.3, 0.01) + 0 * x

    place = fit_place(*scene(level), 0.5)
    assert (at(place, (0.5, 0.0), (0.5, 0.3)) > 0.02).all()


def test_asks_one_of_several_places():
    slow = fit_place(*scene(perspective), 0.5)
    fast = fit_place(*scene(lambda x, y: 3 * perspective(x, y)), 0.5)
    x, y = np.array([0.5, 0.5]), np.array([0.6, 0.6])
    first, second = usual(np.stack([slow, fast]), x, y, np.array([0, 1]))
    assert second / first == pytest.approx(3, rel=0.05)


@pytest.mark.parametrize("count", [1, 5, 100])
def test_little_footage_still_gives_a_positive_number(count):
    place = fit_place(*scene(perspective, count), 0.99)
    assert np.isfinite(at(place, (0.1, 0.1), (0.9, 0.9))).all()
    assert (at(place, (0.1, 0.1), (0.9, 0.9)) > 0).all()


def test_nothing_to_learn_from_is_refused():
    nothing = np.zeros(0)
    with pytest.raises(ValueError, match="got none"):
        fit_place(nothing, nothing, nothing, np.zeros(0, np.intp), 0.5)
