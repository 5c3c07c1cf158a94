"""The application behind a listening socket: for the command line, in the foreground, and for tests in a thread."""

from __future__ import annotations

import errno
import socket
import threading
from types import TracebackType
from typing import Self

from service.api.app import create_app
from service.api.transport import ApiServer, tune
from service.application import Application
from service.errors import ADDRESS_TAKEN, InvalidInput


class Server:
    """Listens, runs the application, and closes both."""

    def __init__(self, application: Application) -> None:
        """Bind at once, so that the port is known and a taken one is an error here.

        Raises:
            InvalidInput: If the address cannot be listened on.
        """
        settings = application.settings
        self._application = application
        self._socket = _listen(settings.host, settings.port)
        self.port: int = self._socket.getsockname()[1]
        application.own_addresses.add((settings.host, self.port))
        tune(self._socket)
        self._uvicorn = ApiServer(create_app(application))
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where this machine reaches it."""
        host = self._application.settings.host
        shown = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104  # shown, not listened on
        return f"http://[{shown}]:{self.port}" if ":" in shown else f"http://{shown}:{self.port}"

    def run(self) -> None:
        """Serve until a signal comes, then stop everything."""
        try:
            self._application.start()
            self._uvicorn.run(sockets=[self._socket])
        finally:
            self._application.close()

    def __enter__(self) -> Self:
        """Serve from a thread."""
        self._thread = threading.Thread(target=self.run, name="server", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and wait until everything has."""
        self._uvicorn.should_exit = True
        if self._thread is not None:
            self._thread.join()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise InvalidInput(ADDRESS_TAKEN, _refusal(host, port, error)) from error
    return listener


def _refusal(host: str, port: int, error: OSError) -> str:
    """Why an address cannot be listened on, and what to set."""
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Port {port} of {host} is in use by another program. Stop that one, or choose another port "
                "(--port, WATCHWORD_PORT; 0 picks a free one)."
            )
        case errno.EACCES:
            return f"This user may not listen on port {port}. Choose one from 1024 on (--port, WATCHWORD_PORT)."
        case errno.EADDRNOTAVAIL:
            return f"This machine has no address {host}. Choose another one (--host, WATCHWORD_HOST)."
    return f"{host}:{port} cannot be listened on: {error.strerror or error} (--host, --port)."
