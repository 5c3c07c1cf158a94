from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.heads.registry import GROUP, find_head, head_names, load_head
from models.packs import PackLibrary
from models.runtime import Graph
from support.distribution import write_distribution

ACME = """
class Ripples:
    name = "ripples"

    @classmethod
    def from_pack(cls, pack, open_graph):
        head = cls()
        head.pack = pack
        return head
"""


def no_graph(path: Path) -> Graph:
    raise AssertionError(f"expected no graph to be opened, got {path}")


def test_a_head_comes_from_its_pack() -> None:
    pack = PackLibrary().get("attributes")
    assert load_head(pack, no_graph).name == "attributes"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": "svm"}, "expected a head of .*attributes.*, got svm"),
        ({"parameters": {"densities": "knn"}}, "got \\['densities'\\]"),
    ],
)
def test_what_a_pack_asks_for_and_no_head_has_is_refused(changes: dict[str, object], message: str) -> None:
    pack = PackLibrary().get("attributes")
    with pytest.raises(ValueError, match=message):
        load_head(replace(pack, manifest=pack.manifest.model_copy(update=changes)), no_graph)


def test_a_detectors_pack_holds_no_head() -> None:
    with pytest.raises(ValueError, match="expected a pack of kind head, got 'motion' of kind detector"):
        load_head(PackLibrary().get("motion"), no_graph)


# ---- heads of other distributions


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    points = {
        "ripples": "acme_ripples:Ripples",
        "attributes": "acme_ripples:Ripples",
        "broken": "acme_ripples:Nobody",
        "far": "acme_nowhere:Ripples",
        "leaving": "acme_leaving:Ripples",
    }
    write_distribution(tmp_path, "acme_ripples", ACME, {GROUP: points})
    (tmp_path / "acme_leaving.py").write_text("raise SystemExit('no licence')\n")


@pytest.mark.usefixtures("acme")
def test_another_distribution_brings_a_head() -> None:
    assert {"attributes", "svad", "ripples", "far"} <= set(head_names())
    pack = PackLibrary().get("attributes")
    mine = replace(pack, manifest=pack.manifest.model_copy(update={"head": "ripples"}))
    head = load_head(mine, no_graph)
    assert head.name == "ripples"
    assert head.pack is mine  # type: ignore[attr-defined]


@pytest.mark.usefixtures("acme")
def test_a_head_in_the_tree_is_not_replaced() -> None:
    assert find_head("attributes").name == "attributes"
    assert head_names().count("attributes") == 1


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("name", ["broken", "far", "leaving"])
def test_a_head_that_cannot_be_imported_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(ValueError, match=f"expected head {name} from acme_.*, which cannot be imported: .*"):
        find_head(name)


def test_without_the_distribution_there_is_no_such_head() -> None:
    assert "ripples" not in head_names()
    with pytest.raises(ValueError, match="expected a head of attributes, svad, got ripples"):
        find_head("ripples")
