"""Which pages and names the service answers to."""

from __future__ import annotations

from typing import Any

import pytest

from service.api.origin import SameOrigin

GET, POST, SOCKET = ("http", "GET"), ("http", "POST"), ("websocket", "GET")


async def status(
    kind: tuple[str, str],
    host: str | None,
    origin: str | None = None,
    listening_on: str = "127.0.0.1",
    public_url: str | None = None,
) -> int:
    """200 if it is let through, else the status of the refusal."""
    sent: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        sent.append({"status": 200})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    headers = [(b"host", host.encode())] if host is not None else []
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    scope: dict[str, Any] = {"type": kind[0], "method": kind[1], "path": "/", "headers": headers}
    scope["extensions"] = {"websocket.http.response": {}}
    await SameOrigin(application, listening_on, public_url)(scope, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    ("kind", "host", "origin", "expected"),
    [
        # programs
        (GET, "127.0.0.1:8000", None, 200),
        (POST, "127.0.0.1:8000", None, 200),
        (SOCKET, "127.0.0.1:8000", None, 200),
        # the service's own page
        (POST, "127.0.0.1:8000", "http://127.0.0.1:8000", 200),
        (SOCKET, "127.0.0.1:8000", "http://127.0.0.1:8000", 200),
        (SOCKET, "localhost:8000", "http://localhost:8000", 200),
        (SOCKET, "LOCALHOST:8000", "http://localhost:8000", 200),
        (SOCKET, "[::1]:8000", "http://[::1]:8000", 200),
        (SOCKET, "127.0.0.1", "http://127.0.0.1", 200),
        (SOCKET, "127.0.0.1:80", "http://127.0.0.1", 200),
        (SOCKET, "127.0.0.1", "https://127.0.0.1", 200),
        # pages from elsewhere
        (GET, "127.0.0.1:8000", "http://evil.example", 200),  # may ask; without CORS it cannot read
        (POST, "127.0.0.1:8000", "http://evil.example", 403),
        (SOCKET, "127.0.0.1:8000", "http://evil.example", 403),
        (SOCKET, "127.0.0.1:8000", "http://127.0.0.1:8001", 403),
        (SOCKET, "127.0.0.1:8000", "http://localhost:8000", 403),
        (SOCKET, "127.0.0.1:8000", "null", 403),
        (SOCKET, "127.0.0.1:8000", "", 403),
        (SOCKET, "127.0.0.1:8000", "http://127.0.0.1:8000@evil.example", 403),
        (SOCKET, "127.0.0.1:8000", "http://[", 403),
        # names that were made to resolve to this machine
        (GET, "evil.example:8000", None, 421),
        (SOCKET, "evil.example:8000", "http://evil.example:8000", 421),
        (GET, "localhost.evil.example", None, 421),
        (GET, "127.0.0.1.evil.example", None, 421),
        (GET, "", None, 421),
        (GET, None, None, 421),
        (GET, "camera.localhost:8000", None, 200),
        (GET, "192.168.1.7:8000", None, 200),  # an address cannot be rebound
    ],
)
async def test_on_a_loopback_address(
    kind: tuple[str, str], host: str | None, origin: str | None, expected: int
) -> None:
    assert await status(kind, host, origin) == expected


@pytest.mark.parametrize("listening_on", ["0.0.0.0", "::", "192.168.1.7", "cameras.lan"])
async def test_on_a_network_any_name_is_known_and_origins_still_count(listening_on: str) -> None:
    assert await status(GET, "cameras.lan:8000", listening_on=listening_on) == 200
    assert await status(SOCKET, "cameras.lan", "http://cameras.lan", listening_on=listening_on) == 200
    assert await status(SOCKET, "cameras.lan", "http://evil.example", listening_on=listening_on) == 403
    assert await status(POST, "cameras.lan", "http://evil.example", listening_on=listening_on) == 403


@pytest.mark.parametrize("listening_on", ["127.0.0.1", "::1", "localhost"])
async def test_behind_a_proxy_the_public_url_is_known(listening_on: str) -> None:
    public = "https://cameras.example/watchword"
    assert await status(GET, "cameras.example", listening_on=listening_on, public_url=public) == 200
    assert await status(SOCKET, "127.0.0.1:8000", "https://cameras.example", listening_on, public) == 200
    assert await status(SOCKET, "cameras.example", "https://cameras.example", listening_on, public) == 200
    assert await status(SOCKET, "127.0.0.1:8000", "https://cameras.example:444", listening_on, public) == 403
    assert await status(GET, "evil.example", listening_on=listening_on, public_url=public) == 421
