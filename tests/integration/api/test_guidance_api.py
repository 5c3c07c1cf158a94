"""Rules over the whole service: refused, kept, in force on the next frame, tried, undone, and told who changed them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from service.api.context import PREVIEWS_WAITING
from service.contracts.alert import AlertState
from service.contracts.guidance import PreviewSpec
from service.errors import RULE_NOT_FOUND, NotFound
from service.store.feedback import AlertEmbeddings
from support.alerts import NOON, make_alert
from support.serving import VIDEO, Service, assert_problem, unchanged, wait_until
from support.video import write_video

pytestmark = pytest.mark.timeout(300)

EVERYTHING_MOVES = "something moving"
"""What the test video's caption says of every region of motion, whatever detects it."""

LONG = "long.mp4"
"""Sixteen seconds of the test video: enough to learn from."""

ZONE = {"name": "Gate", "polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], "mode": "mark"}


def rule(text: str = "a person riding a bicycle", verdict: str = "normal", **fields: object) -> dict[str, object]:
    return {"text": text, "verdict": verdict, **fields}


def schedule(**fields: object) -> dict[str, object]:
    return rule(schedule=fields)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service"), max_rules=8) as service:
        yield service


@pytest.fixture(scope="module")
def paused(service: Service) -> str:
    """A stream with a zone that is not running."""
    return service.add_stream("Paused", enabled=False, zones=[ZONE], timezone="Europe/Berlin")


BAD_RULES = {
    "an empty text": (rule(""), 422, "invalid_input"),
    "a text of spaces": (rule("  \t "), 422, "invalid_input"),
    "10,000 characters": (rule("a" * 10_000), 422, "invalid_input"),
    "201 characters": (rule("a" * 201), 422, "invalid_input"),
    "control characters": (rule("walk\x00ing"), 422, "invalid_input"),
    "no text": ({"verdict": "normal"}, 422, "invalid_input"),
    "a text of another type": (rule(["walking"]), 422, "invalid_input"),  # type: ignore[arg-type]
    "a verdict that is neither": (rule(verdict="maybe"), 422, "invalid_input"),
    "no verdict": ({"text": "walking"}, 422, "invalid_input"),
    "a strength above 1": (rule(strength=1.5), 422, "invalid_input"),
    "a strength below 0": (rule(strength=-0.1), 422, "invalid_input"),
    "a zone that does not exist": (rule(zone="Moon"), 422, "unknown_zone"),
    "a schedule that ends before it starts": (schedule(**{"from": "18:00", "to": "07:00"}), 422, "invalid_input"),
    "a schedule of no length": (schedule(**{"from": "18:00", "to": "18:00"}), 422, "invalid_input"),
    "a day that is none": (schedule(days=["someday"]), 422, "invalid_input"),
    "no days": (schedule(days=[]), 422, "invalid_input"),
    "an hour that is none": (schedule(**{"from": "25:00"}), 422, "invalid_input"),
    "a time zone that is none": (schedule(timezone="Mars/Olympus"), 422, "invalid_input"),
    "an end in the past": (rule(expires_at="2020-01-01T00:00:00Z"), 422, "expires_in_past"),
    "an end without a zone": (rule(expires_at="2099-01-01T00:00:00"), 422, "invalid_input"),
    "an end in milliseconds": (rule(expires_at=1_900_000_000_000), 422, "invalid_input"),
    "an unknown method": (rule(method="magic"), 422, "invalid_input"),
    "an unknown field": (rule(colour="red"), 422, "invalid_input"),
    "a list": ([rule()], 422, "invalid_input"),
}


@pytest.mark.parametrize("case", BAD_RULES)
@pytest.mark.parametrize("path", ["guidance", "guidance/preview"])
def test_a_bad_rule_is_refused(service: Service, paused: str, case: str, path: str) -> None:
    body, status, code = BAD_RULES[case]
    with unchanged(service):
        sent = {"rule": body} if path.endswith("preview") else body
        response = service.http.post(f"/streams/{paused}/{path}", json=sent)
    if path.endswith("preview") and response.status_code == 409:
        assert_problem(response, 409, "no_profile")  # what needs the stream is asked for before the rule is looked at
        return
    assert_problem(response, status, code)
    assert service.http.get(f"/streams/{paused}/guidance").json() == []


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ({"verdict": "maybe"}, "invalid_input"),
        ({"text": ""}, "invalid_input"),
        ({"text": None}, "invalid_input"),
        ({"zone": "Moon"}, "unknown_zone"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_in_past"),
        ({"id": "other"}, "invalid_input"),
    ],
)
def test_a_bad_change_is_refused(service: Service, paused: str, patch: dict[str, object], code: str) -> None:
    path = f"/streams/{paused}/guidance"
    made = service.http.post(path, json=rule()).json()
    assert_problem(service.http.patch(f"{path}/{made['id']}", json=patch), 422, code)
    assert service.http.get(f"{path}/{made['id']}").json() == made
    assert service.http.delete(f"{path}/{made['id']}").status_code == 204


