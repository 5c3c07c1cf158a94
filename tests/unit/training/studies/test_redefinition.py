"""Rules on recordings whose every object is known, a walker, a cyclist and a fight, under the real guidance."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from models.guidance.effect import Judgement
from models.guidance.rules import Seen, Verdict
from models.scoring.calibration import Calibration
from service.profiles.profile import Profile
from support.words import clip, language
from training.studies.redefinition import RecordedScene, measure_alarm, measure_drift, measure_relief
from training.studies.replay import Recording, replay
from training.studies.rules import Rulebook
from training.virtual.truth import ClipTruth, ObjectTruth

LOOKS = {"walk": "walking", "cycle": "riding a bicycle", "fight": "two people fighting"}
SURPRISE = {"walk": 0.3, "cycle": 4.0, "fight": 5.0}
FRAMES, FPS, THRESHOLD = 150, 10.0, 3.0
BOXES = {"walk": (0.1, 0.2, 0.1, 0.4), "cycle": (0.5, 0.2, 0.2, 0.4), "fight": (0.8, 0.3, 0.1, 0.3)}
TRACKS = {"walk": 1, "cycle": 2, "fight": 3}
# a cyclist alone, then both, then a fight alone; a walker always; behind the moment at which rules are tuned
CYCLES, FIGHTS = range(105, 135), range(125, 145)


def shown(frame: int) -> list[str]:
    return ["walk"] + ["cycle"] * (frame in CYCLES) + ["fight"] * (frame in FIGHTS)


def scene(normal: tuple[str, ...] = ("walk",), cycling: float = SURPRISE["cycle"]) -> RecordedScene:
    surprises = SURPRISE | {"cycle": cycling}
    everything = [shown(frame) for frame in range(FRAMES)]
    objects = [
        [
            ObjectTruth(track_id=TRACKS[one], box=BOXES[one], action=one, anomalous=one not in normal, caption=one)
            for one in actions
        ]
        for actions in everything
    ]
    truth = ClipTruth(
        scene="yard",
        seed=0,
        fps=FPS,
        size=(64, 64),
        frames=FRAMES,
        labels=[int(any(one.anomalous for one in frame)) for frame in objects],
        events=[],
        objects=objects,
    )
    rows = [one for actions in everything for one in actions]
    surprise = np.array([surprises[one] for one in rows])
    seen = Seen(
        np.array([BOXES[one] for one in rows], np.float32),
        np.stack([clip(LOOKS[one], seed) for seed, one in enumerate(rows)]),
        (None,) * len(rows),
        surprise,
    )
    first = np.cumsum([0, *map(len, everything)])
    fused = np.array([max(surprises[one] for one in actions) for actions in everything])
    calibration = Calibration.fit(np.linspace(0, 1, 400), np.zeros(400, int))
    profile = Profile({}, calibration, "none", datetime.now(UTC), "test", 400, 40.0, None)
    recording = Recording(
        "001",
        np.arange(FRAMES),
        np.arange(FRAMES) / FPS,
        np.zeros(FRAMES, np.int64),
        fused,
        np.full(FRAMES, 0.3),
        np.zeros(FRAMES),
        first,
        seen,
        np.array([TRACKS[one] for one in rows]),
        tuple(rows),
        (64, 64),
        profile,
        THRESHOLD,
    )
    return RecordedScene(replace(recording, surprise=_unguided(recording)), truth)


def _unguided(recording: Recording) -> np.ndarray:
    return replay(recording, Judgement.nothing(len(recording.seen))).surprise


def rule_for(text: str, verdict: Verdict = "normal"):
    book = Rulebook(language())
    return lambda recording: book.judge(recording, text, verdict)


def test_the_footage_is_what_the_tests_think_it_is() -> None:
    one = scene()
    alerting = one.alerting(one.recording.surprise)
    assert alerting[CYCLES.start + 3 : FIGHTS.stop].all()
    assert not alerting[: CYCLES.start].any()


def test_a_rule_silences_what_it_names_and_leaves_the_rest() -> None:
    relief = measure_relief([scene()], "cycle", rule_for("people on bicycles"))
    assert relief.alerted > 10
    assert relief.share == 1.0
    assert (relief.visible, relief.visible_quiet) == (relief.alerted, relief.quiet)
    assert relief.fall == pytest.approx(0.0, abs=0.03)
    # a fight beside the cyclist still alerts
    assert relief.beside == relief.beside_kept == len(set(CYCLES) & set(FIGHTS))
    assert replace(relief, others_after=relief.others_before).holds


def test_another_wording_does_the_same_or_not() -> None:
    rule, cyclists, joggers = (
        measure_relief([scene()], "cycle", rule_for(text)) for text in ("people on bicycles", "cyclists", "joggers")
    )
    assert cyclists.same_as(rule)
    assert not joggers.same_as(rule)
    assert not replace(cyclists, others_after=0.5).same_as(rule)  # it costs the others too much


def test_a_rule_for_something_else_silences_nothing() -> None:
    relief = measure_relief([scene()], "cycle", rule_for("joggers"))
    assert (relief.share, relief.fall, relief.holds) == (0.0, 0.0, False)


def test_a_rule_that_silences_everything_does_not_hold() -> None:
    book = Rulebook(language())
    everything = ("people on bicycles", "a brawl", "walkers")
    relief = measure_relief([scene()], "cycle", lambda recording: book.judge(recording, everything))
    assert relief.share == 1.0
    assert relief.fall > 0.3
    assert relief.beside_kept == 0
    assert not relief.holds


def test_an_object_without_a_clip_is_not_visible_to_rules() -> None:
    one = scene()
    video = one.recording.seen.embeddings.copy()
    video[np.array(one.recording.labels) == "cycle"] = np.nan
    blind = replace(one, recording=replace(one.recording, seen=replace(one.recording.seen, embeddings=video)))
    relief = measure_relief([blind], "cycle", rule_for("people on bicycles"))
    assert (relief.visible, relief.share) == (0, 0.0)


def test_a_normal_action_is_made_an_anomaly() -> None:
    one = scene(normal=("walk", "cycle"), cycling=0.4)
    alarm = measure_alarm([one], "cycle", rule_for("people on bicycles", "anomaly"))
    assert alarm.frames == len(set(CYCLES) - set(FIGHTS))
    assert alarm.alerting_before == 0
    assert alarm.alerting >= alarm.frames - 4  # causal smoothing takes its time
    assert alarm.rest_alerting - alarm.rest_before <= 10  # and as long to forget
    assert alarm.auc is not None
    assert alarm.auc > 0.9


def test_what_names_nothing_moves_nothing_and_what_names_something_does() -> None:
    still = measure_drift([scene().recording], rule_for("the sky is blue"))
    assert (still.frames, still.objects, still.holds) == (0.0, 0.0, True)
    moved = measure_drift([scene().recording], rule_for("people on bicycles"))
    assert moved.objects == pytest.approx(SURPRISE["cycle"] / 6.0, abs=1e-6)
    assert not moved.holds


def test_who_fell_and_gets_up_is_no_other_anomaly() -> None:
    fallen = [
        ObjectTruth(track_id=1, box=(0.1, 0.1, 0.1, 0.1), action=action, anomalous=True, caption=action)
        for action in ("fall", "get_up")
    ]
    one = scene()
    truth = one.truth.model_copy(update={"objects": [fallen[:1]] * 75 + [fallen[1:]] * 75})
    assert not replace(one, truth=truth).others("fall").any()
