"""What enrolment left out and what it would miss is told, decided by a person, and kept; a sensitivity is tried."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from service.settings import Settings
from support.service import Client, running
from support.walkway import write_walkway

pytestmark = pytest.mark.timeout(400)

RUSH_FROM, ODD_SECONDS = 10, 13


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("moments")
    media = folder / "media"
    media.mkdir()
    write_walkway(media / "normal.mp4", seconds=60)
    write_walkway(media / "odd.mp4", seconds=ODD_SECONDS, rush_from=RUSH_FROM)
    write_walkway(media / "short.mp4", seconds=20)
    return Settings(_env_file=None, port=0, data_dir=folder / "data", media_dir=media)


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[Client]:
    with running(settings) as client:
        yield client


@pytest.fixture(scope="module")
def stream(client: Client) -> str:
    spec = {"name": "Walk", "url": "file:odd.mp4?loop=true", "enrolment": {"sources": ["normal.mp4", "odd.mp4"]}}
    stream_id = str(client.post("/streams", json=spec).raise_for_status().json()["id"])
    client.enrolled(stream_id)
    return stream_id


def told(client: Client, stream: str, kind: str) -> list[dict[str, Any]]:
    return [each for each in client.enrolled(stream)["moments"] if each["kind"] == kind]


def rush(client: Client, stream: str) -> dict[str, Any]:
    """The moment of what rushes through."""
    (found,) = [each for each in told(client, stream, "odd") if each["recording"] == "odd.mp4"]
    return found


def choose(client: Client, stream: str, moment: dict[str, Any], choice: str | None) -> dict[str, Any]:
    answer = client.patch(f"/streams/{stream}/enrolment/moments/{moment['id']}", json={"choice": choice})
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_odd_event_is_told_with_its_place_its_reason_and_a_picture(client: Client, stream: str) -> None:
    moment = rush(client, stream)
    assert moment["left_out"]
    assert moment["choice"] is None
    assert moment["at"] is None
    assert RUSH_FROM <= moment["begin_s"] < moment["end_s"] < ODD_SECONDS
    assert moment["why"] == "moving unusually fast"
    assert moment["score"] > 0.9
    assert moment["alerts"]
    answer = client.get(f"/{moment['picture']}")
    assert answer.headers["content-type"] == "image/jpeg"
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[1] == 160
    yellow = (picture[..., 2] > 150) & (picture[..., 1] > 150) & (picture[..., 0] < 110)  # nothing else is
    assert yellow.any()


def test_the_most_unusual_of_what_is_normal_is_told_the_most_unusual_first(client: Client, stream: str) -> None:
    missed = told(client, stream, "unusual")
    scores = [each["score"] for each in missed]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.33
    assert not any(each["left_out"] or each["alerts"] for each in missed)


def test_what_was_seen_is_told_beside_what_is_promised(client: Client, stream: str) -> None:
    enrolment = client.enrolled(stream)
    assert (enrolment["promise"]["kind"], enrolment["promise"]["incidents"]) == ("guess", 0)
    (profile,) = enrolment["profiles"]
    assert profile["recordings"] == 2
    assert 3 < profile["objects"] < profile["frames"]


def test_a_moment_is_left_out_and_taken_back(client: Client, stream: str) -> None:
    worst = told(client, stream, "unusual")[0]
    before = client.enrolled(stream)["profiles"][0]
    said = choose(client, stream, worst, "leave_out")
    assert said["state"] == "fitting"
    assert said["profiles"] == [before], "the present profile stays in force until the new one is there"
    after = client.enrolled(stream)
    assert after["profiles"][0]["created_at"] > before["created_at"]
    assert after["profiles"][0]["origin"] == before["origin"]
    (left,) = [each for each in after["moments"] if each["id"] == worst["id"]]
    assert (left["kind"], left["left_out"], left["choice"]) == ("odd", True, "leave_out")
    assert client.get(f"/{left['picture']}").is_success
    learned = after["profiles"][0]["summary"]["frames"]
    assert learned < before["summary"]["frames"]
    choose(client, stream, left, None)
    again = client.enrolled(stream)
    assert again["profiles"][0]["summary"]["frames"] == before["summary"]["frames"]
    assert worst["id"] in [each["id"] for each in again["moments"] if each["kind"] == "unusual"]


def test_a_moment_that_a_person_keeps_is_learned_from(client: Client, stream: str) -> None:
    moment, before = rush(client, stream), client.enrolled(stream)["profiles"][0]["summary"]
    choose(client, stream, moment, "keep")
    after = client.enrolled(stream)
    (kept,) = [each for each in after["moments"] if each["id"] == moment["id"]]
    assert (kept["left_out"], kept["choice"]) == (False, "keep")
    assert after["profiles"][0]["summary"]["frames"] == before["frames"]
    assert after["profiles"][0]["summary"]["odd_frames_left_out"] < before["odd_frames_left_out"]
    choose(client, stream, kept, None)
    again = client.enrolled(stream)
    assert rush(client, stream)["left_out"]
    assert again["profiles"][0]["summary"]["odd_frames_left_out"] == before["odd_frames_left_out"]


def test_several_choices_in_a_row_all_come_into_force(client: Client, stream: str) -> None:
    moments = [told(client, stream, "unusual")[0], rush(client, stream)]
    for moment in moments:
        choose(client, stream, moment, "leave_out")
    chosen = settled(client, stream, 2)
    assert {each["id"] for each in chosen} == {each["id"] for each in moments}
    for moment in chosen:
        choose(client, stream, moment, None)
    assert settled(client, stream, 0) == []


def settled(client: Client, stream: str, count: int, timeout: float = 120.0) -> list[dict[str, Any]]:
    """Wait until so many moments are left out by a choice that is in force."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        enrolment = client.enrolled(stream)
        chosen = [each for each in enrolment["moments"] if each["choice"] is not None]
        if len(chosen) == count and all(each["left_out"] for each in chosen):
            return chosen
        time.sleep(0.1)
    raise AssertionError(f"expected {count} choices in force within {timeout} s, got {chosen}")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("9-1-2", {"choice": "keep"}, 404, "moment_not_found"),
        ("nonsense", {"choice": "keep"}, 422, "invalid_input"),
        ("9-1-2", {"choice": "perhaps"}, 422, "invalid_input"),
        ("9-1-2", {}, 422, "invalid_input"),
    ],
)
def test_what_is_no_choice_is_refused(
    client: Client, stream: str, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = client.patch(f"/streams/{stream}/enrolment/moments/{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_there_is_no_picture_of_no_moment(client: Client, stream: str) -> None:
    answer = client.get(f"/streams/{stream}/enrolment/moments/9-1-2.jpg")
    assert (answer.status_code, answer.json()["code"]) == (404, "moment_not_found")


def test_moments_of_the_live_picture_have_times_of_their_own(client: Client) -> None:
    before = datetime.now(UTC)
    spec = {"name": "Live", "url": "file:normal.mp4?loop=true", "enrolment": {"seconds": 15}}
    live = client.post("/streams", json=spec).raise_for_status().json()["id"]
    enrolment = client.enrolled(live)
    assert enrolment["profiles"][0]["recordings"] == 0
    moments = enrolment["moments"]
    assert moments
    for moment in moments:
        assert moment["recording"] is None
        assert before < datetime.fromisoformat(moment["at"]) < datetime.now(UTC)
    client.delete(f"/streams/{live}").raise_for_status()


def test_nothing_is_decided_while_frames_are_gathered(client: Client, stream: str) -> None:
    moment = rush(client, stream)
    spec = {"name": "Other", "url": "file:normal.mp4?loop=true", "enrolment": {"stream": stream}}
    other = client.post("/streams", json=spec).raise_for_status().json()["id"]
    assert rush(client, other)["id"] == moment["id"]
    client.post(f"/streams/{other}/enrolment", json={"seconds": 600, "extend": True}).raise_for_status()
    answer = client.patch(f"/streams/{other}/enrolment/moments/{moment['id']}", json={"choice": "keep"})
    assert (answer.status_code, answer.json()["code"]) == (409, "enrolment_running")
    client.delete(f"/streams/{other}").raise_for_status()


def test_a_choice_holds_over_a_restart_and_when_more_is_learned(tmp_path: Path, settings: Settings) -> None:
    own = settings.model_copy(update={"data_dir": tmp_path / "data"})
    spec = {"name": "Walk", "url": "file:short.mp4?loop=true", "enrolment": {"sources": ["short.mp4"]}, "fps": 5}
    with running(own) as client:
        stream = str(client.post("/streams", json=spec).raise_for_status().json()["id"])
        client.enrolled(stream)
        worst = told(client, stream, "unusual")[0]
        choose(client, stream, worst, "leave_out")
        settled(client, stream, 1)
    with running(own) as client:
        assert [each["id"] for each in settled(client, stream, 1)] == [worst["id"]]
        before = client.enrolled(stream)["profiles"][0]["frames"]
        client.post(f"/streams/{stream}/enrolment", json={"sources": ["short.mp4"], "extend": True}).raise_for_status()
        assert client.enrolled(stream)["profiles"][0]["frames"] > 1.5 * before
        assert [each["id"] for each in settled(client, stream, 1)] == [worst["id"]]


def test_a_sensitivity_is_tried_on_what_was_scored_and_changes_nothing(client: Client, stream: str) -> None:
    before = client.get(f"/streams/{stream}").json()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:  # until what rushes through has been scored, each time the file comes round
        answer = client.post(f"/streams/{stream}/enrolment/preview", json={"threshold": 0.6}).raise_for_status().json()
        if answer["alerts"]:
            break
        time.sleep(0.2)
    assert answer["count"] == len(answer["alerts"]) > 0
    assert answer["threshold"] == 0.6
    assert answer["threshold_now"] == before["status"]["threshold"]
    assert answer["alerts"][0]["peak_score"] >= 0.6
    picture = answer["alerts"][0]["picture"]
    assert picture.startswith(("data:image/jpeg;base64,", "alerts/"))
    never = client.post(f"/streams/{stream}/enrolment/preview", json={"alerts_per_day": 0.001}).json()
    assert never["threshold"] >= answer["threshold"]
    after = client.get(f"/streams/{stream}").json()
    assert (after["threshold"], after["status"]["threshold"]) == (before["threshold"], before["status"]["threshold"])


@pytest.mark.parametrize("wish", [{}, {"threshold": 0.5, "alerts_per_day": 1}, {"threshold": 0}, {"days": 0}])
def test_what_is_no_wish_is_refused(client: Client, stream: str, wish: dict[str, float]) -> None:
    answer = client.post(f"/streams/{stream}/enrolment/preview", json=wish)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


def test_nothing_is_tried_where_nothing_was_learned(client: Client) -> None:
    bare = client.post("/streams", json={"name": "Bare", "url": "file:normal.mp4?loop=true"}).json()["id"]
    answer = client.post(f"/streams/{bare}/enrolment/preview", json={"threshold": 0.5})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_profile")
    nothing = client.get(f"/streams/{bare}/enrolment").json()
    assert (nothing["promise"], nothing["moments"], nothing["drift"]) == (None, [], None)
