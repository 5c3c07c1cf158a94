from __future__ import annotations

import numpy as np

from models.observation import Objects
from service.pipeline.inputs.track_looks import TrackLooks


def objects(*tracks: tuple[int, float, float]) -> Objects:
    """Tracks at a place and of a height."""
    boxes = np.array([[x, 0.2, 0.1, height] for _, x, height in tracks], np.float32).reshape(-1, 4)
    count = len(tracks)
    ids = np.array([number for number, _, _ in tracks], np.int64)
    return Objects(boxes, np.ones(count, np.float32), np.zeros(count, np.int32), ids, ("person",))


def looked(looks: TrackLooks, seen: Objects, pts: float) -> list[int]:
    """The tracks that are due, which are then looked at."""
    due = looks.due(seen, np.ones(len(seen), np.bool_), pts)
    looks.look(seen, due, pts)
    return seen.track_ids[due].tolist()


def times(places: dict[float, Objects]) -> list[float]:
    looks = TrackLooks(due_s=0.5, soonest_s=0.2)
    return [pts for pts, seen in places.items() if looked(looks, seen, pts)]


def test_who_stands_still_is_looked_at_when_it_is_time() -> None:
    still = {index / 10: objects((1, 0.3, 0.4)) for index in range(13)}
    assert times(still) == [0.0, 0.5, 1.0]


def test_who_moves_or_changes_is_looked_at_sooner() -> None:
    walking = {index / 10: objects((1, 0.3 + 0.02 * index, 0.4)) for index in range(7)}
    assert times(walking) == [0.0, 0.2, 0.4, 0.6]
    falling = {index / 10: objects((1, 0.3, 0.4 if index < 3 else 0.2)) for index in range(6)}
    assert times(falling) == [0.0, 0.3]


def test_who_trembles_is_not_taken_for_moving() -> None:
    trembling = {index / 10: objects((1, 0.3 + 0.004 * (index % 2), 0.4)) for index in range(5)}
    assert times(trembling) == [0.0]


def test_who_is_new_is_looked_at_at_once_and_first() -> None:
    looks = TrackLooks(0.5, 0.2)
    assert looked(looks, objects((1, 0.3, 0.4)), 0.0) == [1]
    assert looked(looks, objects((1, 0.5, 0.4), (2, 0.7, 0.4), (-1, 0.1, 0.4)), 0.3) == [2, 1]


def test_only_those_that_count_are_due() -> None:
    looks = TrackLooks(0.5, 0.2)
    due = looks.due(objects((1, 0.3, 0.4), (2, 0.6, 0.4)), np.array([False, True]), 0.0)
    assert due.tolist() == [1]


def test_lost_tracks_and_those_before_a_gap_are_forgotten() -> None:
    looks = TrackLooks(0.5, 0.2)
    looked(looks, objects((1, 0.3, 0.4)), 0.0)
    looked(looks, objects((2, 0.3, 0.4)), 3.0)
    assert (1 in looks, 2 in looks, len(looks)) == (False, True, 1)
    looks.reset()
    assert len(looks) == 0
