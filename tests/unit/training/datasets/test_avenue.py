import numpy as np
import pytest
from scipy.io import savemat  # type: ignore[import-untyped]

from training.datasets import DatasetError, open_dataset


def save_masks(path, masks):
    cells = np.empty((1, len(masks)), object)
    cells[0, :] = masks
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"volLabel": cells})


@pytest.fixture
def root(tmp_path, write_video, blob):
    write_video(tmp_path / "training_videos" / "01.avi", 5)
    write_video(tmp_path / "testing_videos" / "01.avi", 6)
    write_video(tmp_path / "testing_videos" / "02.avi", 4)
    masks = tmp_path / "ground_truth_demo" / "testing_label_mask"
    save_masks(masks / "1_label.mat", [blob(), blob(), blob(3, 4, 8, 9), blob(4, 4, 8, 9), blob(), blob()])
    save_masks(masks / "2_label.mat", [blob(3, 4, 8, 9)] * 4)
    return tmp_path


def test_truth_from_mat_files(root):
    dataset = open_dataset(root)
    assert dataset.kind == "avenue"
    assert [(clip.name, clip.source.name) for clip in dataset.train] == [("01", "01.avi")]
    first, second = (clip.truth() for clip in dataset.test)
    assert first.labels.tolist() == [0, 0, 1, 1, 0, 0]
    assert second.labels.tolist() == [1, 1, 1, 1]
    assert first.regions is not None
    np.testing.assert_allclose(first.regions[3].boxes, [[4 / 48, 4 / 32, 8 / 48, 9 / 32]], atol=1e-6)
    assert first.regions[2].tracks.tolist() == first.regions[3].tracks.tolist()


def test_masks_of_another_length_than_the_video_are_refused(root, blob):
    save_masks(root / "ground_truth_demo" / "testing_label_mask" / "1_label.mat", [blob()] * 7)
    with pytest.raises(DatasetError, match=r"clip 01: expected 6 labels, one a frame of .*01\.avi, got 7"):
        open_dataset(root).test[0].truth()


def test_a_missing_mat_file_is_named(root):
    (root / "ground_truth_demo" / "testing_label_mask" / "2_label.mat").unlink()
    with pytest.raises(DatasetError, match=r"expected the masks of 02\.avi at .*2_label\.mat"):
        open_dataset(root)


def test_another_mat_file_is_refused(root):
    savemat(root / "ground_truth_demo" / "testing_label_mask" / "1_label.mat", {"gt": np.zeros(3)})
    with pytest.raises(DatasetError, match=r"expected a variable volLabel in .*, got \['gt'\]"):
        open_dataset(root).test[0].truth()
