"""``/streams/{id}/scores`` and ``/scores``: the score messages, past ones over REST and new ones over WebSocket."""

from __future__ import annotations

import asyncio
from typing import Annotated, NamedTuple

from anyio import CancelScope, create_task_group, to_thread
from fastapi import APIRouter, Query, Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from service.api.context import App, Context, InContext, StreamId
from service.api.limits import within
from service.api.problems import problem_response, responses
from service.contracts.score import ScoreMessage
from service.delivery.feed import Subscription
from service.errors import CROSS_ORIGIN, INVALID_INPUT, STREAM_NOT_FOUND, UPGRADE_REQUIRED, NotFound, Overloaded

TAG = "scores"
router = APIRouter(tags=[TAG])

SEND_TIMEOUT_S = 25.0
"""A client that takes no byte for so long is let go."""

CLOSE_TIMEOUT_S = 1.0
"""A close frame cannot pass what lies unread before it."""


class Close(NamedTuple):
    """Why the service closes a WebSocket."""

    code: int
    reason: str


TOO_SLOW = Close(1008, f"too slow: nothing was read for {SEND_TIMEOUT_S:g} s")
TOO_MANY = Close(1013, "too many live clients: try again later")
NO_STREAM = Close(4404, "stream_not_found")
DELETED = Close(4410, "stream_deleted")

PROTOCOL = f"""
The server sends text frames, one JSON object each:

* **A score message** (schema `ScoreMessage`) for every frame of the stream, and one with a null `score` whenever its
  `state` changes. The newest message comes at once after connecting.
* **`{{"dropped": n}}`** in place of messages that a client was too slow for: it may fall `WATCHWORD_CLIENT_QUEUE`
  (64) messages of a stream behind, then the oldest are lost. Other clients do not notice.

What a client sends is ignored. The server pings; who does not answer is closed with 1011.

| Close code | Reason |
|---|---|
| {DELETED.code} | the stream was deleted: do not come back |
| {NO_STREAM.code} | there is no such stream: do not come back |
| {TOO_SLOW.code} | nothing was read for {SEND_TIMEOUT_S:g} s |
| 1011 | no answer to a ping, or an internal error |
| 1012 | the service restarts |
| {TOO_MANY.code} | too many live clients (`WATCHWORD_MAX_CLIENTS`): try again later |

A page that is not the service's own gets 403 for a handshake (see `WATCHWORD_PUBLIC_URL`).
"""


@router.get(
    "/streams/{stream_id}/scores",
    summary="Get recent scores, or follow a stream",
    response_class=Response,
    response_description="Score messages, oldest first.",
    responses={
        200: {"model": list[ScoreMessage]},
        **responses(STREAM_NOT_FOUND, INVALID_INPUT),
    },
    description="The score messages that are kept in memory (`WATCHWORD_SCORE_HISTORY`), oldest first: the newest "
    "`limit`, or with `since` the first `limit` after that `seq`, so that a client can read on where it was.\n\n"
    "**As a WebSocket** the same path follows the stream.\n" + PROTOCOL,
)
def get_scores(
    stream_id: StreamId,
    application: App,
    since: Annotated[
        int | None,
        Query(
            ge=0,
            le=2**53,
            description="Only messages with a greater `seq`. One that was not reached yet counts as none.",
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=5000, description="At most so many.")] = 500,
) -> Response:
    """Recent messages of one stream."""
    application.streams.get(stream_id)
    messages = application.feed.history(stream_id, since, limit)
    return Response(b"[" + b",".join(messages) + b"]", media_type="application/json")


@router.get(
    "/scores",
    status_code=101,
    summary="Follow all streams (WebSocket)",
    response_class=Response,
    response_description="Switching to the WebSocket protocol.",
    responses=responses(CROSS_ORIGIN, UPGRADE_REQUIRED),
    description="A WebSocket with the scores of all streams, those that come later included. It begins with the newest "
    "message of each stream. A plain GET is answered with 426.\n" + PROTOCOL,
)
async def follow_scores() -> Response:
    """Say that this path is for WebSockets."""
    detail = "expected a WebSocket handshake, got a plain GET; GET /streams/{id}/scores gives past messages"
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    return problem_response(UPGRADE_REQUIRED, detail, headers=headers)


@router.websocket("/streams/{stream_id}/scores")
async def follow_stream(websocket: WebSocket, stream_id: StreamId, context: InContext) -> None:
    """Send the scores of one stream."""
    await _serve(websocket, context, stream_id)


@router.websocket("/scores")
async def follow_all(websocket: WebSocket, context: InContext) -> None:
    """Send the scores of all streams."""
    await _serve(websocket, context, None)


async def _serve(websocket: WebSocket, context: Context, stream_id: str | None) -> None:
    await websocket.accept()
    try:
        with context.clients.admit("websocket"):
            close = await _follow(websocket, context, stream_id)
    except Overloaded:
        close = TOO_MANY
    if close is not None and websocket.application_state is WebSocketState.CONNECTED:
        await within(CLOSE_TIMEOUT_S, websocket.close(*close))


async def _follow(websocket: WebSocket, context: Context, stream_id: str | None) -> Close | None:
    """Send until there is a reason to close, or None when the client has left."""
    async with context.application.feed.subscribe(stream_id) as subscription:
        # Looked up after subscribing: a stream that is deleted from now on ends the subscription.
        if stream_id is not None and not await to_thread.run_sync(_exists, context, stream_id):
            return NO_STREAM
        sender = _Sender(websocket, subscription)
        async with create_task_group() as group:
            group.start_soon(_until_disconnected, websocket, group.cancel_scope)
            group.start_soon(sender.watch, group.cancel_scope)
            await sender.run()
            group.cancel_scope.cancel()
        return sender.close


class _Sender:
    """Sends a subscription's messages to a client, and sees when the client takes them no more."""

    def __init__(self, websocket: WebSocket, subscription: Subscription) -> None:
        self.close: Close | None = None
        self._websocket = websocket
        self._subscription = subscription
        self._sending_since: float | None = None

    async def run(self) -> None:
        """Send until the stream is deleted or the client has left."""
        clock = asyncio.get_running_loop().time
        try:
            async for message in self._subscription:
                self._sending_since = clock()
                await self._websocket.send({"type": "websocket.send", "text": message.decode()})
                self._sending_since = None
        except WebSocketDisconnect:
            return
        self.close = DELETED

    async def watch(self, scope: CancelScope) -> None:
        """Cancel once a single send takes too long: a timer for each send would cost a third of its time."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(SEND_TIMEOUT_S / 5)
            if self._sending_since is not None and clock() - self._sending_since >= SEND_TIMEOUT_S:
                self.close = TOO_SLOW
                scope.cancel()
                return


async def _until_disconnected(websocket: WebSocket, scope: CancelScope) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
    scope.cancel()


def _exists(context: Context, stream_id: str) -> bool:
    try:
        context.application.streams.get(stream_id)
    except NotFound:
        return False
    return True
