from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from models.guidance.rules import Seen
from service.guidance.history import SAME, History, tabulated
from support import words

IMAGE = np.full((120, 160, 3), 80, np.uint8)
ROOM = 10_000_000


def add(history: History, at: float, seen: Seen, tracks: list[int], **fields: Any) -> None:
    history.add(replace(words.unguided_frame(seen, 1.0, at, IMAGE), tracks=tracks, **fields))


def test_the_past_comes_back_as_one_table() -> None:
    history = History(ROOM)
    first = words.seen(("walking", 1.0), ("", 2.0), captions=(words.WALKER, None))
    second = words.seen(("riding a bicycle", 3.0), captions=(words.CYCLIST,))
    add(history, 10.0, first, [1, -1])
    add(history, 10.2, words.seen(), [])
    add(history, 10.4, second, [2])
    rows = tabulated(history.frames())
    assert rows.frame.tolist() == [0, 0, 2]
    assert rows.seen.captions == (words.WALKER, None, words.CYCLIST)
    np.testing.assert_array_equal(rows.seen.boxes, np.concatenate([first.boxes, second.boxes]))
    np.testing.assert_allclose(rows.seen.surprise, [1.0, 2.0, 3.0])
    np.testing.assert_allclose(rows.seen.embeddings[[0, 2]], [first.embeddings[0], second.embeddings[0]], atol=1e-3)
    assert np.isnan(rows.seen.embeddings[1]).all()


def test_an_embedding_that_did_not_change_is_kept_once() -> None:
    history = History(ROOM)
    still = words.seen(("walking", 1.0))
    for index in range(20):
        add(history, index * 0.2, still, [7])
    rows = tabulated(history.frames())
    assert (len(rows.embeddings), len(rows.which)) == (1, 20)
    turned = words.seen(("running", 1.0))
    assert float(still.embeddings[0] @ turned.embeddings[0]) < SAME
    add(history, 4.0, turned, [7])
    assert len(tabulated(history.frames()).embeddings) == 2


def test_tracks_do_not_share_embeddings_and_the_untracked_keep_their_own() -> None:
    history = History(ROOM)
    embeddings = np.stack([words.clip("walking", 1)] * 3)
    add(history, 0.0, replace(words.seen(*[("walking", 1.0)] * 3), embeddings=embeddings), [1, 2, -1])
    assert len(tabulated(history.frames()).embeddings) == 3


def test_only_the_last_seconds_are_kept() -> None:
    history = History(ROOM, seconds=10.0)
    for index in range(200):
        add(history, index * 0.25, words.seen(("walking", 1.0)), [1])
    assert history.frames()[0].at == 39.75
    assert [frame.at for frame in history.frames(1.0)] == [48.75, 49.0, 49.25, 49.5, 49.75]


def test_a_clock_that_was_set_back_drops_what_would_be_the_future() -> None:
    history = History(ROOM)
    add(history, 1000.0, words.seen(), [])
    add(history, 10.0, words.seen(), [])
    assert [frame.at for frame in history.frames()] == [10.0]


def test_it_never_exceeds_its_bytes() -> None:
    history = History(50_000)
    random = np.random.default_rng(0)
    for index in range(500):
        embeddings = random.normal(size=(4, 384)).astype(np.float32)
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        add(history, index * 0.2, replace(words.seen(*[("walking", 1.0)] * 4), embeddings=embeddings), [1, 2, 3, 4])
        assert history.size <= 50_000
    assert 5 <= len(history.frames()) <= 20
    history.clear()
    assert (history.size, history.frames()) == (0, [])


def test_one_thumbnail_a_track_and_second_of_where_it_is() -> None:
    history = History(ROOM)
    image = IMAGE.copy()
    image[:, 80:] = (0, 0, 255)
    seen = words.seen(("walking", 1.0), ("walking", 1.0), feet=[(0.25, 0.8), (0.75, 0.8)])
    for index in range(20):
        add(history, index * 0.2, seen, [1, -1 if index < 10 else 2], image=image)
    pictures = [(frame.at, track) for frame in history.frames() for track in frame.thumbnails]
    assert [(round(at, 1), track) for at, track in pictures] == [
        (0.0, 1), (1.0, 1), (2.0, 1), (2.0, 2), (3.0, 1), (3.0, 2),
    ]  # fmt: skip
    decoded = [
        cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        for jpeg in history.frames()[10].thumbnails.values()
    ]
    assert decoded[0].mean(axis=(0, 1)) == pytest.approx([80, 80, 80], abs=6)
    assert decoded[1].mean(axis=(0, 1)) == pytest.approx([0, 0, 255], abs=6)
    assert max(decoded[0].shape) <= 96


def test_an_object_at_the_edge_has_a_thumbnail_too() -> None:
    history = History(ROOM)
    boxes = np.array([[0.999, 0.999, 0.001, 0.001]], np.float32)
    add(history, 0.0, replace(words.seen(("walking", 1.0)), boxes=boxes), [1])
    assert history.frames()[0].thumbnails[1].startswith(b"\xff\xd8")


def test_a_sample_is_spread_over_the_past() -> None:
    history = History(ROOM)
    for index in range(400):
        add(history, index * 0.2, words.seen((("walking", "running")[index >= 200], float(index))), [index])
    embeddings, surprise = history.sample(50)
    assert 45 <= len(embeddings) <= 50
    looks = (embeddings @ words.sentences(["walking", "running"]).T).argmax(axis=1)
    assert 0.4 <= looks.mean() <= 0.6
    assert (surprise.min(), surprise.max()) == (0.0, pytest.approx(399, abs=8))
    assert history.sample(1)[0].shape == (1, words.DIM)
    assert History(ROOM).sample(50)[0].shape == (0, 0)
