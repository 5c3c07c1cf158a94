"""How the API is served: the settings of sockets and server that its promises to clients rest on."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from service.api.context import Context

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

PING_INTERVAL_S = 10.0
PING_TIMEOUT_S = 10.0
"""A WebSocket client that reads nothing answers no ping either, and is closed with 1011 within 20 s: before the
sender gives up on it (`service.api.scores`), which could not tell it why."""

MESSAGE_BYTES = 4096
"""Clients have nothing to say; a longer message closes the connection with 1009."""

GRACE_S = 3
"""Requests under way get so long to end when the server stops."""

UNSENT_BYTES = 131_072
"""What the kernel takes beyond what is under way to a client. By default a client that does not read has 4.3 MB taken
for it: seven seconds of live pictures, a quarter of an hour of scores, all too old by then. With this it is 0.3 MB."""

STUCK_S = 60.0
"""A connection whose peer takes no byte for so long is reset by the kernel, whoever still waits on it."""


def tune(listener: socket.socket) -> None:
    """Set what every connection accepted from this socket inherits, as far as the system knows it."""
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(STUCK_S * 1000))


class ScoreSocket(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket, which knows that a handshake is also complete when it has been refused."""

    async def send(self, message: ASGISendEvent) -> None:
        """As the base, without an error in the log after a refusal that was answered as it should be."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True


class ApiServer(uvicorn.Server):
    """Uvicorn as the API wants it. Live pictures end when it stops; by themselves they never would."""

    def __init__(self, app: FastAPI) -> None:
        """Configure, and listen to nothing yet.

        Args:
            app: As ``create_app`` makes it.
        """
        super().__init__(
            uvicorn.Config(
                app,
                ws=ScoreSocket,
                ws_max_size=MESSAGE_BYTES,
                ws_ping_interval=PING_INTERVAL_S,
                ws_ping_timeout=PING_TIMEOUT_S,
                # Done for every client anew, compression would add 4 us to the 8 that a delivery costs.
                ws_per_message_deflate=False,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        context = app.state.context
        assert isinstance(context, Context)
        self._context = context

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End live pictures, then everything else."""
        self._context.live.end()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at Ctrl-C or SIGTERM and return, so that the caller can close what it owns.

        The base raises the signal again afterwards: a SIGTERM would then end the process before anything is closed.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
