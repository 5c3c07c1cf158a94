"""Scores of a span of time over the API, as JSON and as CSV, over restarts."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.contracts.stream import StreamState
from service.store.score_minutes import ScoreMinute, ScoreMinuteStore
from support.serving import Service, assert_problem


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path) as service:
        yield service


def keep(service: Service, stream: str, minute: int, score: float | None, state: str = "live") -> None:
    store = ScoreMinuteStore(service.application.alerts.database)
    store.merge([ScoreMinute(stream, minute, score, StreamState(state))])


def test_a_span_of_the_past_is_of_minutes_and_says_what_nobody_watched(service: Service) -> None:
    stream = service.silent_stream()
    hour = int(time.time() // 3600) * 60 - 120  # two hours ago, in minutes
    keep(service, stream, hour, 0.25)
    keep(service, stream, hour + 1, None, "offline")
    keep(service, stream, hour + 90, 0.75)
    begin = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(hour * 60))
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(hour * 60 + 100 * 60))
    path = f"/streams/{stream}/scores"
    points = service.http.get(path, params={"from": begin, "until": end}).json()
    assert [(point["seconds"], point["score"], point["state"]) for point in points] == [
        (60, 0.25, "live"),
        (60, None, "offline"),
        (60, 0.75, "live"),
    ]
    assert points[0]["at"] == begin
    hours = service.http.get(path, params={"from": begin, "until": end, "step": 3600}).json()
    assert [(point["seconds"], point["score"]) for point in hours] == [(3600, 0.25), (3600, 0.75)]
    assert service.http.get(path, params={"since": begin, "until": end}).json() == points


def test_csv_has_a_header_and_the_same_points(service: Service) -> None:
    stream = service.silent_stream()
    now = int(time.time() // 60)
    for ago in range(2, 1300):
        keep(service, stream, now - ago, ago / 1300)
    keep(service, stream, now - 1, None, "offline")
    path = f"/streams/{stream}/scores"
    response = service.http.get(path, params={"format": "csv"})
    assert response.headers["content-type"].startswith("text/csv")
    assert response.headers["content-disposition"] == f'attachment; filename="scores-{stream}.csv"'
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    points = service.http.get(path, params={"step": 60}).json()
    minutes = [row for row in rows if row["seconds"] == "60"]
    assert len(minutes) >= 1298
    assert [row["score"] for row in rows if row["state"] == "offline"] == [""]
    by_time = {point["at"]: point for point in points}
    for row in minutes[:-1]:
        assert float(row["score"] or 0) == pytest.approx(by_time[row["at"].replace(".000Z", "Z")]["score"] or 0, 1e-5)


def test_frames_in_memory_are_points_of_their_own(service: Service) -> None:
    stream = service.silent_stream()
    now = time.time()
    service.publish(stream, range(1, 4), captured_at=now - 30, score=0.5)
    points = service.http.get(f"/streams/{stream}/scores", params={"step": 1}).json()
    assert [(point["seconds"], point["score"]) for point in points if point["score"] is not None] == [(1, 0.5)]
    messages = service.http.get(f"/streams/{stream}/scores", params={"after": 1, "limit": 1}).json()
    assert [message["seq"] for message in messages] == [2]


def test_minutes_survive_a_restart_and_go_with_their_stream(tmp_path: Path) -> None:
    with Service(tmp_path / "first", data_dir=tmp_path / "data") as service:
        stream = service.silent_stream()
        service.publish(stream, range(1, 2), captured_at=time.time() - 120, score=0.625)
    with Service(tmp_path / "second", data_dir=tmp_path / "data") as service:
        path = f"/streams/{stream}/scores"
        points = service.http.get(path, params={"step": 60}).json()
        assert 0.625 in [point["score"] for point in points]
        assert service.http.delete(f"/streams/{stream}").status_code == 204
        assert_problem(service.http.get(path, params={"step": 60}), 404, "stream_not_found")
        assert ScoreMinuteStore(service.application.alerts.database).between(stream, 0, 2**40) == []


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("after=1&step=60", "Give `after` and `limit` for recent messages"),
        ("limit=1&format=csv", "Give `after` and `limit` for recent messages"),
        ("step=90", "`step` is 90: give less than 60 seconds, or whole minutes (60, 120, ...)."),
        (
            "since=3041",
            "since: 3041 is a number, not a time. Write a time with its zone, such as 2026-03-01T12:00:00Z.",
        ),
        (
            "from=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z",
            "`until` (2026-03-01T00:00:00Z) must come after `from` (2026-03-02T00:00:00Z).",
        ),
        ("from=2999-03-02T00:00:00Z", "`until` ("),
    ],
)
def test_what_cannot_be_a_span_is_refused(service: Service, query: str, detail: str) -> None:
    stream = service.silent_stream()
    problem = assert_problem(service.http.get(f"/streams/{stream}/scores?{query}"), 422, "invalid_input")
    assert problem["detail"].startswith(detail)


@pytest.mark.parametrize(
    "query",
    [
        "until=0001-01-01T00:00:00Z",
        "until=0001-01-01T12:00:00Z&step=60",
        "from=0001-01-01T00:00:00Z&until=0001-01-02T00:00:00Z&step=86400",
        "from=9999-12-31T00:00:00Z&until=9999-12-31T23:59:59.999999Z",
        "until=9999-12-31T23:59:59.999999Z&step=86400",
    ],
)
def test_at_both_ends_of_time_nothing_is_known(service: Service, query: str) -> None:
    stream = service.silent_stream()
    response = service.http.get(f"/streams/{stream}/scores?{query}")
    assert (response.status_code, response.json()) == (200, [])
