import pytest

from training.datasets import DatasetError
from training.datasets.text import read_text

TEXT = "file,split\r\nTür.mp4,train\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-marked", "utf-16-be-marked"])
def test_every_way_of_saving_it_reads_the_same(tmp_path, encoding):
    content = {
        "utf-16-le-marked": b"\xff\xfe" + TEXT.encode("utf-16-le"),
        "utf-16-be-marked": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    }.get(encoding) or TEXT.encode(encoding)
    (tmp_path / "labels.csv").write_bytes(content)
    assert read_text(tmp_path / "labels.csv") == TEXT


def test_another_encoding_is_refused_with_its_line(tmp_path):
    (tmp_path / "labels.csv").write_bytes(TEXT.encode("latin-1"))
    with pytest.raises(DatasetError, match=r"labels\.csv: line 2 is not UTF-8\. Save the file as UTF-8"):
        read_text(tmp_path / "labels.csv")
