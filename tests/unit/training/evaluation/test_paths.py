from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.paths import result_path

OUT = Path("out")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("01", "out/01.csv"),
        ("Scene 1 (night)", "out/Scene 1 (night).csv"),
        ("cam1/001", "out/cam1/001.csv"),
        ("cam1/001.mp4", "out/cam1/001.mp4.csv"),
        ("Hof/früh", "out/Hof/früh.csv"),
        ("../../etc/passwd", "out/%2E%2E/%2E%2E/etc/passwd.csv"),
        ("/etc/passwd", "out/%/etc/passwd.csv"),
        ("a\\b\n", "out/a%5Cb%0A.csv"),
    ],
)
def test_names(name, expected):
    assert result_path(OUT, name, ".csv") == Path(expected)


@given(st.text(min_size=1, max_size=40))
def test_no_name_leads_out_of_the_folder(name):
    path = result_path(OUT, name, ".csv")
    assert path.parts[0] == "out"
    assert ".." not in path.parts
    assert path.name.endswith(".csv")


@given(st.text(max_size=20), st.text(max_size=20))
def test_different_names_have_different_files(first, second):
    assert (first == second) == (result_path(OUT, first, ".csv") == result_path(OUT, second, ".csv"))