def test_what_is_not_there(service: Service, paused: str) -> None:
    for method, path, code in (
        ("GET", "/streams/nobody/guidance", "stream_not_found"),
        ("POST", "/streams/nobody/guidance", "stream_not_found"),
        ("GET", "/streams/nobody/guidance/audit", "stream_not_found"),
        ("GET", "/streams/nobody/taught", "stream_not_found"),
        ("GET", f"/streams/{paused}/guidance/nothing", "rule_not_found"),
        ("PATCH", f"/streams/{paused}/guidance/nothing", "rule_not_found"),
        ("POST", f"/streams/{paused}/guidance/nothing/undo", "rule_not_found"),
    ):
        body = {"POST": rule(), "PATCH": {"enabled": False}}.get(method)
        assert_problem(service.http.request(method, path, json=body), 404, code)
    assert service.http.delete(f"/streams/{paused}/guidance/nothing").status_code == 204


def test_there_is_room_for_so_many(service: Service) -> None:
    stream = service.add_stream("Full", enabled=False)
    path = f"/streams/{stream}/guidance"
    made = [service.http.post(path, json=rule(f"rule {index}")) for index in range(8)]
    assert {response.status_code for response in made} == {201}
    problem = assert_problem(service.http.post(path, json=rule()), 409, "too_many_rules")
    assert problem["context"] == {"rules": 8, "limit": 8}


def test_a_rule_from_its_making_to_its_undoing(service: Service, paused: str) -> None:
    path = f"/streams/{paused}/guidance"
    named = {"X-Watchword-User": "mara"}
    response = service.http.post(path, json=rule(zone="Gate", note="why"), headers=named)
    assert response.status_code == 201
    made = response.json()
    assert response.headers["Location"] == f"{path}/{made['id']}"
    assert service.http.get(response.headers["Location"]).json() == made
    changed = service.http.patch(f"{path}/{made['id']}", json={"strength": 0.5, "zone": None}).json()
    assert (changed["strength"], changed["zone"], changed["note"]) == (0.5, None, "why")
    assert service.http.delete(f"{path}/{made['id']}", headers=named).status_code == 204
    assert service.http.get(path).json() == []
    back = service.http.post(f"{path}/{made['id']}/undo", headers=named).json()
    assert (back["id"], back["strength"], back["created_at"]) == (made["id"], 0.5, made["created_at"])
    assert service.http.post(f"{path}/{made['id']}/undo").json()["strength"] == 1.0
    assert service.http.post(f"{path}/{made['id']}/undo").json() is None
    assert_problem(service.http.post(f"{path}/{made['id']}/undo"), 409, "nothing_to_undo")
    edits = [edit for edit in service.http.get(f"{path}/audit").json() if edit["rule_id"] == made["id"]]
    assert [(edit["action"], edit["who"]) for edit in edits] == [
        ("undone", "127.0.0.1"),
        ("undone", "127.0.0.1"),
        ("undone", "mara"),
        ("deleted", "mara"),
        ("changed", "127.0.0.1"),
        ("created", "mara"),
    ]
    assert (edits[4]["before"]["zone"], edits[4]["after"]["zone"]) == ("Gate", None)
    page = service.http.get(f"{path}/audit", params={"limit": 2, "before": edits[1]["id"]}).json()
    assert page == edits[2:4]


