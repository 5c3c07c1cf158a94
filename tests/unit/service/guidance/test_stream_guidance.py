from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from models.guidance.contrastive import Contrastive
from models.guidance.effect import LIFT, guided_objects
from models.guidance.equation10 import Equation10
from models.guidance.feedback import RADIUS
from models.guidance.language import Language
from models.scoring.calibration import Calibration
from service.contracts.alert import Verdict
from service.contracts.guidance import GuidanceOut, GuidancePatch, GuidanceSpec, PreviewOut, PreviewSpec
from service.contracts.stream import StreamSpec, Zone
from service.errors import Conflict, InvalidInput, NotFound
from service.guidance.stream_guidance import StreamGuidance
from service.store.alerts import AlertStore
from service.store.database import Database
from service.store.feedback import AlertEmbeddings, FeedbackStore
from service.store.guidance import GuidanceStore
from service.store.streams import StreamStore
from support import words
from support.alerts import make_alert

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC).timestamp()  # a Monday
GATE = Zone(name="Gate", polygon=[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)])
YARD = Zone(name="Yard", polygon=[(0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)])
IMAGE = np.full((120, 160, 3), 80, np.uint8)
THRESHOLD = 4.0


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'watchword.db'}")
    yield database
    database.close()


@pytest.fixture
def stream(database: Database) -> str:
    return StreamStore(database).create(StreamSpec(name="Yard", url="file:yard.mp4"), None).id


@pytest.fixture
def guidance(database: Database, stream: str) -> StreamGuidance:
    return opened(database, stream)


def opened(database: Database, stream: str, **arguments: Any) -> StreamGuidance:
    values: dict[str, Any] = {"zones": (GATE, YARD), "max_rules": 5, "past_bytes": 20_000_000} | arguments
    guidance = StreamGuidance(stream, GuidanceStore(database), FeedbackStore(database), **values)
    guidance.understand(words.language, words.ENCODER)
    return guidance


def spec(text: str = "bicycles are normal here", verdict: str = "normal", **fields: object) -> GuidanceSpec:
    return GuidanceSpec.model_validate({"text": text, "verdict": verdict, **fields})


def patch(**fields: object) -> GuidancePatch:
    return GuidancePatch.model_validate(fields)


def guided(guidance: StreamGuidance, at: float = NOON, feet: tuple[float, float] = (0.25, 0.5)) -> float:
    """The surprise of a cyclist of 4 under the rules."""
    seen = words.seen(("riding a bicycle", 4.0), feet=[feet])
    return float(guided_objects(seen.surprise, guidance.judge(seen, at))[0])


# ---- rules in force


def test_a_rule_is_in_force_as_soon_as_it_is_saved(guidance: StreamGuidance) -> None:
    assert guided(guidance) == 4.0
    rule = guidance.add(spec(), "mara")
    assert guided(guidance) == pytest.approx(0.0, abs=0.01)
    guidance.change(rule.id, patch(strength=0.5), "mara")
    assert guided(guidance) == pytest.approx(2.0, abs=0.01)
    guidance.change(rule.id, patch(verdict="anomaly", strength=1.0), "mara")
    assert guided(guidance) == pytest.approx(LIFT, abs=0.01)
    guidance.change(rule.id, patch(enabled=False), "mara")
    assert guided(guidance) == 4.0
    guidance.undo(rule.id, "mara")
    assert guided(guidance) == pytest.approx(LIFT, abs=0.01)
    guidance.remove(rule.id, "mara")
    assert guided(guidance) == 4.0
    guidance.undo(rule.id, "mara")
    assert guided(guidance) == pytest.approx(LIFT, abs=0.01)


def test_rules_are_kept(guidance: StreamGuidance, database: Database, stream: str) -> None:
    rule = guidance.add(spec(zone="Gate", note="why"), "mara")
    again = opened(database, stream)
    assert again.rules() == [rule]
    assert guided(again) == pytest.approx(0.0, abs=0.01)


