"""Captions and rules about postures, over a recording that is written by hand."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from models.guidance.captions import SOMETHING, Caption
from models.guidance.effect import Judgement
from models.guidance.rules import Seen
from training.studies import postures
from training.studies.postures import MovedFrames, Watched, measure, said_of, study_postures
from training.studies.replay import Recording, Replayed

LIES = Caption("a person lying down", ("person", "person lying"))
STANDS = Caption("a person standing still", ("person", "person standing"))
RAISES = Caption("a person standing still with raised arms", ("person", "person standing", "person arms raised"))
UNSAID = Caption("a person", ("person",))
FRAMES: list[tuple[str | None, list[tuple[Caption, float]]]] = [
    ("lying", [(LIES, 0.2), (STANDS, 0.1)]),
    ("lying", [(LIES, 0.1), (STANDS, 0.2)]),
    ("lying", []),
    ("standing", [(STANDS, 0.2)]),
    ("standing", [(RAISES, 0.2)]),
    ("standing", [(SOMETHING, 0.5)]),
    ("standing", [(UNSAID, 0.5)]),
    (None, [(LIES, 0.2)]),
]


def watched() -> Watched:
    rows = [row for _, seen in FRAMES for row in seen]
    counts = [len(seen) for _, seen in FRAMES]
    boxes = np.array([[0.1, 0.1, side, side] for _, side in rows], np.float32)
    seen = Seen(boxes, np.zeros((len(rows), 0), np.float32), tuple(one for one, _ in rows), np.full(len(rows), 2.0))
    steps, count = np.arange(len(FRAMES)), len(FRAMES)
    recording = Recording(
        "clip",
        steps,
        steps / 10,
        np.zeros(count, np.int64),
        np.full(count, 2.0),
        np.zeros(count),
        np.full(count, 2.0),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        seen,
        np.full(len(rows), -1),
        ("person",) * len(rows),
        (640, 480),
        cast("Any", None),
        3.0,
    )
    return Watched(recording, tuple(done for done, _ in FRAMES))


class LiftsWhoLies:
    """Rules that lift everybody whose caption says that they lie."""

    def judge(self, recording: Recording, _text: str, _verdict: str) -> Judgement:
        lies = np.array([one == LIES for one in recording.seen.captions])
        return Judgement(np.zeros(len(lies)), 6.0 * lies, ((),) * len(lies))


def test_the_largest_person_is_what_counts() -> None:
    assert list(said_of(watched())) == [
        ("lying", "lying", False),
        ("lying", "standing", False),
        ("lying", "nobody seen", False),
        ("standing", "standing", False),
        ("standing", "standing", True),
        ("standing", "nobody seen", False),
        ("standing", "a person", False),
    ]


def test_a_table_of_what_is_said_of_each_posture() -> None:
    study = study_postures([watched(), watched()])
    assert study.figures["postures"]["lying"] == {
        "lying": 2,
        "standing": 2,
        "nobody seen": 2,
        "frames": 6,
        "arms raised": 0,
    }
    assert study.figures["postures"]["standing"]["arms raised"] == 2
    assert "| standing | 8 | 50.0 % |" in study.text


def test_frames_that_a_rule_moves(monkeypatch) -> None:
    def lifted(recording: Recording, judgement: Judgement) -> Replayed:
        after = np.maximum(recording.seen.surprise, judgement.lift)
        frames = np.array([after[recording.rows(frame)].max(initial=0.0) for frame in range(len(recording.pts))])
        return Replayed(frames, after)

    monkeypatch.setattr(postures, "replay", lifted)
    found = measure([watched()], cast("Any", LiftsWhoLies()), "a person lying", "anomaly", "lying")
    assert found == MovedFrames(
        named=3, seen=2, matched=2, moved=2, alerting=2, others=4, others_matched=0, others_moved=0
    )


def test_a_paraphrase_does_the_same_if_it_misses_little_and_adds_hardly_anything() -> None:
    rule = MovedFrames(100, 100, 90, 90, 90, 1000, 10, 10)
    assert MovedFrames(100, 100, 80, 80, 80, 1000, 25, 25).same_as(rule)
    assert not MovedFrames(100, 100, 60, 60, 60, 1000, 10, 10).same_as(rule)
    assert not MovedFrames(100, 100, 90, 90, 90, 1000, 100, 100).same_as(rule)
    nothing = MovedFrames(100, 100, 0, 0, 0, 1000, 0, 0)
    assert not nothing.same_as(nothing)
