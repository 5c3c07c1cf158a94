from __future__ import annotations

import numpy as np
import pytest

from models.observation import UNTRACKED, Objects
from service.pipeline.inputs.embedding import EmbeddingBuffer


def objects(*tracks: int, height: float = 0.2, x: float = 0.1) -> Objects:
    count = len(tracks)
    boxes = np.tile(np.array([x, 0.1, 0.1, height], np.float32), (count, 1))
    return Objects(
        boxes, np.ones(count, np.float32), np.zeros(count, np.int32), np.array(tracks, np.int64), ("person",)
    )


def feed(buffer: EmbeddingBuffer, seen: Objects, pts: float, value: float = 0.0) -> None:
    due = buffer.clips.due(seen, pts)
    buffer.clips.add(seen, due, np.full((len(due), 2), value, np.float32), pts)


def test_objects_without_a_track_have_no_embedding() -> None:
    buffer = EmbeddingBuffer(9, 0.12)
    feed(buffer, objects(UNTRACKED, 3), 0.0)
    buffer.keep([3], np.ones((1, 4), np.float32))
    embeddings = buffer.embeddings(objects(UNTRACKED, 3, 4), 4)
    assert np.isnan(embeddings[[0, 2]]).all()
    assert (embeddings[1] == 1).all()


def test_an_embedding_is_forgotten_with_its_track_and_at_a_gap() -> None:
    buffer = EmbeddingBuffer(9, 0.12)
    feed(buffer, objects(3), 0.0)
    buffer.keep([3], np.ones((1, 4), np.float32))
    feed(buffer, objects(5), 10.0)
    assert np.isnan(buffer.embeddings(objects(3), 4)).all()
    buffer.keep([5], np.ones((1, 4), np.float32))
    buffer.reset()
    assert np.isnan(buffer.embeddings(objects(5), 4)).all()


def test_the_temporal_tower_sees_where_a_track_was() -> None:
    buffer = EmbeddingBuffer(4, 0.1)
    for index in range(2):
        feed(buffer, objects(1, x=0.1 * index), index * 0.1, value=index)
    frames, places = buffer.windows([1], aspect=2.0)
    assert frames[0, :, 0].tolist() == [0, 0, 0, 1]
    assert places[0, :, 4] == pytest.approx([0.1, 0.1, 0.1, 0.0])
    assert places[0, 0, 0] == pytest.approx(-0.1 * 2.0 / 0.2)  # a tenth of the width to the left, in its heights