def test_a_number_is_an_end_in_seconds_however_far_off(service: Service, paused: str) -> None:
    path = f"/streams/{paused}/guidance"
    made = service.http.post(path, json=rule(expires_at=32_503_680_000)).json()
    assert made["expires_at"] == "3000-01-01T00:00:00Z"
    changed = service.http.patch(f"{path}/{made['id']}", json={"expires_at": 32_503_680_001}).json()
    assert changed["expires_at"] == "3000-01-01T00:00:01Z"
    assert service.http.delete(f"{path}/{made['id']}").status_code == 204


@pytest.mark.parametrize("who", ["", "a" * 101, "tab\tbed"])
def test_who_is_printable_and_short(service: Service, paused: str, who: str) -> None:
    response = service.http.post(f"/streams/{paused}/guidance", json=rule(), headers={"X-Watchword-User": who})
    assert_problem(response, 422, "invalid_input")


def test_a_zone_that_goes_takes_its_rules_out_of_force(service: Service) -> None:
    stream = service.add_stream("Zoned", enabled=False, zones=[ZONE])
    made = service.http.post(f"/streams/{stream}/guidance", json=rule(zone="Gate")).json()
    assert made["active"]
    assert service.http.patch(f"/streams/{stream}", json={"zones": []}).status_code == 200
    waiting = service.http.get(f"/streams/{stream}/guidance/{made['id']}").json()
    assert not waiting["active"]
    assert any("no zone 'Gate'" in warning for warning in waiting["warnings"])


# ---- live


@pytest.fixture(scope="module")
def live(service: Service) -> str:
    """An enrolled stream of the looping video."""
    write_video(service.media / LONG, frames=400)
    stream = service.add_stream("Live", url=f"file:{LONG}?loop=true", enrolment={"sources": [LONG]})

    def scored() -> bool:
        # Who stood in the first picture leaves a ghost for some seconds, which is as unusual as can be.
        newest = messages(service, stream)[-1:]
        return any(each["score"] is not None and each["score"] < 0.5 and each["objects"] for each in newest)

    wait_until(scored, "scores of ordinary frames", timeout=120)
    return stream


