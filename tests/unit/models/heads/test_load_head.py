from __future__ import annotations

from dataclasses import replace

import pytest

from models.heads.registry import load_head
from models.packs import PackLibrary


def test_a_head_comes_from_its_pack() -> None:
    pack = PackLibrary().get("attributes")
    assert load_head(pack).name == "attributes"


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
        load_head(replace(pack, manifest=pack.manifest.model_copy(update=changes)))


def test_a_detectors_pack_holds_no_head() -> None:
    with pytest.raises(ValueError, match="expected a pack of kind head, got 'motion' of kind detector"):
        load_head(PackLibrary().get("motion"))