def test_a_schedule_is_read_by_the_clock_of_the_stream(database: Database, stream: str) -> None:
    guidance = opened(database, stream, timezone="Europe/Berlin")
    rule = guidance.add(spec(schedule={"days": ["mon"], "from": "13:00", "to": "15:00"}), "mara")
    hour = 3600.0
    in_force = [guided(guidance, NOON + hours * hour) < 1 for hours in (-2, -1, 0, 0.999, 1, 24)]
    assert in_force == [False, True, True, True, False, False]
    guidance.configure((GATE, YARD), None)
    assert [guided(guidance, NOON + hours * hour) < 1 for hours in (-1, 0, 1, 2.999, 3)] == [
        False, False, True, True, False,
    ]  # fmt: skip
    guidance.change(rule.id, patch(schedule=None), "mara")
    assert guided(guidance, NOON + 24 * hour) < 1


def test_a_rule_expires(guidance: StreamGuidance) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    rule = guidance.add(spec(expires_at=soon), "mara")
    assert rule.active
    assert guided(guidance, soon.timestamp() - 1) < 1
    assert guided(guidance, soon.timestamp() + 1) == 4.0


def test_a_rule_of_a_zone_that_is_gone_waits_for_it(guidance: StreamGuidance) -> None:
    rule = guidance.add(spec(zone="Gate"), "mara")
    assert guided(guidance, feet=(0.25, 0.5)) < 1
    assert guided(guidance, feet=(0.75, 0.5)) == 4.0
    guidance.configure((YARD,), None)
    assert guided(guidance, feet=(0.25, 0.5)) == 4.0
    assert guided(guidance, feet=(0.75, 0.5)) == 4.0
    waiting = guidance.rule(rule.id)
    assert not waiting.active
    assert any("no zone 'Gate'" in warning for warning in waiting.warnings)
    guidance.change(rule.id, patch(strength=0.9), "mara")  # what is not named is not checked again
    guidance.configure((Zone(name="Gate", polygon=YARD.polygon),), None)
    assert guided(guidance, feet=(0.75, 0.5)) < 1


def test_without_words_rules_are_kept_and_match_nothing(guidance: StreamGuidance) -> None:
    guidance.understand(lambda: None, words.ENCODER)
    rule = guidance.add(spec(), "mara")
    assert not rule.active
    assert rule.resembles == []
    assert "nothing to understand words with" in rule.warnings[0]
    assert guided(guidance) == 4.0
    guidance.understand(words.language, words.ENCODER)
    assert guidance.rule(rule.id).active
    assert guided(guidance) < 1


def test_without_an_encoder_captions_count(guidance: StreamGuidance) -> None:
    guidance.understand(lambda: words.language(encoder=False), None)
    rule = guidance.add(spec(), "mara")
    assert any("only captions" in warning for warning in rule.warnings)
    seen = words.seen(("", 4.0), ("", 5.0), captions=(words.CYCLIST, words.WALKER), encoder=False)
    assert guided_objects(seen.surprise, guidance.judge(seen, NOON)).tolist() == [pytest.approx(0, abs=0.01), 5.0]
    other = guidance.add(spec("running", method="equation10"), "mara")
    assert any("the stream has no encoder: the rule matches nothing" in warning for warning in other.warnings)


def test_words_are_not_learned_before_there_is_a_rule_to_read(guidance: StreamGuidance) -> None:
    asked: list[bool] = []

    def learn() -> Language:
        asked.append(True)
        return words.language()

    guidance.understand(learn, words.ENCODER)
    assert guided(guidance) == 4.0
    assert (guidance.rules(), guidance.feedback(), asked) == ([], [], [])
    guidance.add(spec(), "mara")
    guidance.add(spec("running"), "mara")
    assert guided(guidance) < 1
    assert asked == [True]


def test_the_past_of_another_encoder_is_forgotten(guidance: StreamGuidance) -> None:
    remember(guidance, "walking", seconds(0, 5))
    guidance.understand(words.language, words.ENCODER)
    assert len(guidance.history.frames()) == 25
    guidance.understand(lambda: words.language(encoder=False), None)
    assert guidance.history.frames() == []


# ---- what the API says of a rule


def test_a_rule_says_what_it_was_understood_as(guidance: StreamGuidance) -> None:
    rule = guidance.add(spec(), "mara")
    assert {each.text for each in rule.resembles} == {"riding a bicycle", "cycling along"}
    assert rule.warnings == []
    unknown = guidance.add(spec("the sky is blue"), "mara")
    assert unknown.resembles == []
    assert any("like no phrase of the bank" in warning for warning in unknown.warnings)
    guidance.understand(lambda: words.language(untrained="fight"), words.ENCODER)
    untrained = guidance.add(spec("a brawl"), "mara")
    assert [each.text for each in untrained.resembles] == ["two people fighting"]
    assert any("learned no clips of anything like it" in warning for warning in untrained.warnings)


