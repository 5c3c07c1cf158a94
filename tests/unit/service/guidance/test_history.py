from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from models.guidance.rules import Seen
from service.guidance.history import SAME, RecentPast, tabulated
from support import words

IMAGE = np.full((120, 160, 3), 80, np.uint8)
ROOM = 10_000_000


def add(past: RecentPast, at: float, seen: Seen, tracks: list[int], **fields: Any) -> None:
    past.add(replace(words.unguided(seen, 1.0, at, IMAGE), tracks=tracks, **fields))


def test_the_past_comes_back_as_one_table() -> None:
    past = RecentPast(ROOM)
    first = words.seen(("walking", 1.0), ("", 2.0), captions=(words.WALKER, None))
    second = words.seen(("riding a bicycle", 3.0), captions=(words.CYCLIST,))
    add(past, 10.0, first, [1, -1])
    add(past, 10.2, words.seen(), [])
    add(past, 10.4, second, [2])
    rows = tabulated(past.moments())
    assert rows.moment.tolist() == [0, 0, 2]
    assert rows.seen.captions == (words.WALKER, None, words.CYCLIST)
    np.testing.assert_array_equal(rows.seen.boxes, np.concatenate([first.boxes, second.boxes]))
    np.testing.assert_allclose(rows.seen.surprise, [1.0, 2.0, 3.0])
    np.testing.assert_allclose(rows.seen.video[[0, 2]], [first.video[0], second.video[0]], atol=1e-3)
    assert np.isnan(rows.seen.video[1]).all()


def test_a_clip_that_did_not_change_is_kept_once() -> None:
    past = RecentPast(ROOM)
    still = words.seen(("walking", 1.0))
    for index in range(20):
        add(past, index * 0.2, still, [7])
    rows = tabulated(past.moments())
    assert (len(rows.clips), len(rows.clip)) == (1, 20)
    turned = words.seen(("running", 1.0))
    assert float(still.video[0] @ turned.video[0]) < SAME
    add(past, 4.0, turned, [7])
    assert len(tabulated(past.moments()).clips) == 2


def test_tracks_do_not_share_clips_and_the_untracked_keep_their_own() -> None:
    past = RecentPast(ROOM)
    video = np.stack([words.clip("walking", 1)] * 3)
    add(past, 0.0, replace(words.seen(*[("walking", 1.0)] * 3), video=video), [1, 2, -1])
    assert len(tabulated(past.moments()).clips) == 3


def test_only_the_last_seconds_are_kept() -> None:
    past = RecentPast(ROOM, seconds=10.0)
    for index in range(200):
        add(past, index * 0.25, words.seen(("walking", 1.0)), [1])
    assert past.moments()[0].at == 39.75
    assert [moment.at for moment in past.moments(1.0)] == [48.75, 49.0, 49.25, 49.5, 49.75]


def test_a_clock_that_was_set_back_drops_what_would_be_the_future() -> None:
    past = RecentPast(ROOM)
    add(past, 1000.0, words.seen(), [])
    add(past, 10.0, words.seen(), [])
    assert [moment.at for moment in past.moments()] == [10.0]


def test_it_never_exceeds_its_bytes() -> None:
    past = RecentPast(50_000)
    random = np.random.default_rng(0)
    for index in range(500):
        video = random.normal(size=(4, 384)).astype(np.float32)
        video /= np.linalg.norm(video, axis=1, keepdims=True)
        add(past, index * 0.2, replace(words.seen(*[("walking", 1.0)] * 4), video=video), [1, 2, 3, 4])
        assert past.size <= 50_000
    assert 5 <= len(past.moments()) <= 20
    past.clear()
    assert (past.size, past.moments()) == (0, [])


def test_one_thumbnail_a_track_and_second_of_where_it_is() -> None:
    past = RecentPast(ROOM)
    image = IMAGE.copy()
    image[:, 80:] = (0, 0, 255)
    seen = words.seen(("walking", 1.0), ("walking", 1.0), feet=[(0.25, 0.8), (0.75, 0.8)])
    for index in range(20):
        add(past, index * 0.2, seen, [1, -1 if index < 10 else 2], image=image)
    pictures = [(moment.at, track) for moment in past.moments() for track in moment.thumbnails]
    assert [(round(at, 1), track) for at, track in pictures] == [
        (0.0, 1), (1.0, 1), (2.0, 1), (2.0, 2), (3.0, 1), (3.0, 2),
    ]  # fmt: skip
    decoded = [
        cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for jpeg in past.moments()[10].thumbnails.values()
    ]
    assert decoded[0].mean(axis=(0, 1)) == pytest.approx([80, 80, 80], abs=6)
    assert decoded[1].mean(axis=(0, 1)) == pytest.approx([0, 0, 255], abs=6)
    assert max(decoded[0].shape) <= 96


def test_an_object_at_the_edge_has_a_thumbnail_too() -> None:
    past = RecentPast(ROOM)
    boxes = np.array([[0.999, 0.999, 0.001, 0.001]], np.float32)
    add(past, 0.0, replace(words.seen(("walking", 1.0)), boxes=boxes), [1])
    assert past.moments()[0].thumbnails[1].startswith(b"\xff\xd8")


def test_a_sample_is_spread_over_the_past() -> None:
    past = RecentPast(ROOM)
    for index in range(400):
        add(past, index * 0.2, words.seen((("walking", "running")[index >= 200], float(index))), [index])
    video, surprise = past.sample(50)
    assert 45 <= len(video) <= 50
    looks = (video @ words.sentences(["walking", "running"]).T).argmax(axis=1)
    assert 0.4 <= looks.mean() <= 0.6
    assert (surprise.min(), surprise.max()) == (0.0, pytest.approx(399, abs=8))
    assert past.sample(1)[0].shape == (1, words.DIM)
    assert RecentPast(ROOM).sample(50)[0].shape == (0, 0)
