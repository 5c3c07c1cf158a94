"""What nobody foresaw: logged under an incident id, of which the client learns only that id."""

from __future__ import annotations

import logging
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem_response
from service.errors import INTERNAL_ERROR

logger = logging.getLogger(__name__)


class Incidents:
    """ASGI middleware: an unforeseen exception becomes a 500 with an incident id, and one log entry that has it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, and answer for what was not caught further in."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] in ("http.response.start", "websocket.accept", "websocket.close")
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception:
            incident = secrets.token_hex(4)
            logger.exception("incident %s: %s %s", incident, scope.get("method", "WebSocket"), scope["path"])
            detail = f"this should not have happened; the log says more under {incident}"
            if scope["type"] == "websocket" and started:
                await send({"type": "websocket.close", "code": 1011, "reason": f"internal error, incident {incident}"})
            elif not started:
                response = problem_response(INTERNAL_ERROR, detail, incident=incident)
                await response(scope, receive, send)