@pytest.mark.parametrize("method", ["contrastive", "equation10"])
@pytest.mark.parametrize("verdict", ["normal", "anomaly"])
@pytest.mark.parametrize("text", ["nobody is riding a bicycle", "anything but bicycles", "cycling or not walking"])
def test_what_is_denied_matches_nothing_and_the_rule_says_so(
    guidance: StreamGuidance, text: str, verdict: str, method: str
) -> None:
    assert guided(guidance) == 4.0
    rule = guidance.add(spec(text, verdict, method=method), "mara")
    assert guided(guidance) == 4.0
    assert rule.resembles == []
    assert [warning for warning in rule.warnings if "says what is not" in warning] == rule.warnings != []
    other = guidance.add(spec("bicycles are not allowed here", "anomaly"), "mara")
    assert (other.conflicts, other.warnings) == ([], [])
    assert guided(guidance) == pytest.approx(LIFT, abs=0.01)


def test_without_an_encoder_captions_match_nothing_that_is_denied(database: Database, stream: str) -> None:
    guidance = opened(database, stream)
    guidance.understand(lambda: words.language(encoder=False), None)
    rule = guidance.add(spec("nobody is riding a bicycle"), "mara")
    seen = words.seen(("", 4.0), captions=[words.CYCLIST], encoder=False)
    assert guided_objects(seen.surprise, guidance.judge(seen, NOON)).tolist() == [4.0]
    assert "nobody" in rule.warnings[0]


@pytest.mark.parametrize("text", ["\u200b", "\u2800 \u2800", "\u3164", "\u2060\ufe0f", "\u00a0"])
def test_a_text_of_which_nothing_is_seen_is_refused(guidance: StreamGuidance, text: str) -> None:
    with pytest.raises(ValidationError):
        spec(text)
    rule = guidance.add(spec(), "mara")
    with pytest.raises(ValidationError):
        guidance.change(rule.id, patch(text=text), "mara")


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        ({}, {"verdict": "anomaly"}, 1),
        ({"zone": "Gate"}, {"verdict": "anomaly"}, 0),
        ({"schedule": {"days": ["mon"]}}, {"verdict": "anomaly"}, 0),
        ({}, {}, None),
        ({"zone": "Gate"}, {"verdict": "anomaly", "zone": "Yard"}, None),
        ({"schedule": {"days": ["mon"]}}, {"verdict": "anomaly", "schedule": {"days": ["tue"]}}, None),
        ({"enabled": False}, {"verdict": "anomaly"}, None),
        ({}, {"verdict": "anomaly", "text": "a jogger"}, None),
    ],
)
def test_contradictions_are_told_on_both_sides(
    guidance: StreamGuidance, first: dict[str, Any], second: dict[str, Any], winner: int | None
) -> None:
    ids = [guidance.add(spec(**{"text": "a cyclist", **fields}), "mara").id for fields in (first, second)]
    told = [[(each.id, each.wins) for each in rule.conflicts] for rule in guidance.rules()]
    expected = [[], []] if winner is None else [[(ids[1], ids[winner])], [(ids[0], ids[winner])]]
    assert told == expected


def test_undo_brings_back_who_wins(guidance: StreamGuidance) -> None:
    def winner() -> set[str]:
        return {conflict.wins for rule in guidance.rules() for conflict in rule.conflicts}

    first = guidance.add(spec(), "mara").id
    second = guidance.add(spec(verdict="anomaly"), "mara").id
    assert winner() == {second}
    guidance.change(first, patch(strength=0.9), "mara")
    assert winner() == {first}
    guidance.undo(first, "mara")
    assert winner() == {second}
    guidance.change(first, patch(note="why"), "mara")
    guidance.change(first, patch(), "mara")
    assert winner() == {second}


# ---- what is refused


