import cv2
import numpy as np
import pytest

from training.datasets import DatasetError, open_dataset

SCRIPT = """% comment with gt_frame = [1:9];
TestVideoFile = {};
TestVideoFile{end+1}.gt_frame = [3:5];
TestVideoFile{end+1}.gt_frame = [1, 4:6];
"""


@pytest.fixture
def root(tmp_path, write_pictures, blob):
    root = tmp_path / "UCSDped1"
    write_pictures(root / "Train" / "Train001", 4, ".tif")
    write_pictures(root / "Train" / "Train002", 3, ".tif")
    for name in ("Test001", "Test002"):
        write_pictures(root / "Test" / name, 6, ".tif")
    # archives packed on a Mac hold such a file beside every picture
    (root / "Test" / "Test001" / "._001.tif").write_bytes(b"not a picture")
    masks = root / "Test" / "Test001_gt"
    masks.mkdir()
    for index in range(1, 7):
        mask = blob(4 + index, 8, 6, 10) if 3 <= index <= 5 else blob()
        cv2.imwrite(str(masks / f"{index:03d}.bmp"), mask * 255)
    (root / "Test" / "UCSDped1.m").write_text(SCRIPT)
    return root


def test_clips_and_labels(root):
    dataset = open_dataset(root)
    assert (dataset.kind, dataset.name) == ("ucsd", "UCSD Ped1")
    assert [clip.name for clip in dataset.train] == ["Train001", "Train002"]
    assert [(clip.name, clip.fps) for clip in dataset.test] == [("Test001", 10.0), ("Test002", 10.0)]
    first, second = (clip.truth() for clip in dataset.test)
    assert first.labels.tolist() == [0, 0, 1, 1, 1, 0]
    assert second.labels.tolist() == [1, 0, 0, 1, 1, 1]
    assert second.events == ((0, 1), (3, 6))


def test_regions_come_from_masks_and_only_where_there_are_some(root):
    first, second = (clip.truth() for clip in open_dataset(root).test)
    assert first.regions is not None
    assert [len(regions) for regions in first.regions] == [0, 0, 1, 1, 1, 0]
    np.testing.assert_allclose(first.regions[2].boxes, [[7 / 48, 8 / 32, 6 / 48, 10 / 32]], atol=1e-6)
    assert {int(track) for regions in first.regions for track in regions.tracks} == {0}
    assert second.regions is None  # Ped1 has masks for some clips only


def test_labels_beyond_the_clip_are_refused(root):
    (root / "Test" / "UCSDped1.m").write_text(SCRIPT.replace("4:6", "4:7"))
    with pytest.raises(DatasetError, match=r"clip Test002: expected intervals within frames 0 to 5, got 3 to 6"):
        open_dataset(root).test[1].truth()


def test_too_few_masks_are_refused(root):
    (root / "Test" / "Test001_gt" / "006.bmp").unlink()
    with pytest.raises(DatasetError, match=r"clip Test001: expected 6 region lists, .* got 5"):
        open_dataset(root).test[0].truth()


def test_fewer_lines_than_clips_are_refused(root):
    (root / "Test" / "UCSDped1.m").write_text(SCRIPT.splitlines()[2])
    with pytest.raises(DatasetError, match=r"as many gt_frame lines as test clips \(2\), got 1"):
        open_dataset(root)


def test_a_damaged_mask_is_named(root):
    (root / "Test" / "Test001_gt" / "002.bmp").write_bytes(b"nothing")
    with pytest.raises(DatasetError, match=r"002\.bmp"):
        open_dataset(root).test[0].truth()
