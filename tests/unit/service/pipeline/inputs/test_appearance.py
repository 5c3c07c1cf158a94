from __future__ import annotations

import numpy as np
import pytest

from models.observation import UNTRACKED, Objects
from service.pipeline.inputs.appearance import MAX_LOOKS, AppearanceProvider
from service.pipeline.inputs.provider import Look
from support.colours import painted
from support.poses import ColourAppearance


def look(index: int, *tracks: int, colour: str = "red", x: float = 0.1) -> Look:
    """At squares of a colour, all of one place."""
    frame = painted(index, (x, 0.1, colour))
    boxes = np.tile(np.array([[x, 0.1, 0.15, 0.2]], np.float32), (len(tracks), 1))
    count = len(tracks)
    squares = Objects(
        boxes, np.ones(count, np.float32), np.zeros(count, np.int32), np.array(tracks, np.int64), ("square",)
    )
    return Look.at(frame, squares)


def test_objects_of_all_streams_are_embedded_in_one_batch() -> None:
    network = ColourAppearance()
    provider = AppearanceProvider(network)
    red, blue = provider.gather(
        [(provider.buffer(), look(0, 1, UNTRACKED)), (provider.buffer(), look(0, 1, colour="blue"))]
    )
    assert network.asked == [2]
    assert red[0].tolist() == pytest.approx([0, 0, 1])
    assert np.isnan(red[1]).all()
    assert blue[0].tolist() == pytest.approx([1, 0, 0])


def test_an_embedding_stands_until_it_is_due() -> None:
    network = ColourAppearance()
    provider = AppearanceProvider(network)
    buffer = provider.buffer()
    seen = [provider.gather([(buffer, look(index, 1, colour="red" if index < 3 else "blue"))])[0] for index in range(7)]
    assert [row[0].argmax() for row in seen] == [2, 2, 2, 2, 2, 0, 0]
    assert network.asked == [1, 1]


def test_a_crowd_is_embedded_bit_by_bit() -> None:
    network = ColourAppearance()
    provider = AppearanceProvider(network)
    buffer = provider.buffer()
    tracks = tuple(range(MAX_LOOKS + 1))
    assert np.isfinite(provider.gather([(buffer, look(0, *tracks))])[0]).all(axis=1).sum() == MAX_LOOKS
    assert np.isfinite(provider.gather([(buffer, look(1, *tracks))])[0]).all()


def test_lost_tracks_and_those_before_a_gap_are_forgotten() -> None:
    provider = AppearanceProvider(ColourAppearance())
    buffer = provider.buffer()
    provider.gather([(buffer, look(0, 1))])
    provider.gather([(buffer, look(90, 2))])
    assert len(buffer) == 1
    buffer.reset()
    assert len(buffer) == 0
