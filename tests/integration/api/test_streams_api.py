"""Streams over the API, from registration to deletion, in every state."""

from __future__ import annotations

import os
import platform
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from unittest.mock import ANY

import pytest
from sqlalchemy import select, update

from service.contracts.alert import AlertKind
from service.guidance.explanation import missing_timezone
from service.store.tables import streams
from support.http import HttpServer
from support.peers import Peer, silent
from support.ports import free_port
from support.rtsp import RtspServer
from support.serving import VIDEO, Service, assert_problem, wait_until

BUILT_IN = {"attributes", "motion", "svad", "words"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path, stall_s=0.5, offline_grace_s=0.5, backoff_first_s=0.1, backoff_max_s=0.2) as service:
        yield service


def test_a_stream_is_registered_changed_and_deleted(service: Service) -> None:
    zones = [{"name": "Road", "polygon": [[0, 0], [1, 0], [1, 0.5]], "mode": "ignore"}]
    response = service.http.post("/streams", json={"name": " Yard ", "url": f"file:{VIDEO}?loop=true", "zones": zones})
    assert response.status_code == 201
    stream = response.json()
    path = f"/streams/{stream['id']}"
    assert response.headers["location"] == path
    assert stream == {
        **{"name": "Yard", "url": f"file:{VIDEO}?loop=true", "transport": "tcp", "detector": "motion"},
        **{
            "packs": ["attributes"],
            "encoder": None,
            "pose": None,
            "appearance": None,
            "timezone": None,
            "fps": 10.0,
            "threshold": None,
            "alerts_per_day": None,
            "zones": zones,
        },
        **{"detection": {"classes": None, "confidence": None, "min_height": 0.0}, "enrolment": None, "enabled": True},
        **{"id": ANY, "has_credentials": False, "created_at": ANY, "updated_at": ANY, "status": ANY},
        "warnings": [],
    }
    service.wait_for_state(stream["id"], "live")
    status = service.http.get(path).json()["status"]
    assert (status["width"], status["height"], status["enrolled"]) == (160, 120, False)

    changed = service.http.patch(path, json={"name": "Court", "threshold": 0.7})
    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in ("name", "threshold", "zones")} == {
        "name": "Court",
        "threshold": 0.7,
        "zones": zones,
    }
    swapped = service.http.patch(path, json={"alerts_per_day": 3}).json()
    assert (swapped["threshold"], swapped["alerts_per_day"]) == (None, 3)
    assert [each["name"] for each in service.http.get("/streams").json()] == ["Court"]

    assert service.http.delete(path).status_code == 204
    assert service.http.delete(path).status_code == 204
    assert service.http.get("/streams").json() == []
    assert_problem(service.http.get(path), 404, "stream_not_found")
    assert_problem(service.http.get(f"{path}/scores"), 404, "stream_not_found")
    assert stream["id"] not in service.http.get("/metrics").text


def test_a_stream_is_deleted_in_every_state(service: Service) -> None:
    with RtspServer(service.media) as camera, Peer(silent) as mute:
        urls = {
            "connecting": f"rtsp://127.0.0.1:{mute.port}/a",
            "live": camera.url(VIDEO),
            "offline": f"rtsp://127.0.0.1:{free_port()}/a",
            "failed": camera.url("nothing.mp4"),
        }
        streams = {state: service.add_stream(state, url=url) for state, url in urls.items()}
        streams["paused"] = service.add_stream("paused", enabled=False)
        streams["enrolling"] = service.add_stream("enrolling", url=camera.url(VIDEO), enrolment={"seconds": 600})
        streams["stalled"] = service.add_stream("stalled", url=camera.url(VIDEO))
        service.wait_for_state(streams["stalled"], "live")
        for state in ("live", "offline", "enrolling"):
            service.wait_for_state(streams[state], state)
        camera.freeze()
        wait_until(lambda: service.state(streams["stalled"]) in ("stalled", "offline"), "a stall")
        for state, stream in streams.items():
            assert service.http.delete(f"/streams/{stream}").status_code == 204, state
        camera.thaw()
    assert service.http.get("/streams").json() == []
    assert service.http.get("/metrics").text.count('stream="') == 0


