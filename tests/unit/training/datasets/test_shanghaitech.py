import numpy as np
import pytest

from training.datasets import DatasetError, open_dataset


@pytest.fixture
def root(tmp_path, write_video, write_pictures, blob):
    write_video(tmp_path / "training" / "videos" / "01_001.avi", 3)
    write_video(tmp_path / "training" / "videos" / "02_001.avi", 3)
    write_pictures(tmp_path / "testing" / "frames" / "01_0014", 5, ".jpg", first=0)
    for folder in ("test_frame_mask", "test_pixel_mask"):
        (tmp_path / "testing" / folder).mkdir()
    np.save(tmp_path / "testing" / "test_frame_mask" / "01_0014.npy", np.array([0, 0, 1, 1, 0]))
    masks = np.stack([blob(), blob(), blob(10, 2, 9, 9), blob(11, 2, 9, 9), blob()])
    np.save(tmp_path / "testing" / "test_pixel_mask" / "01_0014.npy", masks)
    return tmp_path


def test_truth_and_scenes(root):
    dataset = open_dataset(root)
    assert dataset.kind == "shanghaitech"
    assert [(clip.name, clip.scene) for clip in dataset.train] == [("01_001", "01"), ("02_001", "02")]
    (clip,) = dataset.test
    assert (clip.scene, clip.fps) == ("01", 24.0)
    truth = clip.truth()
    assert truth.labels.tolist() == [0, 0, 1, 1, 0]
    assert [len(regions) for regions in truth.regions] == [0, 0, 1, 1, 0]


def test_without_pixel_masks_there_are_no_regions(root):
    (root / "testing" / "test_pixel_mask" / "01_0014.npy").unlink()
    assert open_dataset(root).test[0].truth().regions is None


@pytest.mark.parametrize(
    ("folder", "array", "message"),
    [
        ("test_frame_mask", np.zeros(4), "expected 5 labels, .* got 4"),
        ("test_pixel_mask", np.zeros((6, 32, 48), np.uint8), "expected 5 region lists, .* got 6"),
    ],
)
def test_arrays_of_another_length_than_the_clip_are_refused(root, folder, array, message):
    np.save(root / "testing" / folder / "01_0014.npy", array)
    with pytest.raises(DatasetError, match=f"clip 01_0014: {message}"):
        open_dataset(root).test[0].truth()
