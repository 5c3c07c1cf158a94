"""Cameras that go on sending, and show nothing: live, over HTTP, with the whole service behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.settings import Settings
from support.picture_camera import FAULTS, HARMLESS, PictureCamera, as_it_is
from support.service import Client, running
from support.serving import wait_until


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Client]:
    with running(Settings(port=0, data_dir=tmp_path / "data", media_dir=tmp_path, blind_grace_s=0.5)) as client:
        yield client


@pytest.fixture
def camera() -> Iterator[PictureCamera]:
    with PictureCamera() as camera:
        yield camera


def registered(service: Client, camera: PictureCamera, **spec: Any) -> str:
    answer = service.post("/streams", json={"name": "Yard", "url": camera.url, **spec})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def alerts(service: Client, stream: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.get("/alerts", params={"stream": stream}).json()
    return found


@pytest.mark.parametrize(
    ("reason", "fail"),
    [
        ("frozen", lambda camera: camera.hold()),
        ("black", lambda camera: camera.show(FAULTS["black with a clock"][1])),
        ("covered", lambda camera: camera.show(FAULTS["a hand"][1])),
        ("out_of_focus", lambda camera: camera.show(FAULTS["out of focus"][1])),
    ],
)
def test_it_says_why_raises_an_alert_and_comes_back(
    service: Client, camera: PictureCamera, reason: str, fail: Callable[[PictureCamera], None]
) -> None:
    stream = registered(service, camera)
    service.state(stream, "live")
    fail(camera)
    status = service.state(stream, "blind", timeout=120)
    assert status["watching"] is False
    assert (status["not_watching"]["reason"], status["not_watching"]["fault"]) == (reason, True)
    wait_until(lambda: alerts(service, stream), "an alert")
    (alert,) = alerts(service, stream)
    assert (alert["kind"], alert["state"], alert["peak_score"]) == ("not_watching", "open", None)
    newest = service.get(f"/streams/{stream}/scores", params={"limit": 1}).json()[-1]
    assert (newest["state"], newest["score"]) == ("blind", None)
    assert f'watchword_stream_watching{{stream="{stream}"}} 0.0' in service.get("/metrics").text
    assert service.get(f"/streams/{stream}/snapshot.jpg").status_code == 200  # people may see for themselves

    camera.show(as_it_is)
    service.state(stream, "live")
    wait_until(lambda: alerts(service, stream)[0]["state"] == "closed", "the end of the alert")
    assert alerts(service, stream)[0]["message"].endswith("It can see again.")
    status = service.get(f"/streams/{stream}").json()["status"]
    assert status["not_watching"]["reason"] == "not_enrolled"


def test_an_enrolment_waits_until_something_can_be_seen(service: Client, camera: PictureCamera) -> None:
    camera.show(FAULTS["one colour"][1])
    stream = registered(service, camera, enrolment={"seconds": 40})
    service.state(stream, "blind", timeout=120)
    before = service.get(f"/streams/{stream}/enrolment").json()
    assert (before["state"], before["frames"]) == ("collecting", 0)
    camera.show(HARMLESS["night"])
    ready = service.enrolled(stream)
    assert ready["left_out_s"] > 0
    wait_until(lambda: service.get(f"/streams/{stream}").json()["status"]["watching"], "it to be watched")
