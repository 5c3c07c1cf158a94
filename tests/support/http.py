"""A real HTTP server for camera tests: files, a live MJPEG stream, a password if wanted."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2

from support.video import picture

MJPEG_RATE = 20.0
RESIZED_AFTER = 20


class HttpServer:
    """Serves a folder, and at `/live.mjpg` the test pictures at `MJPEG_RATE`, until closed.

    `/resized.mjpg` is the same in twice the size after `RESIZED_AFTER` pictures; what `moved` names is answered with
    a status and an address to go to. `asked` has the paths and credentials of all requests.
    """

    def __init__(self, folder: Path, userinfo: str = "", moved: Mapping[str, tuple[int, str]] | None = None) -> None:
        expected = "Basic " + base64.b64encode(userinfo.encode()).decode() if userinfo else None
        self._stopped = stopped = threading.Event()
        self.asked: list[tuple[str, str | None]] = []
        asked, places = self.asked, moved or {}

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *args: object, **options: object) -> None:
                super().__init__(*args, directory=str(folder), **options)  # type: ignore[arg-type]

            def do_GET(self) -> None:
                asked.append((self.path, self.headers.get("Authorization")))
                if self.path in places:
                    status, place = places[self.path]
                    self.send_response(status)
                    self.send_header("Location", place)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                elif expected is not None and self.headers.get("Authorization") != expected:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                elif self.path.startswith("/live.mjpg"):
                    self._send_mjpeg(None)
                elif self.path.startswith("/resized.mjpg"):
                    self._send_mjpeg(RESIZED_AFTER)
                else:
                    super().do_GET()

            def _send_mjpeg(self, resized: int | None) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                index = 0
                began = time.monotonic()
                while not stopped.wait(max(0.0, began + index / MJPEG_RATE - time.monotonic())):
                    size = (160, 120) if resized is None or index < resized else (320, 240)
                    jpeg = cv2.imencode(".jpg", picture(index, *size))[1].tobytes()
                    part = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    try:
                        self.wfile.write(part.encode() + jpeg + b"\r\n")
                    except OSError:
                        return
                    index += 1

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="http server")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def url(self, path: str, userinfo: str = "") -> str:
        """The URL of a path, with `user:password@` if given."""
        return f"http://{userinfo}127.0.0.1:{self.port}/{path}"
