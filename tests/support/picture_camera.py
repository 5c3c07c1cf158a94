"""A camera whose picture the test decides: MJPEG over HTTP, from a street with noise to a hand over the lens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
Fault = Callable[[Grey, np.random.Generator], Grey]

WIDTH, HEIGHT = 320, 240
_ROUGH = np.random.default_rng(3).normal(size=(HEIGHT, WIDTH)).astype(np.float32)
_FINE, _COARSE = (cv2.GaussianBlur(_ROUGH, (0, 0), sigma) for sigma in (1.5, 12.0))
SCENE: Grey = np.asarray(115 + 12 * _FINE / _FINE.std() + 18 * _COARSE / _COARSE.std(), np.float32)
"""Paving and the light on it."""

_ROWS, _COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)


def as_it_is(scene: Grey, _random: np.random.Generator) -> Grey:
    """Nothing is wrong."""
    return scene


def _hand(_scene: Grey, random: np.random.Generator) -> Grey:
    x, y = random.uniform(120, 130), random.uniform(140, 145)
    return np.asarray(55 + 45 * np.exp(-((_COLUMNS - x) ** 2 + (_ROWS - y) ** 2) / 16000), np.float32)


def _bag(_scene: Grey, _random: np.random.Generator) -> Grey:
    return np.asarray(95 + 0.1 * _COLUMNS + 12 * np.sin(_ROWS / 60), np.float32)


def _spray(scene: Grey, _random: np.random.Generator) -> Grey:
    return np.asarray(140 + 0.2 * cv2.GaussianBlur(scene, (0, 0), 40), np.float32)


def _clock(picture: Grey) -> Grey:
    """With the time of day that cameras write into it."""
    text = cv2.putText(np.zeros((HEIGHT, WIDTH), np.uint8), "12:04:31", (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1)
    return np.maximum(picture, text.astype(np.float32))


FAULTS: Mapping[str, tuple[str, Fault]] = {
    "black": ("black", lambda scene, _: np.full_like(scene, 8)),
    "black with a clock": ("black", lambda scene, _: _clock(np.full_like(scene, 8))),
    "white": ("white", lambda scene, _: np.full_like(scene, 252)),
    "overexposed": ("white", lambda scene, _: scene + 180),
    "one colour": ("covered", lambda scene, _: np.full_like(scene, 90)),
    "a hand": ("covered", _hand),
    "a bag": ("covered", _bag),
    "spray": ("covered", _spray),
    "a hand below a clock": ("covered", lambda scene, random: _clock(_hand(scene, random))),
    "out of focus": ("out_of_focus", lambda scene, _: np.asarray(cv2.GaussianBlur(scene, (0, 0), 8), np.float32)),
    "far out of focus": ("out_of_focus", lambda scene, _: np.asarray(cv2.GaussianBlur(scene, (0, 0), 12), np.float32)),
}
"""What a picture may become, and what that is called."""

HARMLESS: Mapping[str, Fault] = {
    "as it is": as_it_is,
    "fog": lambda scene, _: 0.15 * scene + 170,
    "dense fog": lambda scene, _: 0.08 * scene + 185,
    "dusk": lambda scene, _: 0.3 * scene,
    "night": lambda scene, _: 0.08 * scene,
    "bright": lambda scene, _: np.minimum(1.3 * scene + 20, 255),
    "infrared": lambda scene, _: np.asarray(
        40 + 1.2 * (scene - 115) + 60 * np.exp(-((_COLUMNS - 160) ** 2 + (_ROWS - 120) ** 2) / 20000), np.float32
    ),
    "headlights": lambda scene, _: np.where((_COLUMNS - 90) ** 2 + (_ROWS - 160) ** 2 < 4900, 255, 0.15 * scene),
    "a bus over half of it": lambda scene, _: np.where(_COLUMNS < 150, 80, scene),
    "turned elsewhere": lambda scene, _: np.asarray(scene[::-1, ::-1], np.float32),
}
"""And what a picture may be without being called anything."""


def picture(fault: Fault, random: np.random.Generator, noise: float = 2.0) -> NDArray[np.uint8]:
    """``(HEIGHT, WIDTH)`` the scene under a fault, with the noise of a sensor."""
    shown = fault(SCENE, random)
    return np.clip(shown + noise * random.standard_normal(shown.shape, np.float32), 0, 255).astype(np.uint8)


class PictureCamera:
    """Sends pictures at ten a second until closed; ``show`` and ``hold`` decide which."""

    def __init__(self) -> None:
        self._fault: Fault = as_it_is
        self._held: bytes | None = None
        self._random = np.random.default_rng(1)
        self._stopped = stopped = threading.Event()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                while not stopped.wait(0.1):
                    jpeg = camera.jpeg()
                    head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
                    try:
                        self.wfile.write(head + jpeg + b"\r\n")
                    except OSError:
                        return

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="picture camera")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Of its pictures."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def show(self, fault: Fault) -> None:
        """From now on show the scene under a fault."""
        self._fault, self._held = fault, None

    def hold(self) -> None:
        """From now on send the same JPEG again and again."""
        self._held = self.jpeg()

    def jpeg(self) -> bytes:
        """The next picture."""
        if self._held is not None:
            return self._held
        return cv2.imencode(".jpg", picture(self._fault, self._random))[1].tobytes()
