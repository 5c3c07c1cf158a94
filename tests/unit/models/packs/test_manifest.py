"""Manifests: each thing that can be wrong with one, and what is said of it."""

from __future__ import annotations

import pytest

from models.packs import (
    Pack,
    PackError,
    parse_manifest,
)
from support.pack_folders import refused, write


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        pytest.param({"format": 2}, "unknown_format", "expected format 1.*got 2", id="of the future"),
        pytest.param({"format": None}, "unknown_format", "got None", id="no format"),
        pytest.param(
            {"format": 2, "requires": "0.7.0", "colour": "red"},
            "unknown_format",
            "expected format 1.*got 2; the pack needs watchword 0.7.0 or newer, this is 0",
            id="of the future, which says what it needs",
        ),
        pytest.param(
            {"requires": "999.1", "kind": "tracker"},
            "program_too_old",
            "the pack needs watchword 999.1 or newer, this is 0",
            id="of this format, for a newer program",
        ),
        pytest.param({"requires": "soon"}, "bad_manifest", "requires", id="for no version"),
        pytest.param({"requires": 2}, "bad_manifest", "requires", id="for a version that is a number"),
        pytest.param({"kind": "tracker"}, "bad_manifest", "'head', 'detector', 'encoder'", id="unknown kind"),
        pytest.param({"colour": "red"}, "unknown_key", "colour: expected no such key", id="unknown key"),
        pytest.param({"name": "../mine"}, "bad_manifest", "name", id="name that leads out"),
        pytest.param({"name": "Mine"}, "bad_manifest", "name", id="name in capitals"),
        pytest.param({"licence": ""}, "bad_manifest", "licence", id="no licence"),
        pytest.param({"classes": []}, "bad_manifest", "classes", id="no classes"),
        pytest.param({"classes": ["car", "car"]}, "bad_manifest", "different names", id="a class twice"),
        pytest.param({"confidence": 1.5}, "bad_manifest", "confidence", id="confidence above 1"),
        pytest.param({"confidence": "0.5"}, "bad_manifest", "confidence", id="a number as a text"),
        pytest.param({"input": [416, 400]}, "bad_manifest", "input", id="input no multiple of 32"),
        pytest.param({"input": [416]}, "bad_manifest", "input", id="input of one side"),
        pytest.param({"tiles": [9, 1]}, "bad_manifest", "tiles", id="too many tiles"),
        pytest.param({"layout": "R-CNN"}, "bad_manifest", "layout", id="layout in capitals"),
        pytest.param({"layout": "motion"}, "bad_manifest", "no graph, got", id="motion with a graph"),
        pytest.param({"graph": None}, "bad_manifest", "expected graph, conf", id="yolox without a graph"),
    ],
)
def test_manifests_that_are_refused(detector, changes, code, said):
    folder, manifest = detector
    write(folder, {**manifest, **changes})
    error = refused(folder)
    assert error.code == code
    with pytest.raises(PackError, match=said):
        Pack.load(folder)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "bad_manifest"),
        (b"{", "bad_manifest"),
        (b"[]", "bad_manifest"),
        (b"\xff\xfe", "bad_manifest"),
        (b"[" * 100_000, "bad_manifest"),
        (b'{"format": 1}', "bad_manifest"),
    ],
)
def test_what_is_no_manifest(text, code):
    with pytest.raises(PackError) as caught:
        parse_manifest(text)
    assert caught.value.code == code
