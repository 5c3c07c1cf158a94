"""Bad input gets a problem with a stable code that says what was expected and what came, and changes nothing."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.ports import free_port
from support.rtsp import RtspServer
from support.serving import VIDEO, Service, assert_problem, unchanged
from support.video import write_audio, write_video

SECRET = "hunter2-s3cret"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service"), max_body_bytes=1_000_000) as service:
        media = service.media
        (media / "notes.mp4").write_text("This is not a film.\n" * 100)
        whole = write_video(media / "whole.mp4").read_bytes()
        (media / "truncated.mp4").write_bytes(whole[: len(whole) // 4])
        write_audio(media / "silence.m4a")
        (media / "empty").mkdir()
        broken = service.application.settings.packs_path / "broken"
        broken.mkdir(parents=True)
        (broken / "manifest.json").write_text("{}")
        service.add_stream("Present")
        yield service


def body(**fields: object) -> dict[str, object]:
    return {"name": "New", "url": f"file:{VIDEO}", **fields}


def zone(*polygon: tuple[object, object], name: str = "Door") -> dict[str, object]:
    return {"name": name, "polygon": polygon}


BAD_STREAMS = {
    # sources
    "unknown scheme": (body(url="gopher://camera/stream"), 422, "source_scheme"),
    "no scheme": (body(url="camera/stream"), 422, "source_scheme"),
    "no host": (body(url="rtsp:///stream"), 422, "source_host"),
    "port out of range": (body(url="rtsp://camera:99999/stream"), 422, "source_port"),
    "file outside the media folder": (body(url="file:../data/watchword.db"), 422, "source_path"),
    "absolute file": (body(url="file:/etc/passwd"), 422, "source_path"),
    "file that is not there": (body(url="file:nothing.mp4"), 422, "source_unreachable"),
    "text called mp4": (body(url="file:notes.mp4"), 422, "source_unreadable"),
    "truncated file": (body(url="file:truncated.mp4"), 422, "source_unreadable"),
    "file without a picture": (body(url="file:silence.m4a"), 422, "source_unsupported"),
    "empty folder": (body(url="file:empty"), 422, "source_unreadable"),
    "empty url": (body(url=""), 422, "invalid_input"),
    "endless url": (body(url="rtsp://" + "a" * 3000), 422, "invalid_input"),
    "url of another type": (body(url=["rtsp://camera/1"]), 422, "invalid_input"),
    "unknown transport": (body(transport="carrier pigeon"), 422, "invalid_input"),
    # numbers
    "fps of 0": (body(fps=0), 422, "invalid_input"),
    "fps of 10,000": (body(fps=10_000), 422, "invalid_input"),
    "fps that is negative": (body(fps=-1), 422, "invalid_input"),
    "fps that is no number": (body(fps="fast"), 422, "invalid_input"),
    "threshold above 1": (body(threshold=1.5), 422, "invalid_input"),
    "two thresholds": (body(threshold=0.5, alerts_per_day=2), 422, "invalid_input"),
    "no alerts at all": (body(alerts_per_day=0), 422, "invalid_input"),
    # zones
    "polygon of two points": (body(zones=[zone((0, 0), (1, 1))]), 422, "invalid_input"),
    "polygon without an area": (body(zones=[zone((0, 0), (0.5, 0.5), (1, 1))]), 422, "invalid_input"),
    "polygon that crosses itself": (body(zones=[zone((0, 0), (1, 0), (0, 1), (0.9, 1))]), 422, "invalid_input"),
    "polygon beyond the picture": (body(zones=[zone((0, 0), (1.2, 0), (0, 1))]), 422, "invalid_input"),
    "polygon of words": (body(zones=[zone(("a", "b"), (1, 0), (0, 1))]), 422, "invalid_input"),
    "point of three numbers": (
        body(zones=[{"name": "a", "polygon": [[0, 0, 0], [1, 0], [0, 1]]}]),
        422,
        "invalid_input",
    ),
    "two zones of one name": (body(zones=[zone((0, 0), (1, 0), (0, 1))] * 2), 422, "invalid_input"),
    "too many zones": (
        body(zones=[zone((0, 0), (1, 0), (0, 1), name=str(i)) for i in range(33)]),
        422,
        "invalid_input",
    ),
    # names and packs
    "no name": ({"url": f"file:{VIDEO}"}, 422, "invalid_input"),
    "name of spaces": (body(name="   "), 422, "invalid_input"),
    "endless name": (body(name="a" * 101), 422, "invalid_input"),
    "unknown field": (body(colour="red"), 422, "invalid_input"),
    "misspelt field": (body(fsp=5), 422, "invalid_input"),
    "misspelt field of a zone": (
        body(zones=[{"name": "a", "poligon": [[0, 0], [1, 0], [0, 1]], "polygon": [[0, 0], [1, 0], [0, 1]]}]),
        422,
        "invalid_input",
    ),
    "unknown pack": (body(packs=["no-such-pack"]), 422, "unknown_pack"),
    "broken pack": (body(packs=["broken"]), 422, "unknown_format"),
    "pack of another kind": (body(packs=["motion"]), 422, "pack_kind"),
    "unknown detector": (body(detector="no-such-detector"), 422, "unknown_pack"),
    "no packs": (body(packs=[]), 422, "invalid_input"),
    # enrolment
    "enrolment from nowhere": (body(enrolment={}), 422, "invalid_input"),
    "enrolment from two places": (body(enrolment={"seconds": 60, "sources": [VIDEO]}), 422, "invalid_input"),
    "enrolment from outside": (body(enrolment={"sources": ["../x.mp4"]}), 422, "source_path"),
    "enrolment of a second": (body(enrolment={"seconds": 1}), 422, "invalid_input"),
    "enrolment of too few frames": (body(fps=1, enrolment={"seconds": 60}), 422, "too_few_frames"),
    "enrolment of nobody's": (body(enrolment={"stream": "nobody"}), 404, "stream_not_found"),
    # bodies that are no streams
    "a list": ([], 422, "invalid_input"),
    "a word": ("stream", 422, "invalid_input"),
    "null": (None, 422, "invalid_input"),
}


@pytest.mark.parametrize("case", BAD_STREAMS)
def test_a_bad_stream_is_refused(service: Service, case: str) -> None:
    sent, status, code = BAD_STREAMS[case]
    with unchanged(service):
        response = service.http.post("/streams", json=sent)
    problem = assert_problem(response, status, code)
    documented = service.app.openapi()["paths"]["/streams"]["post"]["responses"][str(status)]
    assert code in documented["content"]["application/problem+json"]["examples"]
    if code == "invalid_input":
        for error in problem["errors"]:
            assert error["place"] == "body"
            assert error["expected"]
            assert error["got"]


@pytest.mark.parametrize(
    ("case", "field", "expected", "got"),
    [
        ("fps of 0", "fps", "a number greater than 0", "0"),
        ("fps that is no number", "fps", "a number", "'fast'"),
        ("fps of 10,000", "fps", "a number less than or equal to 60", "10000"),
        ("polygon of two points", "zones[0].polygon", "a list with at least 3 items", "a list of 2 items"),
        ("polygon without an area", "zones[0].polygon", "a polygon with an area", "corners on one line"),
        ("polygon beyond the picture", "zones[0].polygon[1][0]", "a number less than or equal to 1", "1.2"),
        ("two thresholds", "", "Give a threshold or alerts_per_day, not both.", "an object"),
        ("no name", "name", "a value", "nothing"),
        ("misspelt field", "fsp", "a known field, such as `fps`", "an unknown one"),
        (
            "misspelt field of a zone",
            "zones[0].poligon",
            "a known field, such as `polygon`",
            "an unknown one",
        ),
        ("unknown transport", "transport", "'tcp' or 'udp'", "'carrier pigeon'"),
        ("null", "", "a JSON object", "nothing"),
    ],
)
def test_the_problem_names_the_field_what_was_expected_and_what_came(
    service: Service, case: str, field: str, expected: str, got: str
) -> None:
    problem = service.http.post("/streams", json=BAD_STREAMS[case][0]).json()
    found = {error["field"]: (error["expected"], error["got"]) for error in problem["errors"]}
    assert found[field] == (expected, got)


def test_a_camera_that_nobody_answers_for_is_refused(service: Service) -> None:
    with unchanged(service):
        response = service.http.post("/streams", json=body(url=f"rtsp://127.0.0.1:{free_port()}/a"))
    assert_problem(response, 422, "source_unreachable")


def test_a_camera_that_is_down_is_registered_without_a_probe(service: Service) -> None:
    spec = body(url=f"rtsp://127.0.0.1:{free_port()}/a")
    response = service.http.post("/streams", params={"probe": False}, json=spec)
    assert response.status_code == 201
    assert service.http.delete(response.headers["location"]).status_code == 204


def test_a_url_of_this_service_itself_is_refused(service: Service) -> None:
    for host in ("127.0.0.1", "localhost", "0.0.0.0"):
        with unchanged(service):
            response = service.http.post("/streams", json=body(url=f"http://{host}:{service.port}/streams/x/live.mjpg"))
        assert_problem(response, 422, "source_self")


@pytest.mark.parametrize(
    "spec",
    [
        body(url=f"rtsp://admin:{SECRET}@127.0.0.1:1/a"),
        body(url=f"rtsp://admin:{SECRET}@camera:99999/a"),
        body(url=f"gopher://admin:{SECRET}@camera/a"),
        body(url=f"rtsp://admin:x/{SECRET}@camera/a"),
        body(url=f"rtsp://camera/{SECRET}@a"),
        body(url=f"http://127.0.0.1:1/a?user=admin&password={SECRET}"),
        body(url=f"rtsp://admin:{SECRET}@" + "a" * 3000),
        body(url=[f"rtsp://admin:{SECRET}@camera/a"]),
        body(url={"href": f"rtsp://admin:{SECRET}@camera/a"}),
        body(name=f"rtsp://admin:{SECRET}@camera/a" + "a" * 100),
        body(fps=f"rtsp://admin:{SECRET}@camera/a"),
        body(password=SECRET),
        body(detection={"classes": [{"token": SECRET}]}),
        body(detector=f"rtsp://admin:{SECRET}@camera"),
        {f"rtsp://admin:{SECRET}@camera/a": 1},
        f"rtsp://admin:{SECRET}@camera/a",
        [f"rtsp://admin:{SECRET}@camera/a"],
    ],
)
def test_credentials_are_in_no_error_nor_log(service: Service, spec: object, caplog: pytest.LogCaptureFixture) -> None:
    with unchanged(service):
        response = service.http.post("/streams", json=spec)
    assert 400 <= response.status_code < 500
    assert SECRET not in response.text
    assert SECRET not in caplog.text
    assert SECRET not in service.http.get("/metrics").text


def test_credentials_are_in_no_answer_about_a_stream(service: Service) -> None:
    spec = body(url=f"rtsp://admin:{SECRET}@127.0.0.1:{free_port()}/a?token={SECRET}")
    response = service.http.post("/streams", params={"probe": False}, json=spec)
    assert response.status_code == 201
    path = response.headers["location"]
    assert response.json()["has_credentials"] is True
    answers = [
        response,
        service.http.get(path),
        service.http.get("/streams"),
        service.http.patch(path, json={"threshold": 0.5, "alerts_per_day": 1.0}),
        service.http.patch(path, json={"url": f"rtsp://admin:{SECRET}@camera", "threshold": 0.5, "alerts_per_day": 1}),
        service.http.patch(path, json={"url": f"rtsp://admin:{SECRET}@camera:99999"}),
        service.http.get("/alerts"),
        service.http.get("/metrics"),
        service.http.delete(path),
    ]
    for answer in answers:
        assert SECRET not in answer.text


def test_wrong_credentials_are_told_apart(service: Service, tmp_path: Path) -> None:
    from support.http import HttpServer

    with HttpServer(tmp_path, userinfo="admin:right") as camera, unchanged(service):
        url = camera.url("live.mjpg").replace("http://", f"http://admin:{SECRET}@")
        response = service.http.post("/streams", json=body(url=url))
        assert_problem(response, 422, "source_unauthorized")
        assert SECRET not in response.text


def test_rtsp_that_has_no_such_stream_is_refused(service: Service) -> None:
    with RtspServer(service.media) as camera, unchanged(service):
        response = service.http.post("/streams", json=body(url=camera.url("nothing.mp4")))
        assert response.status_code == 422
        assert response.json()["code"].startswith("source_")


# ---- bodies


def test_a_declared_body_of_5_mb_is_refused_before_it_is_read(service: Service) -> None:
    with unchanged(service):
        response = service.http.post("/streams", content=b"x" * 5_000_000, headers={"content-type": "application/json"})
    problem = assert_problem(response, 413, "body_too_large")
    assert problem["detail"] == "The body is too large: 5000000 bytes, and 1000000 are the most."


def test_a_body_of_unknown_length_is_counted(service: Service) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(80):
            yield b"x" * 65_536

    with unchanged(service):
        response = service.http.post("/streams", content=chunks(), headers={"content-type": "application/json"})
    assert_problem(response, 413, "body_too_large")


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed_body"),
        (b'{"name": "a", "url": "\xff"}', "application/json", 400, "malformed_body"),
        (b"[" * 100_000, "application/json", 400, "malformed_body"),
        (b"1" * 100_000, "application/json", 400, "malformed_body"),
        (b'{"name": "a"}', "text/plain", 415, "unsupported_media_type"),
        (b"name=a", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'{"name": "a"}', "", 415, "unsupported_media_type"),
        (b"", "application/json", 422, "invalid_input"),
        (b'{"name": "\\ud800", "url": "file:a"}', "application/json", 422, "invalid_input"),
        (b'{"\\ud800": 1}', "application/json", 422, "invalid_input"),
        (b'{"name": "a", "url": "file:a", "fps": NaN}', "application/json", 422, "invalid_input"),
        (b'{"name": "a", "url": "file:a", "fps": Infinity}', "application/json", 422, "invalid_input"),
        (b'{"name": "a", "url": "file:a", "fps": 1e999}', "application/json", 422, "invalid_input"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(
    service: Service, content: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    with unchanged(service):
        response = service.http.post("/streams", content=content, headers=headers)
    assert_problem(response, status, code)


def test_wrong_in_a_hundred_thousand_places_is_told_in_twenty(service: Service) -> None:
    spec = body(detection={"classes": [1] * 90, "confidence": "high"}, packs=[1] * 8)
    problem = assert_problem(service.http.post("/streams", json=spec), 422, "invalid_input")
    assert len(problem["errors"]) == 20
    assert problem["context"] == {"more_errors": 79}
    assert len(problem["detail"]) < 500


# ---- paths, methods, parameters


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "no_such_path"),
        ("POST", "/nothing", 404, "no_such_path"),
        ("GET", "/streams/", 404, "no_such_path"),
        ("GET", "/docs/../etc/passwd", 404, "no_such_path"),
        ("GET", "/%2e%2e/service/errors.py", 404, "no_such_path"),
        ("PUT", "/streams", 405, "method_not_allowed"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
        ("POST", "/", 405, "method_not_allowed"),
        ("GET", "/streams/nobody", 404, "stream_not_found"),
        ("PATCH", "/streams/nobody", 404, "stream_not_found"),
        ("GET", "/streams/nobody/enrolment", 404, "stream_not_found"),
        ("DELETE", "/streams/nobody/enrolment", 404, "stream_not_found"),
        ("GET", "/streams/nobody/snapshot.jpg", 404, "stream_not_found"),
        ("GET", "/streams/nobody/live.mjpg", 404, "stream_not_found"),
        ("GET", "/streams/nobody/scores", 404, "stream_not_found"),
        ("GET", "/streams/no%00body", 422, "invalid_input"),
        ("GET", f"/streams/{'a' * 65}", 422, "invalid_input"),
        ("GET", "/alerts/nothing", 404, "alert_not_found"),
        ("GET", "/alerts/nothing/snapshot.jpg", 404, "alert_not_found"),
        ("GET", "/alerts/a%2F..%2Fb/snapshot.jpg", 404, "no_such_path"),
        ("PATCH", "/alerts/nothing", 404, "alert_not_found"),
        ("GET", "/alerts?limit=0", 422, "invalid_input"),
        ("GET", "/alerts?limit=1001", 422, "invalid_input"),
        ("GET", "/alerts?limit=many", 422, "invalid_input"),
        ("GET", "/alerts?state=ajar", 422, "invalid_input"),
        ("GET", "/alerts?since=yesterday", 422, "invalid_input"),
        ("GET", "/alerts?since=2026-03-01T12:00:00", 422, "invalid_input"),
        ("GET", "/alerts?since=0001-01-01T00:00:00%2B14:00", 422, "invalid_input"),
        ("GET", "/alerts?before=nothing", 422, "invalid_cursor"),
        ("GET", "/alerts?cursor=nothing", 422, "invalid_cursor"),
        ("GET", "/alerts?cursor=999999999999999999~a", 422, "invalid_cursor"),
        ("GET", "/alerts?cursor=a~b~c", 422, "invalid_input"),
        ("GET", "/alerts?cursor=a&before=b", 422, "repeated_parameter"),
        ("GET", "/alerts?from=2026-03-01T12:00:00Z&since=2026-03-01T12:00:00Z", 422, "repeated_parameter"),
        ("GET", "/alerts?from=1772366404", 422, "invalid_input"),
        ("GET", "/alerts?from=2026-03-02T12:00:00Z&until=2026-03-01T12:00:00Z", 422, "invalid_input"),
        ("GET", "/alerts?from=2026-03-01T12:00:00Z&until=2026-03-01T13:00:00%2B01:00", 422, "invalid_input"),
        ("GET", "/alerts?verdict=maybe", 422, "invalid_input"),
        ("GET", "/alerts?verdict=none&verdict=null", 422, "invalid_input"),
        ("GET", "/alerts?kind=noise", 422, "invalid_input"),
        ("GET", "/alerts?text=", 422, "invalid_input"),
        ("GET", "/alerts?text=%20%20", 422, "invalid_input"),
        ("GET", "/alerts?text=a%00b", 422, "invalid_input"),
        ("GET", f"/alerts?text={'a' * 201}", 422, "invalid_input"),
        ("GET", "/alerts?" + "&".join(f"stream={index}" for index in range(257)), 422, "invalid_input"),
        ("GET", "/alerts?limit=1&limit=1", 422, "repeated_parameter"),
        ("GET", "/alerts?state=open&state=closed", 422, "repeated_parameter"),
        ("GET", "/alerts?limt=1", 422, "unknown_parameter"),
        ("GET", "/alerts?Limit=1", 422, "unknown_parameter"),
        ("GET", "/alerts?stream%5B%5D=a", 422, "unknown_parameter"),
        ("GET", "/alerts?=1", 422, "unknown_parameter"),
        ("GET", "/alerts/count?limit=1", 422, "unknown_parameter"),
        ("GET", "/alerts/days?timezone=Mars/Olympus", 422, "invalid_input"),
        ("GET", "/alerts/days?timezone=", 422, "invalid_input"),
        ("GET", "/alerts/days?timezone=../../etc/passwd", 422, "invalid_input"),
        ("GET", "/alerts/nothing/snapshot.jpg?overlay=true", 422, "unknown_parameter"),
        ("GET", "/streams?limit=3", 422, "unknown_parameter"),
        ("POST", "/streams?prob=false", 422, "unknown_parameter"),
        ("GET", "/streams/nobody/snapshot.jpg?overlays=true", 422, "unknown_parameter"),
        ("GET", "/streams/nobody/live.mjpg?overlay=true&overlay=true", 422, "repeated_parameter"),
        ("GET", "/streams/nobody/scores?befor=3", 422, "unknown_parameter"),
        ("GET", "/scores?stream=a", 422, "unknown_parameter"),
        ("GET", "/healthz?verbose", 422, "unknown_parameter"),
        ("GET", "/readyz?verbose=1", 422, "unknown_parameter"),
        ("GET", "/metrics?format=json", 422, "unknown_parameter"),
        ("GET", "/packs?kind=head", 422, "unknown_parameter"),
        ("GET", "/packs/attributes?full=1", 422, "unknown_parameter"),
        ("GET", "/alerts?stream=a%00b", 422, "invalid_input"),
        ("GET", "/packs/nothing", 404, "pack_not_found"),
        ("GET", "/packs/a%20b", 422, "invalid_input"),
        ("GET", "/scores", 426, "upgrade_required"),
    ],
)
def test_every_refusal_is_a_problem(service: Service, method: str, path: str, status: int, code: str) -> None:
    sent: dict[str, Any] = (
        {"json": {"verdict": None} if "alerts" in path else {}} if method in ("PATCH", "POST") else {}
    )
    with unchanged(service):
        response = service.http.request(method, path, **sent)
    assert_problem(response, status, code)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"ids": []}, 422),
        ({"ids": [], "verdict": None}, 422),
        ({"ids": ["a"]}, 422),
        ({"verdict": "confirmed"}, 422),
        ({"ids": ["a", "a"], "verdict": "confirmed"}, 422),
        ({"ids": "a", "verdict": "confirmed"}, 422),
        ({"ids": ["a/b"], "verdict": "confirmed"}, 422),
        ({"ids": [str(index) for index in range(201)], "verdict": "confirmed"}, 422),
        ({"ids": ["a"], "verdict": "maybe"}, 422),
        ({"ids": ["a"], "note": "a" * 1001}, 422),
        ({"ids": ["a"], "note": "\ud800"}, 422),
        ({"ids": ["a"], "verdikt": "confirmed"}, 422),
        ({"ids": [str(index) for index in range(200)], "verdict": "confirmed"}, 404),
    ],
)
def test_bad_reviews_are_refused(service: Service, body: object, status: int) -> None:
    code = "invalid_input" if status == 422 else "alert_not_found"
    content = json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    assert_problem(service.http.post("/alerts/reviews", content=content, headers=headers), status, code)


def test_an_unknown_parameter_is_answered_with_the_known_ones(service: Service) -> None:
    problem = assert_problem(service.http.get("/alerts?verdikt=none"), 422, "unknown_parameter")
    assert problem["detail"].startswith("There is no query parameter `verdikt` here. Did you mean `verdict`? Known: ")
    assert set(problem["context"]["known"]) == {
        *("before", "cursor", "from", "kind", "limit", "since", "state", "stream", "text", "until", "verdict")
    }
    problem = assert_problem(service.http.get("/packs?x=1"), 422, "unknown_parameter")
    assert problem["detail"] == "There is no query parameter `x` here. This path takes none."
    assert SECRET not in service.http.get(f"/packs?rtsp://admin:{SECRET}@camera/{'a' * 90}=1").text


def test_every_documented_operation_refuses_what_it_does_not_know(service: Service) -> None:
    for path, item in service.app.openapi()["paths"].items():
        for method in item:
            filled = path.replace("{", "").replace("}", "")
            response = service.http.request(method, f"{filled}?nobody_knows=1", json={} if method != "get" else None)
            assert_problem(response, 422, "unknown_parameter" if "unknown" in response.text else "invalid_input")
            if method in ("get", "delete"):
                assert response.json()["code"] == "unknown_parameter", (method, path)


def test_a_405_names_every_method_of_the_path(service: Service) -> None:
    stream = service.http.get("/streams").json()[0]["id"]
    for path, allowed in {
        "/streams": "GET, POST",
        f"/streams/{stream}": "GET, PATCH, DELETE",
        f"/streams/{stream}/snapshot.jpg": "GET, HEAD",
    }.items():
        response = service.http.put(path, json={})
        assert response.headers["allow"] == allowed
        assert allowed.replace(", ", " and ") in assert_problem(response, 405, "method_not_allowed")["detail"]


def test_parameters_of_scores_are_bounded(service: Service) -> None:
    stream = service.http.get("/streams").json()[0]["id"]
    for query in (
        *("limit=0", "limit=5001", "after=-1", "after=x", f"after={10**30}"),
        *("since=3041", "since=-1", "from=x", "until=2026-03-01", "step=0", "step=86401", "format=xml"),
    ):
        problem = assert_problem(service.http.get(f"/streams/{stream}/scores?{query}"), 422, "invalid_input")
        assert problem["errors"][0]["place"] == "query"


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ({"fps": 0}, "invalid_input"),
        ({"name": ""}, "invalid_input"),
        ({"id": "other"}, "invalid_input"),
        ({"url": "gopher://a"}, "source_scheme"),
        ({"url": "file:notes.mp4"}, "source_unreadable"),
        ({"zones": [zone((0, 0), (1, 1))]}, "invalid_input"),
        ({"packs": ["no-such-pack"]}, "unknown_pack"),
        ({"detector": "no-such-detector"}, "unknown_pack"),
        ([], "invalid_input"),
    ],
)
def test_a_bad_change_changes_nothing(service: Service, patch: object, code: str) -> None:
    stream = service.http.get("/streams").json()[0]["id"]
    with unchanged(service):
        response = service.http.patch(f"/streams/{stream}", json=patch)
    assert_problem(response, 422, code)


# ---- whatever comes

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["rtsp://a", "file:" + VIDEO, "file:nothing", "http://127.0.0.1:1", "motion", "attributes"]),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=12,
)
FIELDS = [
    *("name", "url", "transport", "detector", "packs", "detection", "fps", "threshold", "alerts_per_day", "zones"),
    *("enrolment", "enabled", "seconds", "sources", "stream", "extend", "verdict", "polygon", "mode", "classes"),
]
bodies = json_values | st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=6)
PATHS = [
    ("POST", "/streams?probe=false"),
    ("PATCH", "/streams/nobody"),
    ("POST", "/streams/nobody/enrolment"),
    ("PATCH", "/alerts/nothing"),
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(PATHS), sent=bodies)
def test_no_json_breaks_the_service(service: Service, path: tuple[str, str], sent: object) -> None:
    content = json.dumps(sent).encode("utf-8", "surrogatepass")
    response = service.http.request(*path, content=content, headers={"content-type": "application/json"})
    if response.status_code == 201:  # hypothesis has made up a good one
        assert service.http.delete(response.headers["location"]).status_code == 204
        return
    assert 400 <= response.status_code < 500, response.text
    assert response.headers["content-type"] == "application/problem+json"


def test_no_bytes_break_the_service(service: Service) -> None:
    chance = random.Random(7)
    good = json.dumps(body(zones=[zone((0, 0), (1, 0), (0, 1))], enrolment={"seconds": 60})).encode()
    with unchanged(service):
        for _ in range(150):
            broken = bytearray(good)
            for _ in range(chance.randint(1, 6)):
                broken[chance.randrange(len(broken))] = chance.randrange(256)
            response = service.http.post(
                "/streams", content=bytes(broken), headers={"content-type": "application/json"}
            )
            if response.status_code == 201:
                service.http.delete(response.headers["location"])
                continue
            assert 400 <= response.status_code < 500, (bytes(broken), response.text)
            assert response.headers["content-type"] == "application/problem+json"


def test_no_path_or_query_breaks_the_service(service: Service) -> None:
    chance = random.Random(11)
    letters = string.ascii_letters + "/%?&=.;:@ \\'\"<>{}0123456789é漢"
    paths = [
        "/streams/",
        "/alerts?",
        "/alerts/",
        "/streams/nobody/scores?",
        "/packs/",
        "/",
        "/streams/nobody/snapshot.jpg?",
    ]
    for _ in range(200):
        noise = "".join(chance.choices(letters, k=chance.randint(0, 30)))
        response = service.http.get(chance.choice(paths) + noise)
        assert response.status_code < 500, (noise, response.text)
