"""Who may talk to the service from inside a browser.

A browser lets any page on the web send requests to ``http://127.0.0.1:8000`` and, without asking, open WebSockets
to it. So:

* A WebSocket handshake, and a request that changes something, that names an ``Origin`` is served only if that is
  the service's own: the host and port the request itself was sent to, or ``WATCHWORD_PUBLIC_URL``. Programs that
  are no browsers send no ``Origin`` and are served.
* A page can also make its own name resolve to 127.0.0.1 (DNS rebinding); then its origin *is* the host it talks
  to. While the service listens on a loopback address, it therefore answers only to names that can mean this
  machine: IP addresses (which nobody can rebind), ``localhost`` and names under it, and the host of
  ``WATCHWORD_PUBLIC_URL``. A service that listens on any other address is reached under names that it cannot
  know, and checks none: whoever opens it to a network decides who is in that network.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import problem_response
from service.errors import CROSS_ORIGIN, UNKNOWN_HOST

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}

Address = tuple[str, int | None]


class SameOrigin:
    """ASGI middleware that refuses what a page from elsewhere asks of the service."""

    def __init__(self, app: ASGIApp, listening_on: str, public_url: str | None) -> None:
        """Stand before an application.

        Args:
            app: What is served.
            listening_on: The address that the service is bound to.
            public_url: Of the service, as clients know it.
        """
        self.app = app
        self._checks_host = _is_loopback(listening_on)
        self._public = None if public_url is None else _address_of_url(public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._checks_host and not self._knows(host):
            detail = f"This service is not known as {host[:100]!r}. If it should be, set WATCHWORD_PUBLIC_URL."
            await problem_response(UNKNOWN_HOST, detail)(scope, receive, send)
        elif origin is not None and _changes_or_opens(scope) and not self._is_own(origin, host):
            detail = f"Pages of {origin[:100]!r} may not ask this service. If they should, set WATCHWORD_PUBLIC_URL."
            await problem_response(CROSS_ORIGIN, detail)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _knows(self, host: str) -> bool:
        name = _split(host)[0]
        is_public = self._public is not None and name == self._public[0]
        return is_public or name == "localhost" or name.endswith(".localhost") or _is_address(name)

    def _is_own(self, origin: str, host: str) -> bool:
        page = _address_of_url(origin)
        if page is None:
            return False
        name, port = _split(host)
        default = _DEFAULT_PORTS.get(urlsplit(origin).scheme)
        return page in ((name, port or default), self._public)


def _changes_or_opens(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS


def _address_of_url(url: str) -> Address | None:
    """Host and port of a URL or origin; None for `null` and for what is no URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    return parts.hostname, port or _DEFAULT_PORTS.get(parts.scheme)


def _split(host: str) -> Address:
    """The name, lower case and without brackets, and the port of a Host header."""
    return _address_of_url(f"//{host}") or ("", None)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
