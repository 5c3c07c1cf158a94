"""Alerts over the API: listed, paged, judged, shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.contracts.alert import Alert, AlertState
from support.alerts import NOON, make_alert
from support.serving import Service, assert_problem

JPEG = b"\xff\xd8 not much of a picture \xff\xd9"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path) as service:
        yield service


def store(service: Service, *alerts: Alert) -> None:
    database = service.application.alerts.database
    with database.transaction() as connection:
        for alert in alerts:
            service.application.alerts.record(connection, alert, "opened")


def ids(response: object) -> list[str]:
    return [alert["id"] for alert in response.json()]  # type: ignore[attr-defined]


@pytest.fixture
def five(service: Service) -> Service:
    store(
        service,
        *(make_alert(f"a{i}", i) for i in range(3)),
        make_alert("b3", 3, "gate", state=AlertState.CLOSED, closed_at=NOON),
        make_alert("b4", 4, "gate"),
    )
    return service


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["b4", "b3", "a2", "a1", "a0"]),
        ("stream=gate", ["b4", "b3"]),
        ("stream=nobody", []),
        ("state=open", ["b4", "a2", "a1", "a0"]),
        ("state=closed&stream=gate", ["b3"]),
        ("since=2026-05-04T12:00:02Z", ["b4", "b3", "a2"]),
        ("since=2026-05-04T14:00:03%2B02:00", ["b4", "b3"]),
        ("limit=2", ["b4", "b3"]),
        ("limit=2&before=b3", ["a2", "a1"]),
        ("before=a0", []),
    ],
)
def test_alerts_are_listed_newest_first(five: Service, query: str, expected: list[str]) -> None:
    assert ids(five.http.get(f"/alerts?{query}")) == expected


def test_links_lead_through_all_pages(five: Service) -> None:
    seen, url = [], "/alerts?limit=2&stream=yard"
    for _ in range(4):
        response = five.http.get(url)
        seen += ids(response)
        following = response.links.get("next")
        if following is None:
            break
        url = following["url"]
    assert seen == ["a2", "a1", "a0"]


def test_an_alert_is_told_as_it_is_in_its_event(five: Service) -> None:
    body = five.http.get("/alerts/a1").json()
    assert Alert.model_validate(body) == five.application.alerts.get("a1")
    assert (body["opened_at"], body["verdict"]) == ("2026-05-04T12:00:01Z", None)


def test_a_person_says_what_it_was_and_takes_it_back(five: Service) -> None:
    for verdict in ("false_alarm", "confirmed", None):
        response = five.http.patch("/alerts/a1", json={"verdict": verdict})
        assert (response.status_code, response.json()["verdict"]) == (200, verdict)
        assert five.http.get("/alerts/a1").json()["verdict"] == verdict


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"verdict": "maybe"},
        {"verdict": "confirmed", "state": "closed"},
        {"note": "a" * 1001},
        {"note": "a\x00b"},
        {"note": 7},
        [],
        None,
    ],
)
def test_other_verdicts_change_nothing(five: Service, body: object) -> None:
    before = five.http.get("/alerts/a1").json()
    assert_problem(five.http.patch("/alerts/a1", json=body), 422, "invalid_input")
    assert five.http.get("/alerts/a1").json() == before


def test_the_picture_is_served_and_revalidated(five: Service) -> None:
    assert_problem(five.http.get("/alerts/a1/snapshot.jpg"), 404, "snapshot_not_found")
    store(five, make_alert("a1", 1, snapshot="/alerts/a1/snapshot.jpg"))
    folder = five.application.alerts.snapshots
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a1.jpg").write_bytes(JPEG)
    path = five.http.get("/alerts/a1").json()["snapshot"]
    response = five.http.get(path)
    assert (response.status_code, response.content) == (200, JPEG)
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["cache-control"] == "private, no-cache"
    known = {"if-none-match": response.headers["etag"]}
    again = five.http.get(path, headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", response.headers["etag"])
    assert five.http.head(path).headers["content-length"] == str(len(JPEG))
    (folder / "a1.jpg").write_bytes(JPEG + b"at a higher peak")
    assert five.http.get(path, headers=known).status_code == 200
