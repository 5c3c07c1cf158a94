"""Alerts over the API: listed, paged, judged, shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from service.contracts.alert import Alert, AlertState
from service.store.tables import alerts
from support.alerts import NOON, make_alert
from support.serving import Service, assert_problem

JPEG = b"\xff\xd8 not much of a picture \xff\xd9"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path) as service:
        yield service


def store(service: Service, *made: Alert) -> None:
    database = service.application.alerts.database
    with database.transaction() as connection:
        for alert in made:
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
        ("cursor=b3&limit=2", ["a2", "a1"]),
        ("stream=gate&stream=yard", ["b4", "b3", "a2", "a1", "a0"]),
        ("from=2026-05-04T12:00:01Z&until=2026-05-04T12:00:03Z", ["a2", "a1"]),
        ("verdict=none", ["b4", "b3", "a2", "a1", "a0"]),
        ("verdict=confirmed&verdict=false_alarm", []),
        ("kind=stream_offline", []),
        ("kind=stream_offline&kind=anomaly&state=closed", ["b3"]),
        ("text=GATE+person", ["b4", "b3"]),
        ("text=elephant", []),
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


# ---- pages


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_pages_give_each_alert_once_while_new_ones_open_and_are_judged(service: Service, data: st.DataObject) -> None:
    """Through any filter, whatever opens, is reviewed or deleted meanwhile: what stays as it was comes once."""
    database = service.application.alerts.database
    with database.transaction() as connection:
        connection.execute(delete(alerts))
    drawn = st.tuples(st.integers(0, 8), st.sampled_from(["yard", "gate"]), st.sampled_from(list(AlertState)))
    made = data.draw(st.lists(drawn, min_size=1, max_size=25))
    store(
        service,
        *(
            make_alert(f"a{index:02}", second, stream, state=state)
            for index, (second, stream, state) in enumerate(made)
        ),
    )
    query = data.draw(
        st.fixed_dictionaries(
            {"limit": st.integers(1, 6)},
            optional={
                "stream": st.sampled_from(["yard", "gate"]),
                "state": st.sampled_from(["open", "closed"]),
                "from": st.sampled_from(["2026-05-04T12:00:03Z", "2026-05-04T11:00:00Z"]),
                "until": st.sampled_from(["2026-05-04T12:00:06Z"]),
                "text": st.sampled_from(["person", "yard", "gate size"]),
                "verdict": st.just("none"),
            },
        )
    )
    expected = ids(service.http.get("/alerts", params={**query, "limit": 1000}))
    response = service.http.get("/alerts", params=query)
    seen, gone = ids(response), set[str]()
    for number in range(100):
        following = response.links.get("next")
        if following is None:
            break
        store(service, make_alert(f"new{number}", 20 + number))
        if data.draw(st.booleans()):
            # The last alert of the page, which the cursor is of, no longer fits the filter, or is deleted.
            last = ids(response)[-1]
            if data.draw(st.booleans()):
                assert service.http.patch(f"/alerts/{last}", json={"verdict": "confirmed"}).is_success
            else:
                with database.transaction() as connection:
                    connection.execute(delete(alerts).where(alerts.c.id == last))
            gone.add(last)
        response = service.http.get(following["url"])
        seen += ids(response)
    assert [each for each in seen if not each.startswith("new")] == expected
    assert gone <= set(expected)


# ---- counts


def test_counts_and_days_are_of_the_same_alerts_as_the_list(five: Service) -> None:
    five.http.patch("/alerts/a1", json={"verdict": "confirmed"})
    for query, count, unreviewed in (
        ("", 5, 4),
        ("stream=yard", 3, 2),
        ("verdict=confirmed", 1, 0),
        ("text=zzz", 0, 0),
    ):
        assert five.http.get(f"/alerts/count?{query}").json() == {"alerts": count, "unreviewed": unreviewed}
        days = five.http.get(f"/alerts/days?{query}").json()
        assert days == ([{"day": "2026-05-04", "alerts": count, "unreviewed": unreviewed}] if count else [])


def test_days_are_those_of_the_camera_if_only_one_is_asked_for(service: Service) -> None:
    tokyo = service.add_stream("Tokyo", enabled=False, timezone="Asia/Tokyo")
    nowhere = service.add_stream("Nowhere", enabled=False)
    late = 4 * 3600  # 16:00 UTC is 01:00 of the next day there
    store(
        service, *(make_alert(f"{stream}{at}", at, stream) for stream in (tokyo, nowhere, "gone") for at in (0, late))
    )

    def days(query: str) -> list[str]:
        return [day["day"] for day in service.http.get(f"/alerts/days?{query}").json()]

    both = ["2026-05-05", "2026-05-04"]
    assert days(f"stream={tokyo}") == both
    assert days(f"stream={tokyo}&stream={tokyo}") == both
    assert days(f"stream={tokyo}&timezone=UTC") == both[1:]
    assert days(f"stream={tokyo}&stream={nowhere}") == both[1:]
    assert days(f"stream={nowhere}") == both[1:]
    assert days("stream=gone") == both[1:]
    assert days("timezone=Asia/Tokyo") == both


# ---- reviews


def test_a_note_is_kept_beside_the_verdict(five: Service) -> None:
    first = five.http.patch("/alerts/a1", json={"verdict": "confirmed"}).json()
    assert first["note"] is None
    noted = five.http.patch("/alerts/a1", json={"note": "  The gardener,\nevery Tuesday. "}).json()
    assert noted == {**first, "note": "The gardener,\nevery Tuesday."}
    assert noted["reviewed_at"] is not None
    assert ids(five.http.get("/alerts?text=gardener")) == ["a1"]
    taken_back = five.http.patch("/alerts/a1", json={"verdict": None, "note": ""}).json()
    assert (taken_back["verdict"], taken_back["reviewed_at"], taken_back["note"]) == (None, None, None)
    assert ids(five.http.get("/alerts?text=gardener")) == []


def test_several_are_reviewed_at_once_in_the_order_they_were_named(five: Service) -> None:
    response = five.http.post("/alerts/reviews", json={"ids": ["b4", "a0"], "verdict": "false_alarm", "note": "Cat."})
    assert ids(response) == ["b4", "a0"]
    assert response.json() == [five.http.get(f"/alerts/{each}").json() for each in ("b4", "a0")]
    assert {(each["verdict"], each["note"]) for each in response.json()} == {("false_alarm", "Cat.")}
    assert "its camera is no longer registered" in response.json()[0]["taught"]["detail"]
    assert five.http.get("/alerts/count").json() == {"alerts": 5, "unreviewed": 3}


def test_one_that_is_not_there_keeps_all_as_they_were(five: Service) -> None:
    before = five.http.get("/alerts").json()
    problem = five.http.post("/alerts/reviews", json={"ids": ["a0", "ghost", "b4"], "verdict": "confirmed"})
    assert "'ghost'" in assert_problem(problem, 404, "alert_not_found")["detail"]
    assert five.http.get("/alerts").json() == before


def test_the_picture_of_a_closed_alert_may_be_kept(five: Service) -> None:
    picture = "/alerts/b3/snapshot.jpg"
    store(five, make_alert("b3", 3, "gate", state=AlertState.CLOSED, closed_at=NOON, snapshot=picture))
    store(five, make_alert("b4", 4, "gate", snapshot="/alerts/b4/snapshot.jpg"))
    folder = five.application.alerts.snapshots
    folder.mkdir(parents=True, exist_ok=True)
    for alert_id in ("b3", "b4"):
        (folder / f"{alert_id}.jpg").write_bytes(JPEG)

    def keeping(path: str) -> str:
        return five.http.get(path).headers["cache-control"]

    assert keeping(f"{picture}?peak=2026-05-04T12:00:03Z") == "private, max-age=604800, immutable"
    assert keeping(f"{picture}?peak=2026-05-04T12:00:02Z") == "private, no-cache"
    assert keeping(picture) == "private, no-cache"
    assert keeping("/alerts/b4/snapshot.jpg?peak=2026-05-04T12:00:04Z") == "private, no-cache"
