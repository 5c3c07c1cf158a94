"""An application that fails as it is told, with the handlers of the real one."""

from __future__ import annotations

from fastapi import FastAPI, WebSocket
from httpx import ASGITransport, AsyncClient, Response

from service.api import handlers
from service.api.incidents import Incidents


def failing_app(error: Exception) -> FastAPI:
    """Raises this error at ``/``, and at ``/socket`` after it has accepted."""
    app = FastAPI()
    app.add_middleware(Incidents)
    handlers.install(app)

    @app.get("/")
    def fail() -> None:
        raise error

    @app.websocket("/socket")
    async def fail_socket(websocket: WebSocket) -> None:
        await websocket.accept()
        raise error

    return app


async def answer(error: Exception) -> Response:
    """What a client is answered."""
    async with AsyncClient(transport=ASGITransport(failing_app(error)), base_url="http://test") as client:
        return await client.get("/")
