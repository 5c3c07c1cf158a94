from __future__ import annotations

import numpy as np
import pytest

from models.crops import crop
from models.inputs import ObjectCrops, TrackCrops
from models.observation import UNTRACKED, Objects
from service.frames import Frame, PreparedFrame
from service.pipeline.inputs import provider
from service.pipeline.inputs.crops import MAX_CROPS, CropsProvider
from service.pipeline.inputs.provider import Look
from service.pipeline.track import LOST_S

WANTED = ObjectCrops(size=8, length=3, interval=0.1)


def look(shade: int, pts: float, *tracks: int, stream: str = "yard") -> Look:
    """A frame of one brightness, with an object for each track."""
    count = len(tracks)
    image = np.full((48, 64, 3), shade, np.uint8)
    boxes = np.array([[0.1 + 0.2 * (row % 4), 0.2, 0.1, 0.4] for row in range(count)], np.float32).reshape(-1, 4)
    objects = Objects(
        boxes, np.ones(count, np.float32), np.zeros(count, np.int32), np.array(tracks, np.int64), ("person",)
    )
    return Look.at(PreparedFrame(stream, 0, Frame(0, pts, 0.0, 0.0, image), None), objects)


def shades(found: TrackCrops, row: int) -> list[int]:
    return found.crops[row, :, 0, 0, 0].tolist()


def test_a_clip_is_filled_up_with_its_oldest_crop_and_then_moves_on() -> None:
    crops = CropsProvider(WANTED)
    buffer = crops.buffer()
    seen = [crops.gather([(buffer, look(number, number / 10, 3))])[0] for number in range(5)]
    assert seen[0].crops.shape == (1, 3, 8, 8, 3)
    assert seen[0].crops.dtype == np.uint8
    assert [shades(found, 0) for found in seen] == [[0, 0, 0], [0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert all(found.known.tolist() == [True] for found in seen)


def test_crops_are_as_far_apart_as_is_wanted() -> None:
    crops = CropsProvider(WANTED)
    buffer = crops.buffer()
    for number in range(21):
        (found,) = crops.gather([(buffer, look(number, number / 50, 3))])
    assert np.diff(shades(found, 0)).tolist() == [5, 5]


def test_objects_without_a_track_are_not_known() -> None:
    crops = CropsProvider(WANTED)
    (found,) = crops.gather([(crops.buffer(), look(9, 0.0, UNTRACKED, 3))])
    assert found.known.tolist() == [False, True]
    assert not found.crops[0].any()
    assert shades(found, 1) == [9, 9, 9]


def test_a_frame_without_objects_has_no_crops() -> None:
    crops = CropsProvider(WANTED)
    (found,) = crops.gather([(crops.buffer(), look(9, 0.0))])
    assert found.crops.shape == (0, 3, 8, 8, 3)
    assert found.known.shape == (0,)


def test_grey_crops_have_one_channel() -> None:
    crops = CropsProvider(ObjectCrops(size=8, length=2, interval=0.1, channels=1))
    (found,) = crops.gather([(crops.buffer(), look(50, 0.0, 3))])
    assert found.crops.shape == (1, 2, 8, 8, 1)
    assert (found.crops == 50).all()


def test_each_stream_has_clips_of_its_own() -> None:
    crops = CropsProvider(WANTED)
    yard, gate = crops.buffer(), crops.buffer()
    for number in range(3):
        at = number / 10
        of_yard, of_gate = crops.gather(
            [(yard, look(number, at, 3)), (gate, look(100 + number, at, 3, 4, stream="gate"))]
        )
    assert shades(of_yard, 0) == [0, 1, 2]
    assert shades(of_gate, 0) == shades(of_gate, 1) == [100, 101, 102]


@pytest.mark.parametrize("why", ["lost", "gap"])
def test_a_clip_is_forgotten_with_its_track_and_at_a_gap(why: str) -> None:
    crops = CropsProvider(WANTED)
    buffer = crops.buffer()
    crops.gather([(buffer, look(1, 0.0, 3))])
    if why == "gap":
        buffer.reset()
    (found,) = crops.gather([(buffer, look(2, LOST_S + 0.1, 3))])
    assert shades(found, 0) == [2, 2, 2]


def test_a_crowd_is_cut_out_in_turns() -> None:
    crops = CropsProvider(ObjectCrops(size=8, length=1, interval=0.1))
    buffer = crops.buffer()
    tracks = range(MAX_CROPS + 5)
    (first,) = crops.gather([(buffer, look(1, 0.0, *tracks))])
    (second,) = crops.gather([(buffer, look(2, 0.1, *tracks))])
    assert first.known.sum() == MAX_CROPS
    assert second.known.all()
    assert [shades(second, row) for row in range(MAX_CROPS, MAX_CROPS + 5)] == [[2]] * 5


def test_all_who_want_the_same_crop_share_one_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    cuts: list[int] = []

    def counted(image: np.ndarray, box: np.ndarray, size: int, context: float) -> np.ndarray:
        cuts.append(size)
        return crop(image, box, size, context)

    monkeypatch.setattr(provider, "crop", counted)
    short, long, wide = WANTED, ObjectCrops(8, 5, 0.1), ObjectCrops(8, 3, 0.1, context=2.0)
    at = look(7, 0.0, 3)
    for wanted in (short, long, wide):
        crops = CropsProvider(wanted)
        crops.gather([(crops.buffer(), at)])
    assert len(cuts) == 2


def test_what_was_handed_out_does_not_change() -> None:
    crops = CropsProvider(WANTED)
    buffer = crops.buffer()
    (first,) = crops.gather([(buffer, look(1, 0.0, 3))])
    first.crops[:] = 0
    (second,) = crops.gather([(buffer, look(2, 0.1, 3))])
    assert shades(second, 0) == [1, 1, 2]
