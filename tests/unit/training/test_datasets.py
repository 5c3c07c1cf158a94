import pytest

from training.datasets import ADAPTERS, DatasetError, open_dataset


def test_an_unknown_layout_lists_what_was_looked_for(tmp_path):
    (tmp_path / "holiday.mov").touch()
    with pytest.raises(DatasetError) as caught:
        open_dataset(tmp_path)
    message = str(caught.value)
    assert all(adapter.LOOKS_FOR in message for adapter in ADAPTERS.values())
    assert "holiday.mov" in message


def test_a_missing_folder(tmp_path):
    with pytest.raises(DatasetError, match=r"expected the folder of a data set at .*nowhere, which is not a folder"):
        open_dataset(tmp_path / "nowhere")


def test_an_unknown_kind_lists_the_kinds(tmp_path):
    with pytest.raises(DatasetError, match=r"expected a kind of data set \(virtual, labelled, .*\), got 'ped3'"):
        open_dataset(tmp_path, "ped3")


def test_a_kind_overrules_the_layout(tmp_path, write_pictures):
    write_pictures(tmp_path / "Train" / "Train001", 2, ".tif")
    write_pictures(tmp_path / "Test" / "Test001", 2, ".tif")
    (tmp_path / "Test" / "UCSDped2.m").write_text("TestVideoFile{end+1}.gt_frame = [1:1];")
    (tmp_path / "labels.csv").write_text("file,split,first,last\n")
    assert open_dataset(tmp_path, "ucsd").name
    with pytest.raises(DatasetError, match="expected training clips of the kind labelled"):
        open_dataset(tmp_path)
