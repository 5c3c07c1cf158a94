"""What becomes of errors that nobody foresaw."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from support.failing import answer, failing_app


async def test_an_unforeseen_error_tells_an_incident_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    response = await answer(RuntimeError("the internals"))
    problem = response.json()
    assert (response.status_code, problem["code"]) == (500, "internal_error")
    assert "internals" not in response.text
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert problem["incident"] in record.getMessage()
    assert record.exc_info is not None
    assert "the internals" in str(record.exc_info[1])


async def test_an_unforeseen_error_closes_a_socket_with_its_incident() -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/socket", "headers": [], "query_string": b"", "subprotocols": []}
    await failing_app(RuntimeError("the internals"))(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[1]["code"] == 1011
    assert sent[1]["reason"].startswith("internal error, incident ")
