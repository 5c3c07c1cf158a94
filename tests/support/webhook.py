"""A real HTTP server that takes webhooks, and behaves as it is told to."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Answer = int | tuple[int, dict[str, str]] | None
"""Status, or status and headers; None hangs until the server closes."""


class WebhookServer:
    """Keeps what it was sent; ``answer`` decides, by how many requests came before and this one, what it says."""

    def __init__(self, answer: Callable[[int, Any], Answer] = lambda *_: 204) -> None:
        self.events: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.paths: list[str] = []
        self.authorizations: list[str | None] = []
        self.answer = answer
        self._closing = threading.Event()
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server._take(self)

            def do_GET(self) -> None:
                server._take(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="webhook server")

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/hook", userinfo: str = "") -> str:
        return f"http://{userinfo}127.0.0.1:{self.port}{path}"

    def speak_tls(self, pem: Path) -> None:
        """Answer over TLS from the next connection on, with a certificate and its key in one file."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        # Handshakes with those who do not trust it fail within the handler's thread, not in the listener.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers.get("Content-Length", 0))) or b"null")
        with self._lock:
            answer = self.answer(len(self.keys), body)
            self.keys.append(request.headers.get("Idempotency-Key", ""))
            self.paths.append(f"{request.command} {request.path}")
            self.authorizations.append(request.headers.get("Authorization"))
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            if status is not None and 200 <= status < 300:
                self.events.append(body)
        if status is None:
            self._closing.wait(30)
            return
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
