import json
from pathlib import Path

import numpy as np
import pytest

from training.datasets import DatasetError, open_dataset

PED2 = Path(__file__).parents[5] / "shared" / "data" / "ped2"


@pytest.fixture
def root(tmp_path, write_video, write_pictures):
    write_video(tmp_path / "train_01.mp4", 5)
    write_video(tmp_path / "test_01.mp4", 6)
    write_pictures(tmp_path / "test_02", 4, ".png")
    save(tmp_path)
    return tmp_path


def save(root, boxes=None, **changes):
    document = {
        "dataset": "loading bay",
        "fps": 5,
        "size": [48, 32],
        "train": {"01": {"file": "train_01.mp4", "frames": 5}},
        "test": {
            "01": {"file": "test_01.mp4", "labels": [0, 0, 1, 1, 0, 0]},
            "02": {"file": "test_02", "intervals": [[1, 2]], "scene": "gate"},
        },
    } | changes
    (root / "labels.json").write_text(json.dumps({key: value for key, value in document.items() if value is not None}))
    if boxes is not None:
        (root / "boxes.json").write_text(json.dumps(boxes))


def test_labels_intervals_rates_and_scenes(root):
    dataset = open_dataset(root)
    assert (dataset.name, dataset.kind) == ("loading bay", "labelled")
    first, second = dataset.test
    assert (first.fps, first.scene) == (25.0, "")
    assert (second.fps, second.scene) == (5.0, "gate")
    assert first.truth().labels.tolist() == [0, 0, 1, 1, 0, 0]
    assert second.truth().labels.tolist() == [0, 1, 1, 0]
    assert first.truth().regions is None


def test_boxes_in_pixels_become_linked_fractions(root):
    save(root, boxes={"01": [[], [], [[12, 8, 6, 16, 96]], [[13, 8, 6, 16, 96]], [], []]})
    regions = open_dataset(root).test[0].truth().regions
    assert regions is not None
    np.testing.assert_allclose(regions[2].boxes, [[0.25, 0.25, 0.125, 0.5]])
    assert regions[2].tracks.tolist() == regions[3].tracks.tolist() == [0]


def test_a_csv_of_intervals(root):
    (root / "labels.json").unlink()
    (root / "labels.csv").write_text(
        "file,split,first,last\ntrain_01.mp4,train,,\ntest_01.mp4,test,0,1\ntest_01.mp4,test,4,4\n"
    )
    (clip,) = open_dataset(root).test
    assert clip.truth().labels.tolist() == [1, 1, 0, 0, 1, 0]
    assert clip.truth().events == ((0, 2), (4, 5))


def save_csv(root: Path, content: str | bytes) -> None:
    (root / "labels.json").unlink()
    (root / "labels.csv").write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbffile,split,first,last\r\ntrain_01.mp4,train,,\r\ntest_01.mp4,test,2,3\r\n",
        b"File;Split;First;Last\r\ntrain_01.mp4;train;;\r\n;;;\r\ntest_01.mp4;test;2;3\r\n",
        "file\tsplit\tfirst\tlast\ntrain_01.mp4\ttrain\t\t\ntest_01.mp4\ttest\t2\t3\n".encode("utf-16"),
        b"file, split, first, last\n\ntrain_01.mp4, train\ntest_01.mp4, test, 2, 3\n\n",
    ],
    ids=["byte order mark", "semicolons", "tabs in UTF-16", "spaces and short rows"],
)
def test_a_csv_as_spreadsheets_save_it(root, content):
    save_csv(root, content)
    (clip,) = open_dataset(root).test
    assert clip.name == "test_01"
    assert clip.truth().labels.tolist() == [0, 0, 1, 1, 0, 0]


def test_a_csv_of_times(root):
    # 25 frames a second: frame 1 is shown at 0.04 s, frame 4 at 0.16 s
    rows = "test_01.mp4,test,0.04,0:00.12\ntest_01.mp4,test,0:00:00.16,9\n"
    save_csv(root, "file,split,from,until\ntrain_01.mp4,train,,\n" + rows)
    (clip,) = open_dataset(root).test
    assert clip.truth().labels.tolist() == [0, 1, 1, 0, 1, 1]


def test_times_in_a_document_and_of_a_folder_of_pictures(root):
    save(root, test={"02": {"file": "test_02", "times": [[0.2, "0:00.6"]]}})
    assert open_dataset(root).test[0].truth().labels.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("soon", "9", "clip test_01: expected a time such as 75, 1:15 or 0:01:15.5, got 'soon'"),
        ("0.2", "0.1", r"expected times within its 0\.2 s, the first before the second, got 0\.2 to 0\.1"),
        ("1:00", "1:30", r"expected times within its 0\.2 s, .* got 1:00 to 1:30"),
        ("", "9", "clip test_01: expected a time such as"),
    ],
)
def test_times_that_cannot_be(root, start, end, message):
    save_csv(root, f"file,split,from,until\ntrain_01.mp4,train,,\ntest_01.mp4,test,{start},{end}\n")
    (clip,) = open_dataset(root).test
    with pytest.raises(DatasetError, match=message):
        clip.truth()


