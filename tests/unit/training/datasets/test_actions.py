"""Data sets of actions, on miniatures of their published layouts."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat  # type: ignore[import-untyped]

from support.video import picture, write_video
from training.datasets import DatasetError
from training.datasets.actions import ADAPTERS, ActionDataset, Split, open_actions


def clip(path: Path, frames: int = 6) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_video(path, frames, width=64, height=48, codec="mpeg4" if path.suffix == ".avi" else "libx264")


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def summary(dataset: ActionDataset, split: Split) -> list[tuple[str, str, str]]:
    return [
        (sample.name, sample.action, str(sample.clip.relative_to(dataset.root))) for sample in dataset.samples(split)
    ]


@pytest.fixture
def hmdb51(tmp_path: Path) -> Path:
    still, shaky = "April_09_brush_hair_u_nm_np1_ba_goo_0.avi", "Rad_ride_bike_f_cm_np1_ri_med_2.avi"
    clip(tmp_path / "videos/brush_hair" / still)
    clip(tmp_path / "videos/ride_bike" / shaky)
    text(tmp_path / "testTrainMulti_7030_splits/brush_hair_test_split1.txt", f"{still} 1 \nother_clip.avi 0 \n")
    text(tmp_path / "testTrainMulti_7030_splits/ride_bike_test_split1.txt", f"{shaky} 2 \n")
    text(tmp_path / "testTrainMulti_7030_splits/ride_bike_test_split2.txt", f"{shaky} 1 \n")
    return tmp_path


def test_hmdb51(hmdb51: Path) -> None:
    dataset = open_actions(hmdb51)
    assert (dataset.kind, dataset.actions) == ("hmdb51", ("brush hair", "ride bike"))
    name = "April_09_brush_hair_u_nm_np1_ba_goo_0"
    assert summary(dataset, "train") == [(f"brush_hair/{name}", "brush hair", f"videos/brush_hair/{name}.avi")]
    assert [sample.still for split in ("train", "test") for sample in dataset.samples(split)] == [True, False]


def test_hmdb51_names_what_is_wrong(hmdb51: Path) -> None:
    listed = hmdb51 / "testTrainMulti_7030_splits/ride_bike_test_split1.txt"
    listed.write_text("Rad_ride_bike_f_cm_np1_ri_med_2.avi 3\n")
    with pytest.raises(DatasetError, match=r"expected lines NAME.avi and 0, 1 or 2, got 'Rad.* 3'"):
        open_actions(hmdb51)
    listed.write_text("gone.avi 1\n")
    with pytest.raises(DatasetError, match=r"expected a clip of HMDB51 at .*gone.avi, which does not exist"):
        open_actions(hmdb51)


@pytest.fixture
def ucf_sports(tmp_path: Path) -> Path:
    for number in range(1, 4):
        folder = tmp_path / "ucf action/Diving-Side" / f"{number:03d}"
        for index in range(2):
            text(folder / "gt" / f"2538-5_7013{index}.txt", f"16\t12\t32\t24\tDiving-Side\t{index}\n")
        clip(folder / "2538-5_70133.avi")
    pictures = tmp_path / "ucf action/Golf-Swing-Back/001"
    pictures.mkdir(parents=True)
    cv2.imwrite(str(pictures / "3283-8_700741.jpg"), picture(0, 64, 48))
    return tmp_path


def test_ucf_sports(ucf_sports: Path) -> None:
    dataset = open_actions(ucf_sports)
    assert dataset.actions == ("diving", "swinging a golf club")
    assert [sample.name for sample in dataset.samples("test")] == ["Diving-Side/001"]  # the first third
    diving, *_, golf = dataset.samples("train")
    assert diving.boxes is not None
    boxes = diving.boxes()
    assert sorted(boxes) == [0, 1]
    np.testing.assert_allclose(boxes[0], (0.25, 0.25, 0.5, 0.5))
    assert (golf.clip.name, golf.fps, golf.boxes) == ("001", 10.0, None)  # pictures alone


def test_ucf_sports_refuses_a_box_that_is_none(ucf_sports: Path) -> None:
    text(ucf_sports / "ucf action/Diving-Side/002/gt/2538-5_70130.txt", "Diving-Side")
    sample = next(iter(open_actions(ucf_sports).samples("train")))
    assert sample.boxes is not None
    with pytest.raises(DatasetError, match="expected x, y, width and height in pixels, got 'Diving-Side'"):
        sample.boxes()


@pytest.mark.parametrize("by_action", [True, False])
def test_weizmann(tmp_path: Path, by_action: bool) -> None:
    for name in ("daria_bend", "lena_walk2", "eli_wave2", "shahar_walk"):
        clip(tmp_path / (name.split("_")[1].rstrip("2") if by_action else "") / f"{name}.avi")
    masks = np.zeros((48, 64, 3), np.uint8)
    masks[12:36, 16:48, 1] = 1
    savemat(tmp_path / "classification_masks.mat", {"original_masks": {"daria_bend": masks}})
    dataset = open_actions(tmp_path)
    assert dataset.actions == ("bending down", "walking", "waving both hands")
    assert [sample.name for sample in dataset.samples("test")] == ["shahar_walk"]
    bend, wave, _ = dataset.samples("train")
    assert bend.boxes is not None
    assert wave.boxes is not None
    boxes = bend.boxes()
    assert sorted(boxes) == [1]  # the person is in no other frame
    np.testing.assert_allclose(boxes[1], (0.25, 0.25, 0.5, 0.5))
    with pytest.raises(DatasetError, match="expected original_masks with a field eli_wave2"):
        wave.boxes()


SEQUENCES = """Sequences of the database and the frames of their actions