def test_what_is_refused_changes_nothing(guidance: StreamGuidance) -> None:
    rule = guidance.add(spec(), "mara")
    past = datetime.now(UTC) - timedelta(seconds=1)
    for code, edit in (
        ("unknown_zone", lambda: guidance.add(spec(zone="Moon"), "mara")),
        ("unknown_zone", lambda: guidance.change(rule.id, patch(zone="Moon"), "mara")),
        ("expires_in_past", lambda: guidance.add(spec(expires_at=past), "mara")),
        ("invalid_input", lambda: guidance.change(rule.id, patch(text=None), "mara")),
    ):
        with pytest.raises(InvalidInput) as caught:
            edit()
        assert caught.value.code == code
        assert "Value error" not in caught.value.message
    for missing in (
        lambda: guidance.rule("nobody"),
        lambda: guidance.change("nobody", patch(strength=0), "mara"),
        lambda: guidance.undo("nobody", "mara"),
    ):
        with pytest.raises(NotFound):
            missing()
    assert guidance.rules() == [rule]


def test_there_are_only_so_many_rules(database: Database, stream: str) -> None:
    guidance = opened(database, stream, max_rules=2)
    guidance.add(spec(), "mara")
    last = guidance.add(spec("running"), "mara")
    with pytest.raises(Conflict) as caught:
        guidance.add(spec("walking"), "mara")
    assert (caught.value.code, caught.value.context) == ("too_many_rules", {"rules": 2, "limit": 2})
    guidance.remove(last.id, "mara")
    guidance.add(spec("walking"), "mara")


# ---- threads


def test_judging_waits_for_no_edit(guidance: StreamGuidance) -> None:
    guidance.add(spec(), "mara")
    reading, go_on = threading.Event(), threading.Event()
    language = words.language()

    def slow(texts: Any) -> Any:
        if "running" in texts:
            reading.set()
            assert go_on.wait(60)
        return words.sentences(texts)

    guidance.understand(lambda: replace(language, reader=replace(language.reader, embed=slow)), words.ENCODER)
    edit = threading.Thread(target=lambda: guidance.add(spec("running"), "mara"))
    edit.start()
    assert reading.wait(60)
    began = time.monotonic()
    assert guided(guidance) < 1
    remember(guidance, "riding a bicycle", [NOON])
    assert time.monotonic() - began < 30
    go_on.set()
    edit.join()


# ---- preview


def remember(guidance: StreamGuidance, text: str, moments: list[float], surprise: float = 5.0, track: int = 1) -> None:
    """The stream sees one object that does this."""
    seen = words.seen((text, surprise), captions=[words.CYCLIST if "bicycle" in text else None])
    for at in moments:
        guidance.record(replace(words.unguided_frame(seen, surprise, at, IMAGE), pts=at - NOON, tracks=[track]))


def seconds(start: float, end: float, fps: float = 5.0) -> list[float]:
    return [NOON + start + index / fps for index in range(round((end - start) * fps))]


@pytest.fixture
def fused() -> Calibration:
    """Of normal frames whose smoothed surprises are what surprises of normal frames are."""
    return Calibration.fit(np.random.default_rng(0).exponential(1 / np.log(10), 5000), [0] * 5000)


def tried(guidance: StreamGuidance, fused: Calibration, rule: GuidanceSpec, **fields: object) -> PreviewOut:
    return guidance.preview(PreviewSpec.model_validate({"rule": dict(rule), **fields}), fused, THRESHOLD)


def test_a_preview_says_what_would_have_been(guidance: StreamGuidance, fused: Calibration) -> None:
    remember(guidance, "walking", seconds(0, 60), surprise=0.5, track=1)
    remember(guidance, "riding a bicycle", seconds(60, 70), surprise=6.0, track=2)
    remember(guidance, "walking", seconds(70, 120), surprise=0.5, track=3)
    remember(guidance, "two people fighting", seconds(120, 130), surprise=7.0, track=4)
    out = tried(guidance, fused, spec())
    assert (out.frames, out.seconds) == (650, 129.8)
    assert {each.text for each in out.resembles} == {"riding a bicycle", "cycling along"}
    (cyclist,) = out.objects
    assert (cyclist.track_id, cyclist.label, cyclist.caption, cyclist.frames) == (2, "person", words.CYCLIST.text, 50)
    assert (cyclist.first_pts, cyclist.last_pts) == pytest.approx((60, 69.8))
    assert cyclist.similarity > 0.9
    assert cyclist.thumbnail is not None
    assert base64.b64decode(cyclist.thumbnail.removeprefix("data:image/jpeg;base64,")).startswith(b"\xff\xd8")
    (removed,) = out.alerts_removed
    assert removed.opened_at.timestamp() == pytest.approx(NOON + 60.4, abs=0.5)
    assert out.alerts_raised == []
    raw, without, after = (np.array(each) for each in (out.curves.raw, out.curves.without_rule, out.curves.with_rule))
    np.testing.assert_array_equal(raw, without)
    assert after[320:349].max() < 0.3 < without[320:349].min()
    np.testing.assert_allclose(after[620:], without[620:], atol=1e-3)
    np.testing.assert_allclose(after[:299], without[:299])


