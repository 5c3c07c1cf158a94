import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.virtual.truth import ClipTruth, FrameTruth, ObjectTruth, TruthError, TruthRecorder, tight_box

EMPTY = np.zeros((4, 6), dtype=np.uint8)


def thing(track: int, *, anomalous: bool = False) -> ObjectTruth:
    return ObjectTruth(track_id=track, box=(0.1, 0.2, 0.3, 0.4), action="walk", anomalous=anomalous, caption="a person")


def recorded() -> ClipTruth:
    recorder = TruthRecorder("plaza", 3, 10.0, (6, 4))
    for index in range(10):
        odd = index in (3, 4, 6)  # hidden in frame 5
        objects = (thing(1), thing(2, anomalous=True)) if odd else (thing(1),)
        events: dict[int, tuple[str, tuple[int, ...]]] = {1: ("cyclist", (2,))} if odd else {}
        recorder.add(FrameTruth(index, index / 10.0, objects, EMPTY, events))
    return recorder.finish()


def test_labels_and_events_of_what_can_be_seen() -> None:
    truth = recorded()
    assert truth.labels == [0, 0, 0, 1, 1, 0, 1, 0, 0, 0]
    (event,) = truth.events
    assert (event.kind, event.start, event.end, event.track_ids) == ("cyclist", 0.3, 0.7, (2,))


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "a.truth.json"
    recorded().save(path)
    assert ClipTruth.load(path) == recorded()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": 2}, "format: Input should be 1"),
        ({"labels": [0]}, "expected labels for 10 frames, got 1"),
        ({"objects": []}, "expected objects for 10 frames, got 0"),
        ({"fps": 0}, "fps: Input should be greater than 0"),
        ({"weather": "rain"}, "weather: Extra inputs"),
        ({"labels": [2] * 10}, "labels.0: Input should be 0 or 1"),
    ],
)
def test_a_file_that_is_not_as_described(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    path = tmp_path / "a.truth.json"
    path.write_text(json.dumps(recorded().model_dump(mode="json") | change))
    with pytest.raises(TruthError, match=r"^a.truth.json: ") as error:
        ClipTruth.load(path)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("pixels", "box"),
    [([], None), ([(1, 2)], (2, 1, 1, 1)), ([(0, 0), (3, 5)], (0, 0, 6, 4)), ([(1, 1), (2, 3)], (1, 1, 3, 2))],
)
def test_tight_box(pixels: list[tuple[int, int]], box: tuple[int, ...] | None) -> None:
    mask = np.zeros((4, 6), dtype=bool)
    for row, column in pixels:
        mask[row, column] = True
    assert tight_box(mask) == box