def test_slow_probes_keep_nobody_waiting(service: Service) -> None:
    """Forty cameras that accept and say nothing are tried; everything else answers as before."""
    with Peer(silent) as camera, ThreadPoolExecutor(40) as pool:
        spec = {"name": "Silent", "url": f"rtsp://127.0.0.1:{camera.port}/a"}
        began = time.monotonic()
        probes = [pool.submit(service.http.post, "/streams", json=spec) for _ in range(40)]
        time.sleep(0.3)
        waits = []
        while time.monotonic() - began < 1.8:
            asked = time.monotonic()
            assert service.http.get("/streams").status_code == 200
            assert service.http.get("/readyz").status_code == 200
            waits.append(time.monotonic() - asked)
        answers = [probe.result() for probe in probes]
    assert sorted(waits)[len(waits) // 2] < 1
    assert {answer.status_code for answer in answers} <= {422, 503}
    for answer in answers:
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.json()["code"] in ("probes_busy", "too_many_probes")
        else:
            assert answer.json()["code"] == "source_unreachable"
    assert service.http.get("/streams").json() == []


def test_streams_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    with Service(tmp_path, max_streams=1) as service:
        service.add_stream()
        response = service.http.post("/streams", json={"name": "Two", "url": f"file:{VIDEO}"})
        problem = assert_problem(response, 503, "too_many_streams")
        assert problem["context"] == {"streams": 1, "limit": 1}
        assert int(response.headers["retry-after"]) > 0


def test_many_clients_change_streams_at_once(service: Service) -> None:
    errors: list[str] = []

    def live(number: int) -> None:
        for _ in range(3):
            stream = service.add_stream(f"Stream {number}")
            path = f"/streams/{stream}"
            answers = [
                service.http.patch(path, json={"threshold": 0.4}),
                service.http.patch(path, json={"fps": 5}),
                service.http.get(f"{path}/scores"),
                service.http.delete(path),
            ]
            errors.extend(answer.text for answer in answers if answer.status_code >= 400)

    threads = [threading.Thread(target=live, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert service.http.get("/streams").json() == []


def test_a_password_is_kept_and_changed_without_being_told(service: Service, tmp_path: Path) -> None:
    with HttpServer(tmp_path, userinfo="admin:s3same") as camera:
        address = camera.url("live.mjpg")
        with_password = address.replace("http://", "http://admin:wrong@")
        stream = service.add_stream(url=with_password)
        path = f"/streams/{stream}"
        wrong = service.http.patch(path, json={"credentials": {"password": "alsowrong"}})
        assert_problem(wrong, 422, "source_unauthorized")
        right = service.http.patch(path, json={"credentials": {"password": "s3same"}})
        assert (right.status_code, right.json()["url"], right.json()["has_credentials"]) == (200, address, True)
        service.wait_for_state(stream, "live")

        moved = service.http.patch(path, json={"url": f"{address}?n=2", "credentials": {}})
        assert (moved.status_code, moved.json()["url"], moved.json()["has_credentials"]) == (
            200,
            f"{address}?n=2",
            True,
        )
        service.wait_for_state(stream, "live")

        elsewhere = {"url": f"http://127.0.0.1:{free_port()}/live.mjpg", "credentials": {}}
        refused = service.http.patch(path, params={"probe": False}, json=elsewhere)
        assert_problem(refused, 422, "source_login")
        assert service.http.get(path).json()["url"] == f"{address}?n=2"
        for answer in (wrong, right, moved, refused):
            assert "alsowrong" not in answer.text
            assert "s3same" not in answer.text


def test_the_sensitivity_in_force_is_told_whoever_set_it(service: Service) -> None:
    stream = service.add_stream()
    path = f"/streams/{stream}"
    assert service.http.get(path).json()["status"]["alerts_per_day"] == 1
    assert service.http.patch(path, json={"alerts_per_day": 0.25}).json()["status"]["alerts_per_day"] == 0.25
    assert service.http.patch(path, json={"threshold": 0.5}).json()["status"]["alerts_per_day"] is None
    assert service.http.patch(path, json={"threshold": None}).json()["status"]["alerts_per_day"] == 1


def test_a_stream_learns_and_forgets_what_is_normal(service: Service) -> None:
    stream = service.add_stream()
    path = f"/streams/{stream}/enrolment"
    assert service.http.get(path).json()["state"] == "none"
    begun = service.http.post(path, json={"seconds": 600})
    assert begun.status_code == 202
    assert begun.json()["state"] == "collecting"
    assert_problem(service.http.post(path, json={"seconds": 600}), 409, "enrolment_running")
    assert service.http.delete(path).status_code == 204
    assert service.http.delete(path).status_code == 204
    assert service.http.get(path).json()["state"] == "none"
    assert_problem(service.http.post(path, json={"seconds": 60, "extend": True}), 409, "nothing_to_extend")
    assert_problem(service.http.post(path, json={"stream": stream}), 409, "no_profile")


def test_the_service_tells_whether_it_lives_and_is_ready(service: Service) -> None:
    assert service.http.get("/healthz").json() == {"status": "alive"}
    ready = service.http.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert ready.json()["packs"] == dict.fromkeys(BUILT_IN, "ready")
    for path in ("/healthz", "/readyz"):
        assert service.http.head(path).content == b""


def test_it_says_which_version_it_is(service: Service) -> None:
    said = service.http.get("/version").json()
    assert said.keys() == {"version", "commit", "python", "api"}
    assert said["version"] == version("watchword")
    assert said["python"] == platform.python_version()
    assert said["commit"] is None or re.fullmatch("[0-9a-f]{40}", said["commit"])
    assert service.http.head("/version").content == b""


def test_every_counter_of_a_stream_is_there_under_its_name_before_anything_happens(service: Service) -> None:
    stream = service.add_stream("Gate", enabled=False)
    said = service.http.get("/metrics").text
    assert f'watchword_stream_info{{name="Gate",stream="{stream}"}} 1.0' in said
    for kind in AlertKind:
        assert f'watchword_alerts_total{{kind="{kind}",stream="{stream}"}} 0.0' in said
    assert f'watchword_reconnects_total{{cause="unreachable",stream="{stream}"}} 0.0' in said
    assert f'watchword_alerts_suppressed_total{{cause="lost",stream="{stream}"}} 0.0' in said
    assert 'watchword_deliveries_total{outcome="failed",sink="memory"} 0.0' in said
    assert service.http.patch(f"/streams/{stream}", json={"name": "Gate 2"}).status_code == 200
    said = service.http.get("/metrics").text
    assert re.findall(rf'watchword_stream_info{{name="([^"]*)",stream="{stream}"}}', said) == ["Gate 2"]
    assert service.http.delete(f"/streams/{stream}").status_code == 204
    assert stream not in service.http.get("/metrics").text


def test_metrics_come_as_prometheus_and_as_openmetrics(service: Service) -> None:
    service.add_stream()
    plain = service.http.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain")
    assert "watchword_streams 1.0\n" in plain.text
    opened = service.http.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert opened.headers["content-type"].startswith("application/openmetrics-text")
    assert opened.text.endswith("# EOF\n")


def test_packs_are_listed_the_broken_ones_with_the_reason(service: Service) -> None:
    broken = service.application.settings.packs_path / "broken"
    broken.mkdir(parents=True)
    (broken / "manifest.json").write_text("{}")
    broken.with_name(os.fsdecode(b"\xff")).mkdir()
    packs = {pack["name"]: pack for pack in service.http.get("/packs").json()}
    assert set(packs) == {*BUILT_IN, "broken", "\\udcff"}
    assert (packs["attributes"]["kind"], packs["attributes"]["usable"], packs["attributes"]["built_in"]) == (
        "head",
        True,
        True,
    )
    assert packs["motion"]["kind"] == "detector"
    assert (packs["broken"]["usable"], packs["broken"]["built_in"], packs["broken"]["kind"]) == (False, False, None)
    assert "expected" in packs["broken"]["error"]
    assert service.http.get("/packs/attributes").json() == packs["attributes"]
    assert service.http.get("/packs/broken").json() == packs["broken"]
    assert service.http.get("/readyz").json()["packs"]["broken"] == packs["broken"]["error"]


def test_what_may_not_be_as_it_was_meant_is_told(service: Service) -> None:
    door = {"name": "Door", "polygon": [[0, 0], [1, 0], [0, 1]]}
    stream = service.add_stream("Gate", enabled=False, zones=[door])
    path = f"/streams/{stream}"
    assert service.http.get(path).json()["warnings"] == []
    other = service.add_stream("gATE", enabled=False)
    same = "Another camera is called 'Gate' too. Rename one, to tell their alerts apart."
    assert service.http.get(path).json()["warnings"] == [same]
    service.http.delete(f"/streams/{other}")
    schedule = {"from": "00:00", "to": "24:00"}
    for text in ("a dog", "a cat"):
        rule = {"text": text, "verdict": "normal", "zone": "Door", "schedule": schedule}
        assert service.http.post(f"{path}/guidance", json=rule).status_code == 201
    assert service.http.get(path).json()["warnings"] == [missing_timezone("2 rules")]
    (dog, cat) = service.http.patch(path, json={"zones": [], "timezone": "Asia/Tokyo"}).json()["warnings"]
    for warning, text in ((dog, "a dog"), (cat, "a cat")):
        assert warning.startswith(f"This camera has no zone 'Door'. The rule '{text}' does nothing until ")
    listed = {each["id"]: each["warnings"] for each in service.http.get("/streams").json()}
    assert listed[stream] == [dog, cat]
    assert service.http.patch(path, json={"zones": [door]}).json()["warnings"] == []


def test_a_stream_whose_outline_crosses_itself_since_before_that_was_refused_lives_on(tmp_path: Path) -> None:
    crossed = {"name": "Door", "polygon": [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.9, 1.0]], "mode": "ignore"}
    with Service(tmp_path / "first", data_dir=tmp_path / "data") as service:
        stream = service.add_stream("Gate", enabled=False)
        with service.application.alerts.database.transaction() as connection:
            spec = connection.execute(select(streams.c.spec).where(streams.c.id == stream)).scalar_one()
            connection.execute(update(streams).values(spec={**spec, "zones": [crossed]}))
    with Service(tmp_path / "second", data_dir=tmp_path / "data") as service:
        path = f"/streams/{stream}"
        assert service.http.get(path).json()["zones"] == [crossed]
        assert service.http.patch(path, json={"fps": 5}).json()["zones"] == [crossed]
        assert_problem(service.http.patch(path, json={"zones": [crossed]}), 422, "invalid_input")


def test_trying_again_is_legal_in_every_state_and_does_not_wait(tmp_path: Path) -> None:
    port = free_port()
    with Service(tmp_path, stall_s=0.5, offline_grace_s=0.5, backoff_first_s=3000, backoff_max_s=3000) as service:
        down = service.add_stream("Down", url=f"rtsp://127.0.0.1:{port}/{VIDEO}")
        paused = service.add_stream("Paused", enabled=False)
        live = service.add_stream("Live")
        service.wait_for_state(live, "live")
        service.wait_for_state(down, "offline")
        for stream in (down, down, paused, live):
            assert service.http.post(f"/streams/{stream}/retry").status_code == 204
        assert service.state(paused) == "paused"
        assert service.state(live) == "live"
        assert_problem(service.http.post("/streams/porch/retry"), 404, "stream_not_found")

        def next_try() -> str | None:
            return service.http.get(f"/streams/{down}").json()["status"]["next_try_at"]

        wait_until(lambda: next_try() is not None, "the next attempt to be told")
        with RtspServer(service.media, port=port):
            wait_until(
                lambda: (
                    service.http.post(f"/streams/{down}/retry").status_code == 204 and service.state(down) == "live"
                ),
                "the camera to be tried at once",
            )
            wait_until(lambda: next_try() is None, "no further attempt while frames flow")


def test_a_stream_that_learned_nothing_or_something_else_says_what_to_do(service: Service) -> None:
    stream = service.add_stream()
    service.wait_for_state(stream, "live")
    status = service.http.get(f"/streams/{stream}").json()["status"]
    assert (status["watching"], status["not_watching"]["reason"]) == (False, "not_enrolled")
    assert status["not_watching"]["advice"] == "Let it learn from some minutes of ordinary footage."


def test_a_full_machine_refuses_a_camera_only_after_it_was_tried(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("WATCHWORD_MAX_LOAD", "0.000001")
    with Service(tmp_path, stall_s=0.5) as service:
        first = service.add_stream("First", url=f"file:{VIDEO}?loop=true")
        service.wait_for_state(first, "live")
        wait_until(lambda: service.metric("frames_total", stream=first, outcome="enrolled") > 3, "frames")
        nobody = {"name": "Nobody", "url": f"rtsp://127.0.0.1:{free_port()}/a"}
        assert_problem(service.http.post("/streams", json=nobody), 422, "source_unreachable")
        full = service.http.post("/streams", json={"name": "Second", "url": f"file:{VIDEO}?loop=true"})
        problem = assert_problem(full, 503, "machine_full")
        assert problem["detail"].startswith("This computer is too busy for another camera (")
        assert service.http.post("/streams?probe=false", json=nobody).status_code == 201