def test_a_preview_raises_alerts_too(guidance: StreamGuidance, fused: Calibration) -> None:
    remember(guidance, "walking", seconds(0, 10), surprise=0.5)
    remember(guidance, "running", seconds(10, 20), surprise=0.5, track=2)
    out = tried(guidance, fused, spec("a jogger", "anomaly"))
    assert out.alerts_removed == []
    assert [each.peak_at.timestamp() > NOON + 10 for each in out.alerts_raised] == [True]
    assert [each.track_id for each in out.objects] == [2]


def test_an_alert_too_soon_after_one_that_the_rule_raises_is_absorbed_and_not_removed(
    guidance: StreamGuidance, fused: Calibration
) -> None:
    remember(guidance, "walking", seconds(0, 10), surprise=0.5)
    remember(guidance, "running", seconds(10, 20), surprise=0.5, track=2)
    remember(guidance, "walking", seconds(20, 30), surprise=0.5)
    remember(guidance, "two people fighting", seconds(30, 40), surprise=6.0, track=3)
    out = tried(guidance, fused, spec("a jogger", "anomaly"))
    assert [len(each) for each in (out.alerts_removed, out.alerts_absorbed, out.alerts_raised)] == [0, 1, 1]
    assert out.alerts_absorbed[0].opened_at.timestamp() > NOON + 29


def test_two_alerts_that_a_rule_joins_are_one(guidance: StreamGuidance, fused: Calibration) -> None:
    remember(guidance, "two people fighting", seconds(0, 10), surprise=6.0, track=1)
    remember(guidance, "running", seconds(10, 50), surprise=0.5, track=2)
    remember(guidance, "two people fighting", seconds(50, 60), surprise=6.0, track=3)
    out = tried(guidance, fused, spec("a jogger", "anomaly"))
    assert [len(each) for each in (out.alerts_removed, out.alerts_absorbed, out.alerts_raised)] == [0, 1, 0]


def test_a_preview_compares_with_the_rules_in_force(guidance: StreamGuidance, fused: Calibration) -> None:
    remember(guidance, "riding a bicycle", seconds(0, 20), surprise=6.0)
    rule = guidance.add(spec(), "mara")
    same = tried(guidance, fused, spec("a cyclist"))
    assert same.curves.without_rule == same.curves.with_rule
    assert max(same.curves.without_rule) < 0.2 < max(same.curves.raw)
    assert (same.alerts_removed, same.alerts_raised, len(same.objects)) == ([], [], 1)
    weaker = tried(guidance, fused, spec(strength=0.0), replaces=rule.id)
    assert len(weaker.alerts_raised) == 1
    assert weaker.conflicts == []
    against = tried(guidance, fused, spec("a cyclist", "anomaly"))
    assert [(each.id, each.wins) for each in against.conflicts] == [(rule.id, "new")]
    assert guidance.rules() == [rule]


def test_a_preview_looks_at_the_hours_of_each_frame(guidance: StreamGuidance, fused: Calibration) -> None:
    remember(guidance, "riding a bicycle", seconds(-30, 30), surprise=6.0)
    out = tried(guidance, fused, spec(schedule={"from": "12:00", "to": "13:00"}))
    assert (out.objects[0].first_pts, out.objects[0].frames) == (0.0, 150)


def test_a_preview_of_nothing(guidance: StreamGuidance, fused: Calibration) -> None:
    out = tried(guidance, fused, spec())
    assert (out.frames, out.seconds, out.objects, out.curves.at) == (0, 0.0, [], [])


def test_a_preview_of_minutes(guidance: StreamGuidance, fused: Calibration) -> None:
    remember(guidance, "walking", seconds(0, 300), surprise=0.5)
    assert tried(guidance, fused, spec(), minutes=1).seconds == pytest.approx(60, abs=0.3)


