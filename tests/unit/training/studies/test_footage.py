"""Rules on footage of which the detector's classes are known: events, classes, and what the detector sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from models.guidance.rules import Seen
from models.scoring.calibration import Calibration
from service.errors import InvalidInput
from service.profiles.profile import Profile
from support.words import CYCLIST, WALKER, clip, language
from training.datasets import Regions, Truth
from training.studies.footage import (
    Footage,
    SameMoves,
    WrittenRule,
    coverage_of,
    same_moves,
    study_footage,
    study_wording,
)
from training.studies.replay import Recording, Replayed
from training.text.paraphrases import HeldOutWording, Paraphrases

FRAMES, RIDES = 40, range(20, 35)
WALKS = (0.1, 0.2, 0.1, 0.4)
RIDER = (0.5, 0.5, 0.1, 0.2)
SIZE = (200, 100)


@pytest.fixture(scope="module")
def street() -> Footage:
    """Somebody walks; then somebody on a bicycle comes, whom the detector has as a bicycle and a person in turn."""
    boxes, looks, labels, surprise, counts = [], [], [], [], []
    for frame in range(FRAMES):
        rows = [(WALKS, "walking", "person", 0.3)]
        if frame in RIDES:
            rows.append((RIDER, "riding a bicycle", "bicycle" if frame % 3 else "person", 4.0))
        counts.append(len(rows))
        for box, look, label, value in rows:
            boxes.append(box)
            looks.append(look)
            labels.append(label)
            surprise.append(value)
    captions = tuple(CYCLIST if look == "riding a bicycle" else WALKER for look in looks)
    video = np.stack([clip(look, seed) for seed, look in enumerate(looks)])
    seen = Seen(np.array(boxes, np.float32), video, captions, np.array(surprise))
    fused = np.array([4.0 if frame in RIDES else 0.3 for frame in range(FRAMES)])
    calibration = Calibration.fit(np.linspace(0, 1, 400), np.zeros(400, int))
    profile = Profile({}, calibration, "none", datetime.now(UTC), "test", 400, 40.0, None)
    recording = Recording(
        name="001",
        index=np.arange(FRAMES),
        pts=np.arange(FRAMES) / 10,
        epochs=np.zeros(FRAMES, np.int64),
        fused=fused,
        calm=np.full(FRAMES, 0.3),
        surprise=np.asarray(calibration.surprise(fused)),
        first=np.cumsum([0, *counts]),
        seen=seen,
        tracks=np.arange(len(boxes)),
        labels=tuple(labels),
        size=SIZE,
        profile=profile,
        threshold=3.0,
    )
    anomalous = np.isin(np.arange(FRAMES), RIDES)
    regions = tuple(
        Regions(np.array([RIDER], np.float32), np.zeros(1, np.int64)) if one else Regions.none() for one in anomalous
    )
    return Footage(recording, Truth.of(anomalous, regions))


def rules(*lines: str) -> list[WrittenRule]:
    return [WrittenRule.parse(line) for line in lines]


def test_a_rule_moves_what_it_names_and_leaves_the_rest(street: Footage) -> None:
    study, curves = study_footage([street], rules("normal: bicycles are normal here"), language())
    figures = study.figures["rules"]["normal: bicycles are normal here"]
    (event,) = figures["events"]
    assert (event["start_s"], event["end_s"]) == (2.0, 3.4)
    assert (event["alerts_before"], event["alerts_after"]) == (True, False)
    assert event["after"] < event["before"]
    rides = len(RIDES)
    assert figures["objects"]["bicycle"] == {"seen": 10, "moved": 10}
    assert figures["objects"]["person"] == {"seen": FRAMES + rides - 10, "moved": rides - 10}
    after = curves[0][1]["normal: bicycles are normal here"]
    assert (after[RIDES] < street.recording.surprise[RIDES]).all()
    assert "| 001, 2.0 to 3.4 s |" in study.text


def test_an_anomaly_is_an_event_where_nothing_is_known(street: Footage) -> None:
    unknown = replace(street, truth=None)
    study, _ = study_footage([unknown], rules("anomaly: people on foot are an anomaly here"), language())
    figures = study.figures["rules"]["anomaly: people on foot are an anomaly here"]
    (event,) = figures["events"]  # one stretch now, from the first walker on
    assert (event["start_s"], event["alerts_after"]) == (0.0, True)
    assert study.figures["coverage"] is None


def test_other_ways_of_saying_a_rule_are_held_against_it(street: Footage) -> None:
    cycling = HeldOutWording(rule="bicycles", paraphrases=("people on bikes", "cyclists", "people who walk"))
    wording = Paraphrases(format=1, actions={"cycle": cycling}, unrelated=("the sky is blue",))
    study = study_wording([street], wording, "normal", language())
    figures = study.figures["wording"]["cycle"]
    assert {text: one["same"] for text, one in figures["paraphrases"].items()} == {
        "people on bikes": True,
        "cyclists": True,
        "people who walk": False,
    }
    assert figures["objects"]["bicycle"] == {"seen": 10, "moved": 10}
    assert study.figures["unrelated"]["the sky is blue"]["objects"] == 0.0
    assert "| normal: bicycles | 15 of 55 | 2 of 3 |" in study.text
    assert "| the sky is blue | " in study.text


def test_a_rule_that_moves_nothing_has_no_paraphrases_that_do_the_same(street: Footage) -> None:
    wording = Paraphrases(format=1, actions={"x": HeldOutWording(rule="the sky is blue", paraphrases=("a violin",))})
    study = study_wording([street], wording, "normal", language())
    assert study.figures["wording"]["x"]["paraphrases"]["a violin"]["same"] is False
    assert "| normal: the sky is blue | 0 of 55 | - |" in study.text
    assert "names nothing" not in study.text  # the list has no such sentence


def test_what_doing_the_same_takes(street: Footage) -> None:
    known = street.recording.seen.surprise
    quiet, loud = np.zeros(FRAMES), street.recording.surprise

    def moved(rows: range, frames: np.ndarray) -> list[Replayed]:
        objects = known.copy()
        objects[rows] -= 0.1
        return [Replayed(frames, objects)]

    rule = moved(range(20), quiet)
    assert same_moves([street], rule, rule) == SameMoves(1.0, 0.0, 1, 1)
    fewer = same_moves([street], rule, moved(range(18), quiet))
    assert (fewer.moved, fewer.same) == (0.9, False)
    more = same_moves([street], rule, moved(range(22), quiet))
    assert (more.others, more.same) == (2 / 35, False)
    louder = same_moves([street], rule, moved(range(20), loud))
    assert (louder.events, louder.of_events, louder.same) == (0, 1, False)


def test_coverage_says_as_what_the_detector_sees_an_anomaly(street: Footage) -> None:
    coverage = coverage_of([street])
    assert coverage is not None
    assert coverage.regions == len(RIDES)
    assert coverage.height_px == pytest.approx(20.0)
    assert coverage.by_class == {"bicycle": pytest.approx(10 / 15), "person": pytest.approx(5 / 15)}
    assert coverage.unseen == 0.0


def test_a_moving_region_is_nothing_that_the_detector_sees(street: Footage) -> None:
    blind = replace(street.recording, labels=("motion",) * len(street.recording.labels))
    coverage = coverage_of([replace(street, recording=blind)])
    assert coverage is not None
    assert (coverage.by_class, coverage.unseen) == ({}, 1.0)


@pytest.mark.parametrize("line", ["", "normal", "normal:", "fine: bicycles", ": bicycles"])
def test_a_rule_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(InvalidInput, match='expected "normal: TEXT" or "anomaly: TEXT"'):
        WrittenRule.parse(line)
