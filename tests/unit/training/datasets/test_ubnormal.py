import cv2
import numpy as np
import pytest

from training.datasets import DatasetError, open_dataset

NORMAL, ABNORMAL = "normal_scene_1_scenario1_1", "abnormal_scene_1_scenario_2"


@pytest.fixture
def root(tmp_path, write_video, blob):
    scene = tmp_path / "Scene1"
    for name in (NORMAL, "normal_scene_1_scenario_4", ABNORMAL):
        write_video(scene / f"{name}.mp4", 6)
    annotations = scene / f"{ABNORMAL}_annotations"
    annotations.mkdir()
    (annotations / f"{ABNORMAL}_tracks.txt").write_text("3.0,1.0,3.0\n5.0,3.0,4.0\n")
    for index in range(6):
        objects = blob(2, 2, 8, 8) * 3 + blob(20 + index, 10, 6, 12) * 5 + blob(40, 2, 4, 4) * 1
        cv2.imwrite(str(annotations / f"{ABNORMAL}_{index:04d}_gt.png"), objects)
    (tmp_path / "scripts").mkdir()
    for split, names in {
        "normal_training": [NORMAL],
        "normal_test": ["normal_scene_1_scenario_4"],
        "abnormal_test": [ABNORMAL],
    }.items():
        (tmp_path / "scripts" / f"{split}_video_names.txt").write_text("\n".join(names))
    return tmp_path


def test_split_and_labels(root):
    dataset = open_dataset(root)
    assert dataset.kind == "ubnormal"
    assert [(clip.name, clip.scene) for clip in dataset.train] == [(NORMAL, "Scene1")]
    normal, abnormal = (clip.truth() for clip in dataset.test)
    assert normal.labels.tolist() == [0] * 6
    assert [len(regions) for regions in normal.regions] == [0] * 6
    assert abnormal.labels.tolist() == [0, 1, 1, 1, 1, 0]
    assert abnormal.events == ((1, 5),)


def test_regions_are_the_anomalous_objects_with_the_rows_as_tracks(root):
    regions = open_dataset(root).test[1].truth().regions
    assert regions is not None
    assert [entry.tracks.tolist() for entry in regions] == [[], [0], [0], [0, 1], [1], []]
    np.testing.assert_allclose(regions[3].boxes[1:], [[23 / 48, 10 / 32, 6 / 48, 12 / 32]], atol=1e-6)


def test_a_hidden_object_has_no_region(root, blob):
    name = f"{ABNORMAL}_0002_gt.png"
    cv2.imwrite(str(root / "Scene1" / f"{ABNORMAL}_annotations" / name), blob(40, 2, 4, 4))
    regions = open_dataset(root).test[1].truth().regions
    assert regions is not None
    assert len(regions[2]) == 0


def test_tracks_beyond_the_video_are_refused(root):
    (root / "Scene1" / f"{ABNORMAL}_annotations" / f"{ABNORMAL}_tracks.txt").write_text("3,1,6\n")
    with pytest.raises(DatasetError, match=r"expected intervals within frames 0 to 5, got 1 to 6"):
        open_dataset(root).test[1].truth()


def test_a_missing_split_says_where_it_comes_from(root):
    (root / "scripts" / "abnormal_test_video_names.txt").unlink()
    with pytest.raises(DatasetError, match=r"abnormal_test_video_names\.txt, from the scripts folder"):
        open_dataset(root)