def test_a_preview_of_what_cannot_be(guidance: StreamGuidance, fused: Calibration) -> None:
    with pytest.raises(InvalidInput, match="This camera has no zone"):
        tried(guidance, fused, spec(zone="Moon"))
    with pytest.raises(NotFound):
        tried(guidance, fused, spec(), replaces="nobody")


def test_smoothing_starts_anew_after_a_gap(guidance: StreamGuidance, fused: Calibration) -> None:
    seen = words.seen(("walking", 6.0))
    for index, epoch in ((0, 0), (1, 0), (2, 1)):
        surprise = (6.0, 6.0, 0.0)[index]
        guidance.record(replace(words.unguided_frame(seen, surprise, NOON + index / 5, IMAGE), epoch=epoch))
    raw = tried(guidance, fused, spec()).curves.raw
    assert raw[1] > 0.8
    assert raw[2] < 0.1


# ---- teaching


@pytest.fixture
def alarm(database: Database, stream: str, tmp_path: Path) -> str:
    """An alert of a fight."""
    alerts, store = AlertStore(database, tmp_path), FeedbackStore(database)
    with database.transaction() as connection:
        alerts.record(connection, make_alert("alarm", stream=stream), "opened")
        features = np.stack([words.clip("two people fighting", seed) for seed in range(3)]).astype(np.float16)
        store.record_embeddings(connection, stream, AlertEmbeddings("alarm", words.ENCODER, features))
    return "alarm"


def judge(guidance: StreamGuidance, alert_id: str, verdict: Verdict | None) -> None:
    database, feedback = guidance._feedback._store._database, guidance._feedback._store
    with guidance.learning() as radius, database.transaction() as connection:
        AlertStore(database, Path()).review(connection, alert_id, {"verdict": verdict}, datetime.now(UTC))
        feedback.learn(connection, guidance.stream_id, alert_id, verdict, radius)


def fight(guidance: StreamGuidance) -> float:
    seen = words.seen(("two people fighting", 5.0))
    return float(guided_objects(seen.surprise, guidance.judge(seen, NOON))[0])


def test_a_false_alarm_teaches_and_can_be_taken_back(
    guidance: StreamGuidance, alarm: str, database: Database, stream: str
) -> None:
    assert fight(guidance) == 5.0
    judge(guidance, alarm, "false_alarm")
    assert fight(guidance) == 0.0
    assert guided(guidance) == 4.0
    (taught,) = guidance.feedback()
    assert (taught.alert_id, taught.objects, taught.radius, taught.active) == (alarm, 3, RADIUS, True)
    again = opened(database, stream)
    assert fight(again) == 0.0
    assert AlertStore(database, Path()).get(alarm).verdict == "false_alarm"
    for verdict in ("confirmed", None):
        judge(again, alarm, "false_alarm")
        judge(again, alarm, verdict)
        assert fight(again) == 5.0
        assert again.feedback() == []


