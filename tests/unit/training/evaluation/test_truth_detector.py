"""The detector that knows the virtual world's boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from service.frames import Frame, PreparedFrame
from service.settings import Settings
from support.street import write_virtual
from training.datasets import DatasetError, open_dataset
from training.evaluation.evaluate import decoded
from training.evaluation.truth_detector import TruthDetector, detector_of
from training.virtual.truth import ClipTruth, ObjectTruth

SIZE = (64, 36)


def one(track: int, box: tuple[float, float, float, float], visible: float = 1.0) -> ObjectTruth:
    return ObjectTruth(track_id=track, box=box, action="walk", anomalous=False, caption="a person", visible=visible)


def write(path: Path, objects: list[list[ObjectTruth]]) -> Path:
    truth = ClipTruth(
        scene="plaza", seed=1, fps=10.0, size=SIZE, frames=len(objects), labels=[0] * len(objects), events=[],
        objects=objects,
    )  # fmt: skip
    truth.save(path.with_suffix(".truth.json"))
    return path


def frame(clip: Path, index: int) -> PreparedFrame:
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    return PreparedFrame(str(clip), 0, Frame(index, index / 10, 0.0, 0.0, picture), None)


def test_it_gives_the_boxes_of_each_frame_of_each_clip(tmp_path: Path) -> None:
    first = write(tmp_path / "a.mp4", [[one(1, (0.1, 0.2, 0.1, 0.4))], []])
    second = write(tmp_path / "b.mp4", [[one(1, (0.5, 0.2, 0.1, 0.4)), one(2, (0.7, 0.2, 0.1, 0.4))]])
    found = TruthDetector().detect([frame(first, 0), frame(second, 0), frame(first, 1)])
    assert [len(objects.boxes) for objects in found] == [1, 2, 0]
    np.testing.assert_allclose(found[1].boxes[:, 0], [0.5, 0.7])


def test_what_no_detector_could_be_asked_for_is_left_out(tmp_path: Path) -> None:
    hidden, far, left = one(1, (0.1, 0.2, 0.1, 0.4), 0.3), one(2, (0.5, 0.2, 0.01, 0.04)), one(3, (0.7, 0.2, 0.1, 0.3))
    (objects,) = TruthDetector().detect([frame(write(tmp_path / "a.mp4", [[hidden, far, left]]), 0)])
    np.testing.assert_allclose(objects.boxes, [left.box])


def test_footage_without_truth_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected a clip of the virtual world with a\.truth\.json"):
        TruthDetector().detect([frame(tmp_path / "a.mp4", 0)])


def test_decoded_frames_find_their_truth(tmp_path: Path) -> None:
    dataset = open_dataset(write_virtual(tmp_path / "north", seed=1, running=range(10, 20)))
    clip = dataset.test[0]
    truth = ClipTruth.load(clip.source.with_suffix(".truth.json"))
    found = TruthDetector().detect(list(decoded(clip, Settings(), None)))
    assert [len(objects.boxes) for objects in found] == [len(objects) for objects in truth.objects]
    assert sum(len(objects.boxes) for objects in found) > 0


def test_other_names_are_the_services() -> None:
    assert detector_of("motion") == "motion"
    assert isinstance(detector_of("truth"), TruthDetector)
