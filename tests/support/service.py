"""The whole service on a free port, and a client of its API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from service.application import Application
from service.server import Server
from service.settings import Settings


class Client(httpx.Client):
    """Speaks to one service, and waits."""

    def enrolled(self, stream_id: str, timeout: float = 120.0) -> dict[str, Any]:
        """Wait until the stream's enrolment is ready; fail if it failed."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            enrolment: dict[str, Any] = self.get(f"/streams/{stream_id}/enrolment").json()
            assert enrolment["state"] != "failed", enrolment["error"]
            if enrolment["state"] == "ready":
                return enrolment
            time.sleep(0.1)
        raise AssertionError(f"expected an enrolment within {timeout} s, got {enrolment}")

    def state(self, stream_id: str, wanted: str, timeout: float = 60.0) -> dict[str, Any]:
        """Wait until the stream is in a state; its status then."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            status: dict[str, Any] = self.get(f"/streams/{stream_id}").json()["status"]
            if status["state"] == wanted:
                return status
            time.sleep(0.05)
        raise AssertionError(f"expected state {wanted} within {timeout} s, got {status}")


@contextmanager
def running(settings: Settings) -> Iterator[Client]:
    """Serve from a thread until the context ends."""
    with Server(Application(settings)) as server, Client(base_url=server.url, timeout=60) as client:
        deadline = time.monotonic() + 60
        while not client.get("/readyz").is_success:
            assert time.monotonic() < deadline, "the service does not become ready"
            time.sleep(0.05)
        yield client
