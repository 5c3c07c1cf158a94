from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from training.studies.margin import MarginSplit, _pooled, _told, pieces


def frames(times: list[float]) -> Any:
    return iter([SimpleNamespace(frame=SimpleNamespace(pts=at)) for at in times])


@pytest.mark.parametrize(
    ("times", "lengths"),
    [
        ([], []),
        ([0.0, 1, 2, 3], [4]),
        ([5.0, 9.0, 14.0, 15.0, 24.0, 25.0, 26.0], [3, 2, 2]),
        ([0.0, 100.0], [1, 1]),
    ],
)
def test_a_clip_is_cut_by_its_time(times: list[float], lengths: list[int]) -> None:
    cut = [[each.frame.pts for each in piece] for piece in pieces(frames(times), 10.0)]
    assert [len(piece) for piece in cut] == lengths
    assert [at for piece in cut for at in piece] == times


def test_what_a_margin_would_have_to_be_on_each_scale() -> None:
    split = MarginSplit(0.1, silent=(2.0, 2.5), reached=(3.0, 5.0))
    assert {scale: split.needed(scale) for scale in ("smoothed", "final", "way")} == {
        "smoothed": 1.5,
        "final": 2.0,
        "way": 0.25,
    }


def test_every_data_set_weighs_the_same() -> None:
    # Of the first all are silent at 1; of the second half of them are, and the other half at 3.
    assert _pooled([np.full(100, 1.0), np.array([1.0, 3.0])]) == 1.0
    assert _pooled([np.array([1.0, 3.0, 4.0, 5.0]), np.array([1.0, 1.0, 1.0, 2.0])]) == 3.0


def test_a_study_tells_each_data_set_and_all() -> None:
    splits = [MarginSplit(0.1, (2.0, 2.0), (reached, reached)) for reached in (1.0, 2.0, 3.0, 4.0)]
    study = _told({"yard": splits})
    figures = cast("dict[str, Any]", study.figures)
    assert figures["datasets"]["yard"]["silent_without"] == 0.5
    assert figures["datasets"]["yard"]["minutes"] == pytest.approx(6.0)
    assert figures["margin"]["smoothed"] == 1.5
    assert "| yard | 4 |" in study.text
