"""A web server on loopback that gives one file, as hubs and release pages do, and fails as they do."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class WeightsServer:
    """Serves ``content`` under any path that begins with ``/file``.

    Attributes:
        content: What it gives.
        tag: The ETag; None gives none.
        ranges: Whether it goes on where it is asked to.
        cut_after: Bytes after which the next answers break off, one by one; an empty list is an honest server.
        status: Of an answer that is no file.
        redirect: Where ``/go`` sends on to.
        length: The Content-Length it tells; None tells the true one, -1 none at all.
        seen: ``(path, Range, If-Range)`` of each request.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.tag: str | None = '"v1"'
        self.ranges = True
        self.cut_after: list[int] = []
        self.status = 200
        self.redirect = ""
        self.length: int | None = None
        self.shift = 0
        self.seen: list[tuple[str, str | None, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        """Without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def sha256(self) -> str:
        """Of what it gives."""
        return hashlib.sha256(self.content).hexdigest()

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted, condition = request.headers.get("Range"), request.headers.get("If-Range")
        self.seen.append((request.path, wanted, condition))
        if request.path.startswith("/go"):
            request.send_response(302)
            request.send_header("Connection", "close")
            request.send_header("Location", self.redirect)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        if self.status != 200:
            request.send_error(self.status)
            return
        start = 0
        if wanted and self.ranges and condition in {None, self.tag}:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(self.content):
                request.send_error(416)
                return
        body = self.content[start:]
        request.send_response(206 if start else 200)
        request.send_header("Connection", "close")
        if start:
            request.send_header("Content-Range", f"bytes {start + self.shift}-{len(self.content) - 1}/*")
        if self.tag:
            request.send_header("ETag", self.tag)
        if self.length != -1:
            request.send_header("Content-Length", str(len(body) if self.length is None else self.length))
        request.end_headers()
        if self.cut_after:
            body = body[: self.cut_after.pop(0)]
        request.wfile.write(body)
