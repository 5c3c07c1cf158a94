import json

import numpy as np
import pytest

from training.datasets import DatasetError, open_dataset
from training.virtual.truth import ClipTruth, EventTruth, ObjectTruth


def truth(frames, anomalous):
    """A walker in every frame, and a cyclist in those of ``anomalous``."""
    walker = ObjectTruth(track_id=1, box=(0.1, 0.2, 0.1, 0.4), action="walk", anomalous=False, caption="a person walks")
    cyclist = ObjectTruth(track_id=9, box=(0.5, 0.2, 0.2, 0.4), action="cycle", anomalous=True, caption="a cyclist")
    return ClipTruth(
        scene="plaza",
        seed=1,
        fps=25.0,
        size=(48, 32),
        frames=frames,
        labels=[int(index in anomalous) for index in range(frames)],
        events=[
            EventTruth(kind="cyclist", start=min(anomalous) / 25, end=(max(anomalous) + 1) / 25, track_ids=(9,)),
            EventTruth(kind="runner", start=(max(anomalous) - 1) / 25, end=(max(anomalous) + 1) / 25, track_ids=(9,)),
        ],
        objects=[[walker, cyclist] if index in anomalous else [walker] for index in range(frames)],
    )


@pytest.fixture
def root(tmp_path, write_video):
    (tmp_path / "dataset.json").write_text(json.dumps({"format": 1, "kind": "virtual", "scene": "plaza", "seed": 1}))
    write_video(tmp_path / "train" / "000.mp4", 5)
    write_video(tmp_path / "test" / "000.mp4", 8)
    truth(8, range(3, 7)).save(tmp_path / "test" / "000.truth.json")
    return tmp_path


def test_labels_events_and_anomalous_regions(root):
    dataset = open_dataset(root)
    assert (dataset.kind, dataset.name) == ("virtual", "virtual plaza")
    assert [(clip.name, clip.scene, clip.fps) for clip in dataset.train] == [("000", "plaza", 25.0)]
    read = dataset.test[0].truth()
    assert read.labels.tolist() == [0, 0, 0, 1, 1, 1, 1, 0]
    assert read.events == ((3, 7), (5, 7))  # told apart although they overlap
    assert read.kinds == ("cyclist", "runner")
    assert read.regions is not None
    assert [entry.tracks.tolist() for entry in read.regions] == [[], [], [], [9], [9], [9], [9], []]
    np.testing.assert_allclose(read.regions[3].boxes, [[0.5, 0.2, 0.2, 0.4]])


def test_truth_of_another_length_is_refused(root):
    truth(9, range(3, 7)).save(root / "test" / "000.truth.json")
    with pytest.raises(DatasetError, match=r"clip 000: expected 8 labels, .* got 9"):
        open_dataset(root).test[0].truth()


def test_a_missing_truth_file_is_named(root):
    (root / "test" / "000.truth.json").unlink()
    with pytest.raises(DatasetError, match=r"expected the truth of 000\.mp4"):
        open_dataset(root)


def test_a_damaged_truth_file_is_named(root):
    (root / "test" / "000.truth.json").write_text("{}")
    with pytest.raises(DatasetError, match=r"000\.truth\.json"):
        open_dataset(root).test[0].truth()


def test_another_format_is_refused(root):
    (root / "dataset.json").write_text(json.dumps({"format": 2, "kind": "virtual"}))
    with pytest.raises(DatasetError, match="expected format 1 of kind virtual"):
        open_dataset(root)
