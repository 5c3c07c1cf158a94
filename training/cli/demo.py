"""``watchword demo``: a virtual camera, the service and the page, in one command."""

from __future__ import annotations

import multiprocessing
import signal
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from service.cli.console import console, fail_clearly

if TYPE_CHECKING:
    import httpx


USUAL_PORT = 8000
FIRST_ANOMALY_S = 8.0
"""From the end of the enrolment to the first anomaly: time to look at a normal score."""

PEOPLE = 4
"""On the plaza. With its usual 13, the `motion` detector finds one region where people pass each other, and what a rule
names is rarely by itself: a rule about cyclists quietened 66 % of the frames in which one alerts, and with four 87 %
(docs/evaluation.md)."""

CAMERA_START_S = 60.0
"""The virtual camera draws its backdrop first: seconds, and more on a busy machine."""

POLL_S = 0.5


@fail_clearly
def demo(
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Of the page; 8000, or a free one.")] = None,
    enrol_seconds: Annotated[float, typer.Option(min=20, help="How long the plaza's normal life is learned.")] = 75.0,
    seed: Annotated[int, typer.Option(help="Of the virtual world: who comes when.")] = 14,
) -> None:
    """Show Watchword at work, with nothing prepared: a plaza, its normal life, and what is not normal there.

    A virtual camera is served over RTSP and registered with POST /streams, as a real one would be. The service
    learns its normal life; then a cyclist, a runner, a cart, a fall, a fight or someone against the stream passes
    now and then, and alerts appear on the page and here. Ctrl-C stops everything; nothing is kept.
    """
    import httpx

    from service.application import Application
    from service.logs import configure
    from service.server import Server
    from service.settings import Settings

    configure("WARNING")
    with tempfile.TemporaryDirectory(prefix="watchword-demo-") as folder, _camera(seed) as camera:
        settings = Settings(
            host="127.0.0.1", port=_usable_port(port), data_dir=Path(folder), media_dir=Path(folder), redis_url=None
        )
        with Server(Application(settings)) as server, httpx.Client(base_url=server.url, timeout=30) as api:
            # SIGINT too: a shell that starts it in the background leaves that ignored.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, _interrupt)
            console.print(f"The page is at [bold]{server.url}/[/bold]  (API: {server.url}/docs).  Ctrl-C stops.\n")
            try:
                _run(api, camera, enrol_seconds)
            except KeyboardInterrupt:
                console.print("\nStopping.")


def _run(api: httpx.Client, camera: tuple[str, Connection], enrol_seconds: float) -> None:
    url, control = camera
    body = {"name": "Plaza", "url": url, "enrolment": {"seconds": enrol_seconds}, "alerts_per_day": 2}
    stream = _wait_ready_and_post(api, body)
    _follow_enrolment(api, stream["id"])
    control.send(FIRST_ANOMALY_S)
    console.print("It knows the plaza's normal life now. Something unusual comes in a few seconds.\n")
    _follow_alerts(api, stream["id"])


def _wait_ready_and_post(api: httpx.Client, body: dict[str, object]) -> dict[str, Any]:
    while not api.get("/readyz").is_success:
        time.sleep(POLL_S)
    answer = api.post("/streams", json=body)
    if not answer.is_success:
        raise typer.BadParameter(answer.json()["detail"])
    created: dict[str, Any] = answer.json()
    return created


def _follow_enrolment(api: httpx.Client, stream_id: str) -> None:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Learning what is normal on the plaza", total=1.0)
        while True:
            enrolment = api.get(f"/streams/{stream_id}/enrolment").json()
            progress.update(task, completed=enrolment["progress"])
            if enrolment["state"] == "ready":
                return
            if enrolment["state"] == "failed":
                raise typer.BadParameter(f"the enrolment failed: {enrolment['error']}")
            time.sleep(POLL_S)


def _follow_alerts(api: httpx.Client, stream_id: str) -> None:
    told: dict[str, str] = {}
    while True:
        for alert in reversed(api.get("/alerts", params={"stream": stream_id, "limit": 20}).json()):
            for line in news(alert, told):
                console.print(line)
        time.sleep(POLL_S)


def news(alert: Mapping[str, Any], told: dict[str, str]) -> list[str]:
    """What is new of an alert, a line each: its message once, when it opens, and later that it is over.

    Args:
        alert: As the API answers it.
        told: By id, the state in which each was last told; brought up to date.
    """
    before, told[alert["id"]] = told.get(alert["id"]), alert["state"]
    lines = []
    if before is None:
        lines.append(f"[bold red]{alert['opened_at'][11:19]}  {escape(alert['message'])}[/]")
    if alert["state"] == "closed" and before != "closed":
        opened, closed = (datetime.fromisoformat(alert[name]) for name in ("opened_at", "closed_at"))
        peak = "" if alert["peak_score"] is None else f", highest score {alert['peak_score']:.2f}"
        seconds = (closed - opened).total_seconds()
        lines.append(f"[dim]{alert['closed_at'][11:19]}  over after {seconds:.0f} s{peak}[/]")
    return lines


@contextmanager
def _camera(seed: int) -> Iterator[tuple[str, Connection]]:
    """The virtual camera in a process of its own: its URL, and where to send the seconds until anomalies begin."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve_camera, args=(theirs, seed), daemon=True)
    process.start()
    theirs.close()
    try:
        with console.status("Drawing the plaza"):
            if not ours.poll(CAMERA_START_S):
                raise typer.BadParameter("the virtual camera did not start")
            url = ours.recv()
        yield url, ours
    finally:
        ours.close()
        process.join(10)
        if process.is_alive():
            process.terminate()


def _serve_camera(control: Connection, seed: int) -> None:
    """Run until the other end of ``control`` is gone, so that no camera outlives its demo."""
    import math

    from training.virtual.scene import load_scene, with_people
    from training.virtual.serve import VirtualCamera

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with VirtualCamera(with_people(load_scene("plaza"), PEOPLE), seed, normal_until=math.inf) as camera:
        control.send(camera.url)
        try:
            while True:
                camera.begin_anomalies(control.recv())
        except (EOFError, ConnectionError):
            return


def _interrupt(_number: int, _frame: object) -> None:
    """SIGINT and SIGTERM end the demo: nothing is kept, nothing left running."""
    raise KeyboardInterrupt


def _usable_port(wished: int | None) -> int:
    if wished is not None:
        return wished
    with socket.socket() as probe:
        return USUAL_PORT if probe.connect_ex(("127.0.0.1", USUAL_PORT)) != 0 else 0
