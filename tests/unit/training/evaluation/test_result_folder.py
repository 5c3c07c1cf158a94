"""An evaluation's folder: what is in it while it runs, and what another one may go on from."""

from __future__ import annotations

import json

import numpy as np
import pytest

from service.errors import InvalidInput
from service.ingest.damage import Damage
from training.datasets import LabelledClip, Truth
from training.evaluation.result_folder import ResultFolder
from training.evaluation.scored_clip import ScoredClip

ABOUT = {"packs": {"attributes": "abc"}, "fps": None, "seed": 0}
TRUTH = Truth.of(np.arange(20) > 12)


def scored(tmp_path, threshold=4.0):
    clip = LabelledClip("1", tmp_path / "1.mp4", 5.0)
    index = np.arange(20)
    values = np.linspace(0.0, 5.0, 20)
    return ScoredClip(clip, TRUTH, index, index / 5.0, values, values, threshold, ((15, 20),), None, 0, 1.5, Damage())


def test_what_is_kept_is_given_to_who_resumes(tmp_path):
    clip = scored(tmp_path)
    ResultFolder(tmp_path, ABOUT).keep(clip)
    assert sorted(path.name for path in tmp_path.rglob("1.*")) == ["1.csv", "1.npz"]
    resumed = ResultFolder(tmp_path, ABOUT, resume=True)
    again = resumed.kept(clip.clip, TRUTH, 4.0)
    np.testing.assert_array_equal(again.surprise, clip.surprise)
    assert resumed.kept(clip.clip, TRUTH, 3.9) is None  # learned otherwise, so scored otherwise


def test_who_begins_again_finds_nothing(tmp_path):
    clip = scored(tmp_path)
    ResultFolder(tmp_path, ABOUT).keep(clip)
    assert ResultFolder(tmp_path, ABOUT).kept(clip.clip, TRUTH, 4.0) is None
    # and neither does who resumes that one
    assert ResultFolder(tmp_path, ABOUT, resume=True).kept(clip.clip, TRUTH, 4.0) is None


def test_an_evaluation_of_something_else_is_not_resumed(tmp_path):
    clip = scored(tmp_path)
    ResultFolder(tmp_path, ABOUT).keep(clip)
    for other in (ABOUT | {"fps": 5.0}, ABOUT | {"packs": {"attributes": "abd"}}):
        with pytest.raises(InvalidInput, match=r"expected the evaluation begun in .* to be resumed; got"):
            ResultFolder(tmp_path, other, resume=True)
    # it is still there for who asks for the same
    assert ResultFolder(tmp_path, ABOUT, resume=True).kept(clip.clip, TRUTH, 4.0) is not None


def test_there_may_be_nothing_to_resume(tmp_path):
    folder = ResultFolder(tmp_path / "new", ABOUT, resume=True)
    assert folder.kept(scored(tmp_path).clip, TRUTH, 4.0) is None


def test_figures_replace_those_before(tmp_path):
    folder = ResultFolder(tmp_path, ABOUT)
    for count in (1, 2):
        folder.write({"clips": count})
        assert json.loads((tmp_path / "metrics.json").read_text()) == {"clips": count}
    assert not list(tmp_path.glob("*.part"))