def test_files_of_one_name_in_several_folders_are_several_clips(root, write_video):
    for folder, frames in (("cam1", 3), ("cam2", 4)):
        (root / folder).mkdir()
        write_video(root / folder / "001.mp4", frames)
    write_video(root / "cam2" / "001.MKV", 2)
    save_csv(
        root,
        "file,split,first,last\ntrain_01.mp4,train,,\ncam1/001.mp4,test,0,0\ncam2\\001.mp4,test,3,3\n"
        "cam2/001.MKV,test,,\n",
    )
    clips = open_dataset(root).test
    assert [(clip.name, clip.truth().labels.tolist()) for clip in clips] == [
        ("cam1/001", [1, 0, 0]),
        ("cam2/001.mp4", [0, 0, 0, 1]),
        ("cam2/001.MKV", [0, 0]),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": None}, "expected an object 'train' of clips"),
        ({"test": {}}, "expected test clips of the kind labelled, got none"),
        ({"train": {"01": {"file": "train_02.mp4"}}}, r"expected clip 01 at .*train_02\.mp4, which does not exist"),
        ({"train": {"01": {"file": "train_01.mp4", "frames": 6}}}, "labels, clip 01: expected 6 frames, .* got 5"),
        (
            {"test": {"01": {"file": "test_01.mp4"}}},
            "clip 01: expected one of labels, intervals, times, got none",
        ),
        ({"test": {"01": "test_01.mp4"}}, "clip 01: expected an object with `file`"),
        (
            {"train": {"01": {"file": "./test_01.mp4"}}},
            "clip 01: expected a file that is not in train, got that of clip",
        ),
        ({"train": {"01": {"file": "."}}}, "clip 01: expected the name of a video"),
        ({"train": {"01": {"file": ""}}}, "clip 01: expected the name of a video"),
        ({"train": {"01": {"file": 5}}}, "clip 01: expected an object with `file`"),
        ({"train": {"01": {"file": "labels.json"}}}, "clip 01: expected a video or a folder of pictures, got .*json"),
        ({"fps": None}, "labels, clip 02: expected `fps` in labels.json for a folder of pictures"),
    ],
)
def test_bad_documents_are_refused_when_opened(root, changes, message):
    save(root, **changes)
    with pytest.raises(DatasetError, match=message):
        open_dataset(root)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"labels": [0, 1]}, r"clip 01: expected 6 labels, one a frame of .*test_01\.mp4, got 2"),
        ({"intervals": [[4, 6]]}, "clip 01: expected intervals within frames 0 to 5, got 4 to 6"),
    ],
)
def test_labels_that_do_not_fit_the_video_are_refused(root, entry, message):
    save(root, test={"01": {"file": "test_01.mp4"} | entry})
    with pytest.raises(DatasetError, match=message):
        open_dataset(root).test[0].truth()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,split,start,end\n", "last or file,split,from,until, got file,split,start,end"),
        ("file,split,first,last\ntest_01.mp4,dev,1,2\n", "line 2: expected the split train or test, got 'dev'"),
        ("file,split,first,last\ntest_01.mp4,test,1,\n", "line 2: expected frame numbers"),
        ("file,split,first,last\ntrain_01.mp4,train,2,3\n", r"line 2: expected nothing marked in train_01\.mp4"),
        ("file,split,from,until\ntrain_01.mp4,train,0:01,\n", r"line 2: expected nothing marked in train_01\.mp4"),
        (
            "file,split,first,last\ntrain_01.mp4,train,,\n./train_01.mp4,test,1,2\n",
            r"line 3: expected each file in train or in test, got train_01\.mp4 in both \(.*line 2\)",
        ),
        ("file,split,first,last\n,train,,\n", "line 2: expected the name of a video"),
        ("file,split,first,last\ntrain_01.mp4,train,,\n./.,test,1,2\n", "line 3: expected the name of a video"),
        (
            f"file,split,first,last\ntrain_01.mp4,train,,\n{'x' * 200_000},test,,\n",
            "line 3: expected a row of a table, .* larger than field limit",
        ),
        ('"' + "x" * 200_000, "line 1: expected a row of a table"),
        (
            "file,split,first,last\ntrain_01.mp4,train,,\nlabels.csv,test,,\n",
            r"line 3: expected a video or a folder of pictures, got .*labels\.csv",
        ),
        ("file,split,first,last\nnone.mp4,train,,\n", r"line 2: expected clip none at .*none\.mp4, which does not"),
        (f"file,split,first,last\n{'x' * 300}.mp4,train,,\n", "line 2: "),
    ],
)
def test_bad_csv(root, text, message):
    (root / "labels.json").unlink()
    (root / "labels.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        open_dataset(root)


def test_boxes_without_a_size_are_refused(root):
    save(root, boxes={"01": [[]] * 6}, size=None)
    with pytest.raises(DatasetError, match="expected `size`"):
        open_dataset(root)


def test_damaged_json_says_where(root):
    (root / "labels.json").write_text('{"train": {},\n "test" {}}')
    with pytest.raises(DatasetError, match=r"expected JSON in .*labels\.json, got an error at line 2"):
        open_dataset(root)


@pytest.mark.shared_data
@pytest.mark.skipif(not PED2.is_dir(), reason="needs ../shared/data/ped2")
def test_ped2_as_shared():
    dataset = open_dataset(PED2)
    assert (len(dataset.train), len(dataset.test)) == (16, 6)
    truths = [clip.truth() for clip in dataset.test]
    assert sum(len(truth.labels) for truth in truths) == 1020
    assert sum(int((truth.labels == 0).sum()) for truth in truths) == 230
    # every anomalous frame has a region and no other has; links follow the cyclists through occlusions
    for truth in truths:
        assert [len(regions) > 0 for regions in truth.regions] == truth.labels.astype(bool).tolist()
    assert [len({int(t) for r in truth.regions for t in r.tracks}) for truth in truths] == [1, 1, 2, 2, 1, 2]
