"""``/streams/{id}/scores`` and ``/scores``: the score messages, past ones over REST and new ones over WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

from anyio import CancelScope, create_task_group, to_thread
from fastapi import APIRouter, Query, Response
from pydantic import TypeAdapter
from starlette.responses import StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from service.api.context import App, Context, InContext, StreamId
from service.api.limits import within
from service.api.moments import FROM, UNTIL, InUtc, Since, span
from service.api.problems import problem_response, responses
from service.api.queries import either
from service.contracts.score import ScoreMessage, ScorePoint
from service.delivery.feed import Subscription
from service.delivery.minutes import MINUTE_S
from service.delivery.score_range import score_range
from service.errors import (
    CROSS_ORIGIN,
    INVALID_INPUT,
    STREAM_NOT_FOUND,
    UPGRADE_REQUIRED,
    InvalidInput,
    NotFound,
    Overloaded,
)
from service.store.score_minutes import KEPT_DAYS

TAG = "scores"
router = APIRouter(tags=[TAG])

DEFAULT_SPAN = timedelta(days=1)
"""A span of time that is not said to begin: 1440 minutes."""

_EARLIEST = datetime.min.replace(tzinfo=UTC)

POINTS_AT_ONCE = 1_000
"""Points that are put into text at once: 70 KB of JSON."""

_CSV: dict[str, Any] = {
    "schema": {"type": "string"},
    "example": "at,seconds,score,state\r\n2026-03-01T12:00:00.000Z,60,0.91,live\r\n",
}

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
    summary="Get recent scores, a span of time, or follow",
    response_class=Response,
    response_description="Score messages, or points of a span of time; oldest first.",
    responses={
        200: {"model": list[ScoreMessage] | list[ScorePoint], "content": {"text/csv": _CSV}},
        **responses(STREAM_NOT_FOUND, INVALID_INPUT),
    },
    description="**Without a span of time:** the score messages that are kept in memory (`WATCHWORD_SCORE_HISTORY`), "
    "oldest first: the newest `limit`, or with `after` the first `limit` after that `seq`, so that a client can read "
    "on where it was.\n\n"
    "**With `from`, `until`, `step` or `format=csv`:** points (schema `ScorePoint`) of that span, oldest first; "
    "`until` is now and `from` a day before it, unless they are given. Where frames are still in memory each is a "
    f"point, before that each minute with its highest score, which are kept for {KEPT_DAYS} days. `step` takes the "
    "highest of that many seconds. What nobody saw, as the service did not run, is left out; a stream that was not "
    "watched has points without a score and with its `state`.\n\n"
    "**As a WebSocket** the same path follows the stream.\n" + PROTOCOL,
)
def get_scores(
    stream_id: StreamId,
    application: App,
    after: Annotated[
        int | None,
        Query(
            ge=0,
            le=2**53,
            description="Only messages with a greater `seq`. One that was not reached yet counts as none.",
        ),
    ] = None,
    limit: Annotated[
        int | None, Query(ge=1, le=5000, description="At most so many messages; 500 unless it is given.")
    ] = None,
    from_: Annotated[InUtc | None, FROM] = None,
    until: Annotated[InUtc | None, UNTIL] = None,
    step: Annotated[
        int | None,
        Query(
            ge=1,
            le=86_400,
            description="Seconds over which the highest score is taken: below 60, or whole minutes. They begin at "
            "multiples of it since 1970 in UTC.",
        ),
    ] = None,
    format_: Annotated[
        Literal["json", "csv"], Query(alias="format", description="`csv` gives points, with a line of names first.")
    ] = "json",
    since: Since = None,
) -> Response:
    """Recent messages of one stream, or points of a span of time."""
    application.streams.get(stream_id)
    begin = either("from", from_, "since", since)
    if begin is None and until is None and step is None and format_ == "json":
        return _recent(application, stream_id, after, 500 if limit is None else limit)
    if after is not None or limit is not None:
        msg = (
            "Give `after` and `limit` for recent messages, or `from`, `until`, `step` and `format` for a span of time."
        )
        raise InvalidInput(INVALID_INPUT, msg)
    if step is not None and step > MINUTE_S and step % MINUTE_S:
        msg = f"`step` is {step}: give less than {MINUTE_S} seconds, or whole minutes (60, 120, ...)."
        raise InvalidInput(INVALID_INPUT, msg)
    end = datetime.now(UTC) if until is None else until
    span(begin, end)
    begin = max(end, _EARLIEST + DEFAULT_SPAN) - DEFAULT_SPAN if begin is None else begin
    points = score_range(application.feed, application.minutes, stream_id, begin.timestamp(), end.timestamp(), step)
    return _as_csv(stream_id, points) if format_ == "csv" else _as_json(points)


def _recent(application: App, stream_id: str, after: int | None, limit: int) -> Response:
    messages = application.feed.history(stream_id, after, limit)
    return Response(b"[" + b",".join(messages) + b"]", media_type="application/json")


def _as_json(points: Sequence[ScorePoint]) -> Response:
    def chunks() -> Iterator[bytes]:
        yield b"["
        for first in range(0, len(points), POINTS_AT_ONCE):
            chunk = TypeAdapter(list[ScorePoint]).dump_json(list(points[first : first + POINTS_AT_ONCE]))
            yield (b"," if first else b"") + chunk[1:-1]
        yield b"]"

    return StreamingResponse(chunks(), media_type="application/json")


def _as_csv(stream_id: str, points: Sequence[ScorePoint]) -> Response:
    def chunks() -> Iterator[str]:
        yield "at,seconds,score,state\r\n"
        for first in range(0, len(points), POINTS_AT_ONCE):
            yield "".join(map(_line, points[first : first + POINTS_AT_ONCE]))

    headers = {"Content-Disposition": f'attachment; filename="scores-{stream_id}.csv"'}
    return StreamingResponse(chunks(), media_type="text/csv", headers=headers)


def _line(point: ScorePoint) -> str:
    at = point.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    score = "" if point.score is None else f"{point.score:.6g}"
    return f"{at},{point.seconds},{score},{point.state.value}\r\n"


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
    detail = "Connect here with a WebSocket. GET /streams/{id}/scores gives past messages."
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
