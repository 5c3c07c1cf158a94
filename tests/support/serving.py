"""The whole service on a free port, in threads of the test's own process."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from service.api.app import create_app
from service.api.transport import ApiServer, tune
from service.application import Application
from service.contracts.score import ScoreMessage
from service.contracts.stream import StreamState
from service.settings import Settings
from support.video import write_video

VIDEO = "yard.mp4"
"""Four seconds of the test video, in the media folder of every service."""


class Service:
    """Real application, real server, an HTTP client for it; closed by the context."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        media = folder / "media"
        media.mkdir(parents=True)
        write_video(media / VIDEO, frames=100)
        self.media = media
        defaults = {"host": "127.0.0.1", "port": 0, "data_dir": folder / "data", "media_dir": media}
        self.application = Application(Settings(**{**defaults, "probe_timeout_s": 2.0, **settings}))
        self.app = create_app(self.application)
        self._listener = socket.create_server(("127.0.0.1", 0))
        tune(self._listener)
        self.port = int(self._listener.getsockname()[1])
        self.application.own_addresses.add(("127.0.0.1", self.port))
        self.server = ApiServer(self.app)
        self._thread = threading.Thread(target=self.server.run, args=([self._listener],), name="api")
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    def __enter__(self) -> Self:
        self.application.start()
        self._thread.start()
        wait_until(lambda: self.server.started, "the server to start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.application.close()
        self.http.close()

    def stop(self) -> None:
        """Stop serving. Idempotent."""
        self.server.should_exit = True
        self._thread.join()

    def socket_url(self, path: str) -> str:
        """The WebSocket URL of a path."""
        return f"ws://127.0.0.1:{self.port}{path}"

    def add_stream(self, name: str = "Yard", **spec: object) -> str:
        """Register a stream of the looping test video; its id."""
        body = {"name": name, "url": f"file:{VIDEO}?loop=true", **spec}
        response = self.http.post("/streams", params={"probe": False}, json=body)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    def silent_stream(self) -> str:
        """A stream that is paused, so that what it says is what a test publishes."""
        return self.add_stream("Silent", enabled=False)

    def state(self, stream_id: str) -> str:
        """A stream's state."""
        return str(self.http.get(f"/streams/{stream_id}").json()["status"]["state"])

    def wait_for_state(self, stream_id: str, state: str) -> None:
        """Return once the stream is in this state."""
        wait_until(lambda: self.state(stream_id) == state, f"stream to be {state}")

    def publish(self, stream_id: str, seqs: range, pause: float = 0.0, **fields: Any) -> None:
        """Publish score messages as the worker would."""
        for seq in seqs:
            self.application.feed.publish(score_message(stream_id, seq, **fields))
            if pause:
                time.sleep(pause)

    def metric(self, name: str, **labels: str) -> float:
        """The value of ``watchword_NAME``, 0 where there is none yet."""
        return self.application.metrics.registry.get_sample_value(f"watchword_{name}", labels) or 0.0


def score_message(stream_id: str, seq: int, **fields: Any) -> ScoreMessage:
    """A message of a live stream."""
    values: dict[str, Any] = {
        "stream_id": stream_id,
        "seq": seq,
        "pts": seq / 10,
        "captured_at": 1.7e9 + seq / 10,
        "latency_ms": 20.0,
        "state": StreamState.LIVE,
        "score": 0.25,
        "raw_score": 0.25,
        "surprise": 1.5,
        "guided": False,
        "threshold": 0.5,
    }
    return ScoreMessage(**{**values, **fields})


def wait_until(condition: Callable[[], object], what: str, timeout: float = 60.0) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"expected {what} within {timeout} s"
        time.sleep(0.01)


_FOREIGN_WORDS = ("Value error", "Input should", "String should", "Traceback")
"""How libraries speak of what is wrong: a person at the other end should not meet them."""


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem that this response is."""
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json"), (
        response.text
    )
    problem: dict[str, Any] = json.loads(response.text)
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["type"] == f"urn:problem-type:watchword:{code}"
    assert problem["title"]
    assert problem["detail"]
    assert not any(each in response.text for each in _FOREIGN_WORDS), problem
    return problem


@contextmanager
def unchanged(service: Service) -> Iterator[None]:
    """Assert that the streams, as the API tells them, are the same before and after."""

    def settings() -> list[dict[str, Any]]:
        return [{**stream, "status": None} for stream in service.http.get("/streams").json()]

    before = settings()
    yield
    assert settings() == before