def messages(service: Service, stream: str, since: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.http.get(
        f"/streams/{stream}/scores", params={"after": since, "limit": 1000}
    ).json()
    return found


def next_scored(service: Service, stream: str, since: int) -> dict[str, Any]:
    """The first message of a frame with something in view after ``since``."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = [each for each in messages(service, stream, since) if each["score"] is not None and each["objects"]]
        return bool(found)

    wait_until(there, "a scored frame with objects")
    return found[0]


def test_an_edit_is_in_force_on_the_next_scored_frame(service: Service, live: str) -> None:
    path = f"/streams/{live}/guidance"
    before = next_scored(service, live, 0)
    assert not before["guided"]
    made = service.http.post(path, json=rule(EVERYTHING_MOVES, "anomaly")).json()
    answered = time.time()
    assert made["active"], made["warnings"]
    wait_until(lambda: _captured_after(service, live, answered), "a frame after the edit")
    first = _captured_after(service, live, answered)[0]
    assert first["guided"], "the first frame that was captured after the answer"

    # What is unusual by itself, as after frames that were left out on a busy machine, is lifted no further.
    def lifted() -> bool:
        return any(each["score"] > each["raw_score"] for each in _captured_after(service, live, answered))

    wait_until(lifted, "an ordinary frame that is lifted")
    assert {match["rule_id"] for each in first["objects"] for match in each["matches"]} == {made["id"]}
    assert service.http.delete(f"{path}/{made['id']}").status_code == 204
    answered = time.time()
    wait_until(lambda: _captured_after(service, live, answered), "a frame after the deletion")
    assert all(not each["matches"] for each in _captured_after(service, live, answered)[0]["objects"])


def _captured_after(service: Service, stream: str, moment: float) -> list[dict[str, Any]]:
    """Scored frames with something in view that were captured later."""
    return [
        each
        for each in messages(service, stream)
        if each["captured_at"] > moment and each["score"] is not None and each["objects"]
    ]


def test_a_preview_from_memory(service: Service, live: str) -> None:
    next_scored(service, live, 0)
    response = service.http.post(
        f"/streams/{live}/guidance/preview", json={"rule": rule(EVERYTHING_MOVES, "anomaly"), "minutes": 1}
    )
    assert response.status_code == 200, response.text
    out = response.json()
    assert out["frames"] > 0
    assert len(out["curves"]["at"]) == len(out["curves"]["with_rule"]) == out["frames"]
    assert out["objects"]
    curves = out["curves"]
    assert any(ruled > raw for ruled, raw in zip(curves["with_rule"], curves["raw"], strict=True))
    brief = service.http.post(
        f"/streams/{live}/guidance/preview",
        json={"rule": rule(EVERYTHING_MOVES, "anomaly"), "minutes": 1, "brief": True},
    ).json()
    assert brief["frames"] > 0
    assert brief["objects"]
    assert {each["thumbnail"] for each in brief["objects"]} == {None}
    assert {len(values) for values in brief["curves"].values()} == {0}
    assert service.http.get(f"/streams/{live}/guidance").json() == []


def test_previews_take_turns_and_only_so_many_wait(
    service: Service, paused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most, go = 0, 0, threading.Event()

    def slow(stream_id: str, spec: PreviewSpec) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        assert go.wait(60)
        running -= 1
        raise NotFound(RULE_NOT_FOUND, "expected to be asked for its turns only")

    def ask(_: object = None) -> httpx.Response:
        return service.http.post(f"/streams/{paused}/guidance/preview", json={"rule": rule()})

    monkeypatch.setattr(service.application.streams, "preview_rule", slow)
    previewing = service.app.state.context.previewing._limiter
    with ThreadPoolExecutor(PREVIEWS_WAITING + 1) as clients:
        waiting = [clients.submit(ask) for _ in range(PREVIEWS_WAITING + 1)]
        wait_until(lambda: previewing.statistics().tasks_waiting == PREVIEWS_WAITING, "a full lane")
        refused = ask()
        go.set()
        assert {each.result().status_code for each in waiting} == {404}
    assert_problem(refused, 503, "too_many_previews")
    assert refused.headers["Retry-After"] == "2"
    assert most == 1


def test_a_preview_needs_an_enrolled_stream(service: Service, paused: str) -> None:
    response = service.http.post(f"/streams/{paused}/guidance/preview", json={"rule": rule()})
    assert_problem(response, 409, "no_profile")


# ---- teaching


def test_a_false_alarm_is_learned_from_until_it_is_taken_back(service: Service, live: str) -> None:
    next_scored(service, live, 0)
    application = service.application
    history = application.streams.guidance(live).history
    wait_until(lambda: len(history.sample(64)[0]) >= 3, "clips of objects")
    clips = history.sample(64)[0]
    # The one that is most like the others: one alone may be of a ghost, which does not come again.
    looks = clips[[(clips @ clips.T).sum(axis=1).argmax()]]
    encoder = application.library.get("words").hash
    with application.alerts.database.transaction() as connection:
        alert = make_alert("false", stream=live, state=AlertState.CLOSED, closed_at=NOON)
        application.alerts.record(connection, alert, "closed")
        application._feedback.record_embeddings(
            connection, live, AlertEmbeddings("false", encoder, looks.astype(np.float16))
        )

    def say(verdict: str | None) -> list[dict[str, Any]]:
        response = service.http.patch("/alerts/false", json={"verdict": verdict})
        alert = response.json()
        assert (alert["verdict"], alert["taught"] and alert["taught"]["objects"]) == (
            verdict,
            1 if verdict == "false_alarm" else None,
        )
        return list(service.http.get(f"/streams/{live}/taught").json())

    (taught,) = say("false_alarm")
    assert (taught["alert_id"], taught["objects"], taught["active"]) == ("false", 1, True)
    assert say("false_alarm") != []
    wait_until(lambda: _relieved(service, live), "an object that is told with the false alarm")
    assert say("confirmed") == []
    assert len(say("false_alarm")) == 1
    assert say(None) == []


def _relieved(service: Service, stream: str) -> list[dict[str, Any]]:
    """Objects of the last messages that are relieved by the alert ``false``."""
    found = [each["taught"] for message in messages(service, stream) for each in message["objects"] if each["taught"]]
    return [each for each in found if each["alert_id"] == "false" and 0 < each["relief"] <= 1]


def test_several_teach_their_streams_at_once_or_none_of_them(
    service: Service, paused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both in the store and in force: what fails in the last step of the last alert has taught nothing."""
    other = service.add_stream("Other", enabled=False)
    application = service.application
    with application.alerts.database.transaction() as connection:
        for alert_id, stream in (("one", paused), ("two", other), ("three", paused)):
            application.alerts.record(connection, make_alert(alert_id, stream=stream), "opened")
            looks = AlertEmbeddings(alert_id, "hash", np.eye(1, 4, dtype=np.float16))
            application._feedback.record_embeddings(connection, stream, looks)
    before = service.http.get("/alerts").json()
    ids = ["three", "two", "one"]

    def taught(stream: str) -> list[str]:
        found = {each["alert_id"] for each in service.http.get(f"/streams/{stream}/taught").json()}
        assert {record.embeddings.alert_id for record in application._feedback.list(stream)} == found
        return sorted(found)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("service.store.outbox.Outbox.add", full)
        response = service.http.post("/alerts/reviews", json={"ids": ids, "verdict": "false_alarm"})
        assert response.status_code >= 500
    assert service.http.get("/alerts").json() == before
    assert (taught(paused), taught(other)) == ([], [])
    response = service.http.post("/alerts/reviews", json={"ids": ids, "verdict": "false_alarm"})
    assert [(each["id"], each["taught"]["objects"]) for each in response.json()] == [(each, 1) for each in ids]
    assert (taught(paused), taught(other)) == (["one", "three"], ["two"])
    service.http.post("/alerts/reviews", json={"ids": ids[:2], "verdict": None})
    assert (taught(paused), taught(other)) == (["one"], [])
    service.http.delete(f"/streams/{other}")
    assert service.http.patch("/alerts/one", json={"verdict": None}).is_success


def test_reviews_of_the_same_alerts_in_any_order_do_not_wait_for_one_another_for_ever(
    service: Service, paused: str
) -> None:
    other = service.add_stream("Second", enabled=False)
    with service.application.alerts.database.transaction() as connection:
        for alert_id, stream in (("north", paused), ("south", other)):
            service.application.alerts.record(connection, make_alert(alert_id, stream=stream), "opened")

    def review(number: int) -> int:
        ids = ["north", "south"] if number % 2 else ["south", "north"]
        verdict = ("confirmed", "false_alarm", None)[number % 3]
        return service.http.post("/alerts/reviews", json={"ids": ids, "verdict": verdict}).status_code

    with ThreadPoolExecutor(8) as clients:
        assert set(clients.map(review, range(24))) == {200}
    verdicts = [service.http.get(f"/alerts/{each}").json()["verdict"] for each in ("north", "south")]
    assert verdicts[0] == verdicts[1]
    service.http.delete(f"/streams/{other}")


def test_a_verdict_on_an_alert_of_a_deleted_stream_is_noted(service: Service) -> None:
    with service.application.alerts.database.transaction() as connection:
        service.application.alerts.record(connection, make_alert("orphan", stream="gone"), "opened")
    response = service.http.patch("/alerts/orphan", json={"verdict": "false_alarm"})
    assert (response.status_code, response.json()["verdict"]) == (200, "false_alarm")
    assert response.json()["taught"] == {
        "objects": 0,
        "detail": "Nothing was learned: its camera is no longer registered.",
    }


# ---- over a restart and a deletion


def test_rules_outlive_a_restart_and_go_with_their_stream(tmp_path: Path) -> None:
    with Service(tmp_path) as first:
        stream = first.add_stream("Kept", enabled=False, zones=[ZONE])
        path = f"/streams/{stream}/guidance"
        kept = first.http.post(path, json=rule(zone="Gate"), headers={"X-Watchword-User": "mara"}).json()
    (tmp_path / "media" / VIDEO).unlink()
    (tmp_path / "media").rmdir()
    with Service(tmp_path) as second:
        wait_until(lambda: second.http.get("/readyz").is_success, "the stream to be back")
        assert second.http.get(path).json() == [kept]
        assert second.http.delete(f"/streams/{stream}").status_code == 204
        assert_problem(second.http.get(path), 404, "stream_not_found")
        assert_problem(second.http.post(path, json=rule()), 404, "stream_not_found")
        assert [edit["who"] for edit in second.http.get(f"{path}/audit").json()] == ["mara"]