def test_of_verdicts_at_once_the_last_is_noted_and_in_force(
    guidance: StreamGuidance, alarm: str, database: Database
) -> None:
    alerts = AlertStore(database, Path())
    for _ in range(5):
        threads = [
            threading.Thread(target=judge, args=(guidance, alarm, verdict))
            for verdict in ("false_alarm", "confirmed", "false_alarm", None)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        false = alerts.get(alarm).verdict == "false_alarm"
        assert ([each.alert_id for each in guidance.feedback()], fight(guidance)) == (
            ([alarm], 0) if false else ([], 5)
        )


def test_a_verdict_that_cannot_teach_is_not_noted(
    guidance: StreamGuidance, alarm: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("service.store.feedback._teach", full)
    with pytest.raises(OSError, match="No space left"):
        judge(guidance, alarm, "false_alarm")
    assert AlertStore(database, Path()).get(alarm).verdict is None
    assert (guidance.feedback(), fight(guidance)) == ([], 5.0)


def test_what_another_encoder_saw_is_kept_and_says_nothing(guidance: StreamGuidance, alarm: str) -> None:
    judge(guidance, alarm, "false_alarm")
    guidance.understand(lambda: words.language(encoder=False), None)
    assert [taught.active for taught in guidance.feedback()] == [False]
    assert fight(guidance) == 5.0


def test_an_alert_that_is_not_there_cannot_be_judged(guidance: StreamGuidance) -> None:
    with pytest.raises(NotFound, match="'nobody'"):
        judge(guidance, "nobody", "false_alarm")
    assert guidance.feedback() == []


# ---- tuning


def test_rules_follow_what_the_objects_are_like_lately(guidance: StreamGuidance) -> None:
    guidance.add(spec("running"), "mara")
    guidance.add(spec("running", method="equation10"), "mara")

    def matchers() -> tuple[Contrastive, Equation10]:
        contrastive, equation10 = (part.matcher for part in guidance._snapshot.guide.parts)
        assert isinstance(contrastive, Contrastive)
        assert isinstance(equation10, Equation10)
        return contrastive, equation10

    assert matchers()[0].baseline is None
    for index in range(60):
        remember(guidance, "walking", [NOON + index], surprise=index / 10, track=index)
    contrastive, equation10 = matchers()
    assert contrastive.baseline is not None
    assert contrastive.baseline.median[0] < -3
    assert equation10.span == pytest.approx((0.0, 5.0), abs=0.2)
    assert equation10.span[0] == 0.0


def test_out_is_a_contract() -> None:
    for example in GuidanceOut.model_config["json_schema_extra"]["examples"]:  # type: ignore[index]
        assert GuidanceOut.model_validate(example).model_dump(mode="json") == example


# ---- why a rule is not in force


NEVER = {"from": "00:00", "to": "00:01", "days": ["mon"]}


def test_a_rule_that_is_not_in_force_says_why(guidance: StreamGuidance, monkeypatch: pytest.MonkeyPatch) -> None:
    # A Tuesday, 12:00 in London and 13:00 in Berlin.
    monkeypatch.setattr(
        "service.guidance.explanation.time.time", lambda: datetime(2026, 3, 3, 12, tzinfo=UTC).timestamp()
    )
    guidance.configure([], None)
    inside = guidance.add(spec("a person walking", schedule={"from": "00:00", "to": "24:00"}), "mara")
    assert (inside.active, inside.inactive_because, inside.timezone) == (True, None, "UTC")
    (told,) = (warning for warning in inside.warnings if "time zone" in warning)
    assert told.startswith("This camera has no time zone, so the hours of this rule are taken as UTC. Set the camera's")
    outside = guidance.add(spec("a dog", schedule=NEVER), "mara")
    assert (outside.active, outside.timezone) == (False, "UTC")
    assert outside.inactive_because == "It is Tuesday, 12:00 now (UTC), which is outside its hours."
    guidance.configure([], "Europe/Berlin")
    outside = guidance.rule(outside.id)
    assert outside.inactive_because == "It is Tuesday, 13:00 now (Europe/Berlin), which is outside its hours."
    assert not any("time zone" in warning for warning in outside.warnings)
    own = guidance.add(spec("a cat", schedule={**NEVER, "timezone": "Asia/Tokyo"}), "mara")
    assert (own.timezone, own.inactive_because) == (
        "Asia/Tokyo",
        "It is Tuesday, 21:00 now (Asia/Tokyo), which is outside its hours.",
    )
    off = guidance.change(own.id, GuidancePatch(enabled=False), "mara")
    assert (off.active, off.inactive_because) == (False, "It is switched off.")
    always = guidance.add(spec("a car"), "mara")
    assert (always.active, always.inactive_because, always.timezone) == (True, None, None)


def test_a_rule_of_a_zone_that_is_gone_says_so(guidance: StreamGuidance) -> None:
    guidance.configure([Zone(name="Door", polygon=[(0, 0), (1, 0), (0, 1)])], None)
    rule = guidance.add(spec("a dog", zone="Door"), "mara")
    assert rule.active
    guidance.configure([], None)
    rule = guidance.rule(rule.id)
    assert (rule.active, rule.inactive_because) == (False, "This camera has no zone 'Door'.")


def test_the_same_rule_twice_is_told_of_both(guidance: StreamGuidance) -> None:
    first = guidance.add(spec("A person  walking"), "mara")
    assert not any("says the same" in warning for warning in first.warnings)
    second = guidance.add(spec("a person walking", strength=0.5, note="again"), "mara")
    for rule, other in ((second, first), (guidance.rule(first.id), second)):
        assert f"Another rule says the same ({other.id}). One of them is enough: delete the other." in rule.warnings
    for different in (spec("a person walking", verdict="anomaly"), spec("a person walking", schedule=NEVER)):
        assert not any("says the same" in warning for warning in guidance.add(different, "mara").warnings)
