"""Peers that misbehave, and ones that ask for a password: real sockets on the loopback."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from support.ports import free_port

Talk = Callable[[socket.socket], None]


class Peer:
    """A TCP server that handles each connection with `talk`, in a thread of its own, until closed."""

    def __init__(self, talk: Talk, port: int | None = None) -> None:
        self._talk = talk
        self._listener = socket.create_server(("127.0.0.1", port or free_port()))
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, name="peer")

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in (self._acceptor, *self._threads):
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), name="peer connection")
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._talk(connection)


def silent(connection: socket.socket) -> None:
    """Take everything, answer nothing, until the other side goes."""
    while connection.recv(4096):
        pass


def dripping(connection: socket.socket) -> None:
    """Answer one byte at a time, for ever: every single read succeeds, nothing ever comes of it."""
    stop = threading.Event()
    for sign in b"HTTP/1.1 200 OK\r\n" + b"X-Padding: " + b"a" * 100_000:
        connection.send(bytes([sign]))
        stop.wait(0.05)


def garbage(connection: socket.socket) -> None:
    """Answer with bytes that are no protocol, then hang up."""
    connection.recv(4096)
    connection.sendall(bytes(range(256)) * 64)
    connection.close()


def http_garbage(connection: socket.socket) -> None:
    """A proper HTTP answer whose body is no video."""
    connection.recv(4096)
    body = bytes(range(256)) * 512
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    connection.close()


def refusing(status: str) -> Talk:
    """Answer every RTSP or HTTP request with this status, such as `403 Forbidden`."""

    def talk(connection: socket.socket) -> None:
        while request := _read_request(connection):
            protocol = "RTSP/1.0" if request.split("\r\n", 1)[0].endswith("RTSP/1.0") else "HTTP/1.1"
            connection.sendall(
                f"{protocol} {status}\r\nCSeq: {_header(request, 'CSeq')}\r\nContent-Length: 0\r\n\r\n".encode()
            )

    return talk


def asking_for_password(user: str, password: str, behind: int) -> Talk:
    """Let RTSP requests with the right Basic credentials through to the server on port `behind`."""
    right = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def talk(connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", behind)) as server:
            answers = threading.Thread(target=_copy, args=(server, connection))
            answers.start()
            while request := _read_request(connection):
                if _header(request, "Authorization") == right:
                    server.sendall(request.encode())
                else:
                    challenge = 'WWW-Authenticate: Basic realm="camera"'
                    status = f"RTSP/1.0 401 Unauthorized\r\nCSeq: {_header(request, 'CSeq')}\r\n{challenge}\r\n\r\n"
                    connection.sendall(status.encode())
            server.shutdown(socket.SHUT_RDWR)
            answers.join()

    return talk


def forwarding(behind: int) -> Talk:
    """Pass everything through to the server on port `behind`."""

    def talk(connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", behind)) as server:
            answers = threading.Thread(target=_copy, args=(server, connection))
            answers.start()
            _copy(connection, server)
            server.shutdown(socket.SHUT_RDWR)
            answers.join()

    return talk


def over_tls(talk: Talk, certificate: Path, key: Path) -> Talk:
    """The same conversation inside TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def secured(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as inside:
            talk(inside)

    return secured


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(65536):
            target.sendall(block)


def _read_request(connection: socket.socket) -> str:
    text = b""
    while b"\r\n\r\n" not in text:
        block = connection.recv(4096)
        if not block:
            return ""
        text += block
    return text.decode("latin-1")


def _header(request: str, name: str) -> str:
    for line in request.split("\r\n"):
        key, _, value = line.partition(":")
        if key.lower() == name.lower():
            return value.strip()
    return ""
