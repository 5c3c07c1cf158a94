from __future__ import annotations

import pytest

from service.extensions import extension, extensions
from support.distribution import write_distribution

GROUP = "watchword.tests"


@pytest.fixture(autouse=True)
def distributions(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    points = {
        "one": "acme_ext:one",
        "broken": "acme_ext:nobody",
        "far": "acme_nowhere:one",
        "leaving": "acme_leaving:one",
    }
    write_distribution(tmp_path, "acme_ext", "one = 1\n", {GROUP: points})
    (tmp_path / "acme_leaving.py").write_text("raise SystemExit('no licence')\n")
    write_distribution(tmp_path, "bolt_ext", "one = 2\ntwo = 2\n", {GROUP: {"broken": "bolt_ext:two"}})


def test_gives_one_by_name():
    assert extension(GROUP, "one") == 1
    assert extension(GROUP, "nobody") is None
    assert extension("watchword.nothing", "one") is None


def test_one_that_fails_is_named_and_left_out(caplog):
    assert extension(GROUP, "far") is None
    assert f"{GROUP} far (acme_nowhere:one) is left out: ModuleNotFoundError" in caplog.text
    assert extension(GROUP, "leaving") is None
    assert "is left out: SystemExit: no licence" in caplog.text


def test_another_of_the_same_name_takes_the_place_of_one_that_fails():
    assert extension(GROUP, "broken") == 2
    assert extensions(GROUP) == {"one": 1, "broken": 2}
