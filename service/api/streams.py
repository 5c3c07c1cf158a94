"""``/streams``: cameras come and go while the others run."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.context import App, InContext, StreamId
from service.api.problems import BODY, CHANGE, PACK, SOURCE, responses
from service.contracts.stream import StreamOut, StreamPatch, StreamSpec
from service.errors import (
    INVALID_INPUT,
    INVALID_PATCH,
    MACHINE_FULL,
    NEW_TO_EXTEND,
    NO_PROFILE,
    PROBES_BUSY,
    STREAM_NOT_FOUND,
    STREAM_PAUSED,
    TOO_FEW_FRAMES,
    TOO_MANY_CHANGES,
    TOO_MANY_PROBES,
    TOO_MANY_STREAMS,
)

TAG = "streams"
TO_LEARN = (NEW_TO_EXTEND, TOO_FEW_FRAMES, STREAM_NOT_FOUND, NO_PROFILE, STREAM_PAUSED)
OVERLOADED = (TOO_MANY_STREAMS, MACHINE_FULL, TOO_MANY_PROBES, PROBES_BUSY)
router = APIRouter(tags=[TAG])

Probe = Annotated[
    bool,
    Query(description="Try the source first. `false` registers a camera that is down just now."),
]


@router.post(
    "/streams",
    status_code=201,
    summary="Register a camera or file",
    response_description="The stream; `Location` is its path.",
    responses={
        201: {"headers": {"Location": {"description": "Path of the new stream.", "schema": {"type": "string"}}}},
        **responses(*BODY, *CHANGE, *SOURCE, *PACK, *OVERLOADED, *TO_LEARN),
    },
)
async def create_stream(
    spec: StreamSpec, request: Request, response: Response, context: InContext, probe: Probe = True
) -> StreamOut:
    """Register a stream. It connects, enrols if asked to, and is scored from then on.

    The source is tried first, for up to five seconds: one that cannot be reached, wants other credentials or has no
    video that can be decoded is refused, and nothing has changed then. Credentials in `url` are split off and stored
    apart; no answer, log line or metric ever shows them.
    """
    stream = await context.probing.run(context.application.streams.create, spec, probe)
    response.headers["Location"] = f"{request.scope.get('root_path', '')}/streams/{stream.id}"
    return stream


@router.get("/streams", summary="List streams", response_description="The streams.", responses=responses())
def list_streams(application: App) -> list[StreamOut]:
    """Every registered stream with its settings and what it is doing, the oldest first."""
    return application.streams.list()


@router.get(
    "/streams/{stream_id}",
    summary="Get a stream",
    response_description="The stream.",
    responses=responses(STREAM_NOT_FOUND, INVALID_INPUT),
)
def get_stream(stream_id: StreamId, application: App) -> StreamOut:
    """One stream with its settings and what it is doing."""
    return application.streams.get(stream_id)


@router.patch(
    "/streams/{stream_id}",
    summary="Change a stream",
    response_description="The stream as it is now.",
    responses=responses(*BODY, *CHANGE, *SOURCE, *PACK, *OVERLOADED, INVALID_PATCH, STREAM_NOT_FOUND),
)
async def update_stream(stream_id: StreamId, patch: StreamPatch, context: InContext, probe: Probe = True) -> StreamOut:
    """Change the settings that the body names and leave the others.

    Name, thresholds, zones and detection change while the stream runs; another source, rate, detector or pack makes
    it connect anew. A change that is refused leaves everything as it was.
    """
    return await context.probing.run(context.application.streams.update, stream_id, patch, probe)


@router.delete(
    "/streams/{stream_id}",
    status_code=204,
    summary="Delete a stream",
    response_description="It is gone.",
    responses=responses(*CHANGE, INVALID_INPUT, TOO_MANY_CHANGES),
)
async def delete_stream(stream_id: StreamId, context: InContext) -> None:
    """Stop a stream and forget it with what it has learned. Its alerts stay.

    Legal in every state and idempotent: deleting what is not there succeeds too. Its WebSockets are closed with code
    4410, its live pictures end.
    """
    await context.changing.run(context.application.streams.delete, stream_id)


@router.post(
    "/streams/{stream_id}/retry",
    status_code=204,
    summary="Try a camera now",
    response_description="It is being tried, or delivers already.",
    responses=responses(*CHANGE, STREAM_NOT_FOUND, INVALID_INPUT, TOO_MANY_CHANGES),
)
async def retry_stream(stream_id: StreamId, context: InContext) -> None:
    """Try a source that is down at once, and do not wait for `next_try_at`.

    Legal in every state and idempotent: a stream that delivers or is paused, and a video file that has ended, stay as
    they are. A stream that could not be restored is built anew from its settings.
    """
    await context.changing.run(context.application.streams.retry, stream_id)
