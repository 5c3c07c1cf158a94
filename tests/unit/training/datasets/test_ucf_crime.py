import pytest

from training.datasets import DatasetError, open_dataset

ANNOTATIONS = """Abuse028_x264.mp4  Abuse  3  5  -1  -1
Arson011_x264.mp4  Arson  1  2  5  99

Normal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1
"""


@pytest.fixture
def root(tmp_path, write_video):
    write_video(tmp_path / "Anomaly-Videos-Part-1" / "Abuse" / "Abuse028_x264.mp4", 6, 30)
    write_video(tmp_path / "Anomaly-Videos-Part-1" / "Abuse" / "Abuse001_x264.mp4", 6, 30)
    write_video(tmp_path / "Anomaly-Videos-Part-1" / "Arson" / "Arson011_x264.mp4", 7, 30)
    write_video(tmp_path / "Testing_Normal_Videos_Anomaly" / "Normal_Videos_003_x264.mp4", 4, 30)
    write_video(tmp_path / "Training-Normal-Videos-Part-1" / "Normal_Videos001_x264.mp4", 5, 30)
    write_video(tmp_path / "Training_Normal_Videos_Anomaly" / "Normal_Videos002_x264.mp4", 5, 30)
    (tmp_path / "Temporal_Anomaly_Annotation_for_Testing_Videos.txt").write_text(ANNOTATIONS)
    return tmp_path


def test_normal_videos_train_annotated_videos_test(root):
    dataset = open_dataset(root)
    assert dataset.kind == "ucf-crime"
    assert [clip.name for clip in dataset.train] == ["Normal_Videos001_x264", "Normal_Videos002_x264"]
    labels = {clip.name: clip.truth().labels.tolist() for clip in dataset.test}
    assert labels == {
        "Abuse028_x264": [0, 0, 1, 1, 1, 0],
        "Arson011_x264": [1, 1, 0, 0, 1, 1, 1],  # the published interval ends behind the video
        "Normal_Videos_003_x264": [0, 0, 0, 0],
    }


def test_an_event_that_begins_behind_the_video_is_refused(root):
    file = root / "Temporal_Anomaly_Annotation_for_Testing_Videos.txt"
    file.write_text(ANNOTATIONS.replace("3  5", "9  12"))
    with pytest.raises(DatasetError, match=r"clip Abuse028_x264: expected intervals within frames 0 to 5"):
        open_dataset(root).test[0].truth()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Abuse099_x264.mp4  Abuse  3  5  -1  -1", "names Abuse099_x264.mp4, which is nowhere below"),
        ("Abuse028_x264.mp4  Abuse  3  5", "line 1: expected a file, a class and four frame numbers"),
        ("Abuse028_x264.mp4  Abuse  3  five  -1  -1", "line 1: expected a file, a class and four frame numbers"),
    ],
)
def test_bad_annotations(root, line, message):
    (root / "Temporal_Anomaly_Annotation_for_Testing_Videos.txt").write_text(line)
    with pytest.raises(DatasetError, match=message):
        open_dataset(root)