Training: person11, 12, ...

person01_boxing_d1		frames	1-3, 4-6
person11_running_d2		frames	1-6
person13_handclapping_d3	*missing*
"""


@pytest.fixture
def kth(tmp_path: Path) -> Path:
    text(tmp_path / "00sequences.txt", SEQUENCES)
    clip(tmp_path / "boxing/person01_boxing_d1_uncomp.avi")
    clip(tmp_path / "running/person11_running_d2_uncomp.avi")
    return tmp_path


def test_kth(kth: Path) -> None:
    dataset = open_actions(kth)
    assert [(one.name, one.start, one.end, one.still) for one in dataset.samples("validation")] == [
        ("person01_boxing_d1/1", 0, 3, None),
        ("person01_boxing_d1/2", 3, 6, None),
    ]
    (running,) = dataset.samples("train")
    assert (running.action, running.still) == ("running", False)  # setting d2 zooms
    with pytest.raises(DatasetError, match=r"expected a split that it has \(train, validation\), got 'test'"):
        dataset.samples("test")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("person26_boxing_d1 frames 1-3", "expected people 01 to 25, got person26_boxing_d1"),
        ("person01_boxing_d1 frames 0-3", "expected frames FIRST-LAST counted from 1, got 0-3"),
        ("person01_jumping_d1 frames 1-3", "expected one of the actions boxing, .* got 'jumping'"),
        ("person02_boxing_d1 frames 1-3", "expected a video of KTH at .*, which does not exist"),
        ("nothing of the kind", "expected lines such as"),
    ],
)
def test_kth_names_what_is_wrong(kth: Path, line: str, expected: str) -> None:
    text(kth / "00sequences.txt", line)
    with pytest.raises(DatasetError, match=expected):
        open_actions(kth)


HEADER = "label,youtube_id,time_start,time_end,split,is_cc\n"


@pytest.fixture
def kinetics(tmp_path: Path) -> Path:
    text(
        tmp_path / "annotations/train.csv",
        HEADER + "riding a bike,-3B32lodo2M,59,69,train,0\nabseiling,vanished000,1,11,train,0\n",
    )
    text(tmp_path / "annotations/val.csv", HEADER + '"air drumming",_dbcJuKJQNs,40,50,val,0\n')
    text(tmp_path / "annotations/test.csv", "youtube_id,time_start,time_end,split\n--6bJUbfpnQ,17,27,test\n")
    clip(tmp_path / "train/-3B32lodo2M_000059_000069.mp4")
    clip(tmp_path / "val/air_drumming/_dbcJuKJQNs_000040_000050.mp4")
    return tmp_path


def test_kinetics_400(kinetics: Path) -> None:
    dataset = open_actions(kinetics)
    assert (len(dataset), dataset.missing) == (2, 1)
    stem = "-3B32lodo2M_000059_000069"
    assert summary(dataset, "train") == [(f"train/{stem}", "riding a bike", f"train/{stem}.mp4")]
    assert [sample.action for sample in dataset.samples("validation")] == ["air drumming"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("label,id\nx,y\n", "expected the columns label, youtube_id, .*: no youtube_id"),
        (HEADER + "riding a bike,-3B32lodo2M,soon,69,train,0\n", "train.csv:2: expected time_start and time_end"),
    ],
)
def test_kinetics_400_names_what_is_wrong(kinetics: Path, content: str, expected: str) -> None:
    text(kinetics / "annotations/train.csv", content)
    with pytest.raises(DatasetError, match=expected):
        open_actions(kinetics)


def test_kinetics_400_without_a_clip(kinetics: Path) -> None:
    for video in kinetics.rglob("*.mp4"):
        video.unlink()
    with pytest.raises(DatasetError, match="got none of the 3 listed"):
        open_actions(kinetics)


def test_an_unknown_layout_says_what_was_looked_for(tmp_path: Path) -> None:
    text(tmp_path / "holiday.txt", "")
    with pytest.raises(DatasetError, match="holiday") as raised:
        open_actions(tmp_path)
    assert all(kind in str(raised.value) for kind in ADAPTERS)


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [("nowhere", None, "which is not a folder"), ("", "ucf101", "expected a kind of data set (hmdb51, ")],
)
def test_what_cannot_be_opened(tmp_path: Path, path: str, kind: str | None, expected: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(expected)):
        open_actions(tmp_path / path, kind)
