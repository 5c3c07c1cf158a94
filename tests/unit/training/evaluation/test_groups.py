"""How clips are put together by what they are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from service.ingest.damage import Damage
from training.datasets import LabelledClip, Truth
from training.evaluation.groups import group_of, groups_of
from training.evaluation.scored_clip import ScoredClip


def clip(name: str, scene: str = "", alert: bool = False, frames: int = 36_000) -> ScoredClip:
    """An hour at ten frames a second; the event is its last tenth, in clips that are called a test."""
    labels = np.zeros(frames, np.uint8)
    if "test" in name:
        labels[-frames // 10 :] = 1
    index = np.arange(frames)
    values = labels + index / frames
    alerts = ((100, 200),) if alert else ()
    labelled = LabelledClip(name, Path(f"{name}.mp4"), 10.0, scene)
    return ScoredClip(
        labelled, Truth.of(labels), index, index / 10.0, values, values, 4.0, alerts, None, 0, 1.0, Damage()
    )


@pytest.mark.parametrize(
    ("name", "scene", "group"),
    [
        ("normal_06-23", "", "normal_06"),
        ("test", "", "test"),
        ("a01_t3", "", "a01_t"),
        ("01_0014", "01", "01"),
        ("03", "", ""),
        ("monday/gate 2", "", "monday/gate"),
    ],
)
def test_a_group_is_the_scene_or_the_name_without_its_last_number(name, scene, group):
    assert group_of(clip(name, scene, frames=10)) == group


def test_normal_hours_stand_apart_from_the_test():
    figures = groups_of([clip("normal_06-00", alert=True), clip("normal_06-03"), clip("test")], 5.0)
    assert list(figures) == ["normal_06", "test"]
    normal, test = figures["normal_06"], figures["test"]
    assert (normal["clips"], normal["events"], normal["micro_auc"]) == (2, 0, None)
    assert (normal["false_alerts"]["alerts"], normal["false_alerts"]["hours"]) == (1, pytest.approx(2.0))
    assert normal["false_alerts"]["promised_per_day"] == 5.0
    assert (test["events"], test["noticed"], test["micro_auc"]) == (1, 0, 1.0)


def test_no_groups_where_they_would_say_nothing():
    assert groups_of([clip("01", frames=20), clip("02", frames=20)], None) == {}  # one group
    assert groups_of([clip("a", frames=20), clip("b", frames=20)], None) == {}  # as many as clips
    assert set(groups_of([clip(name, frames=20) for name in ("1", "2", "gate")], None)) == {"others", "gate"}
