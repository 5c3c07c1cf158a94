"""``/streams/{id}/snapshot.jpg`` and ``live.mjpg``: what the camera sees now."""

from __future__ import annotations

from email.utils import formatdate
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Response

from service.api.context import App, InContext, StreamId
from service.api.live import LiveResponse
from service.api.problems import responses
from service.errors import INVALID_INPUT, NO_PICTURE, STREAM_BROKEN, STREAM_NOT_FOUND, TOO_MANY_CLIENTS

TAG = "pictures"
router = APIRouter(tags=[TAG])

Overlay = Annotated[bool, Query(description="Draw the objects' boxes with their scores.")]

_JPEG: dict[str, Any] = {"schema": {"type": "string", "contentMediaType": "image/jpeg"}}
_LIVE: dict[str, Any] = {"schema": {"type": "string", "contentMediaType": "multipart/x-mixed-replace"}}
_HEADERS = {
    "X-Seq": {"description": "`seq` of the score message of this frame.", "schema": {"type": "integer"}},
    "X-Captured-At": {"description": "When it was captured, Unix seconds.", "schema": {"type": "number"}},
}


@router.get(
    "/streams/{stream_id}/snapshot.jpg",
    summary="Get the newest picture",
    response_class=Response,
    response_description="A JPEG.",
    responses={
        200: {"content": {"image/jpeg": _JPEG}, "headers": _HEADERS},
        **responses(STREAM_NOT_FOUND, NO_PICTURE, STREAM_BROKEN, INVALID_INPUT),
    },
)
@router.head("/streams/{stream_id}/snapshot.jpg", include_in_schema=False)
def get_snapshot(stream_id: StreamId, application: App, overlay: Overlay = False) -> Response:
    """The newest scored frame. While the stream delivers nothing there is no picture: never an old one."""
    picture = application.streams.live(stream_id).newest_picture(overlay)
    headers = {
        "Last-Modified": formatdate(picture.captured_at, usegmt=True),
        "X-Seq": str(picture.seq),
        "X-Captured-At": f"{picture.captured_at:.3f}",
    }
    return Response(picture.jpeg, headers=headers, media_type="image/jpeg")


@router.get(
    "/streams/{stream_id}/live.mjpg",
    summary="Watch live",
    response_class=Response,
    response_description="An endless MJPEG stream.",
    responses={
        200: {"content": {"multipart/x-mixed-replace": _LIVE}},
        **responses(STREAM_NOT_FOUND, INVALID_INPUT, TOO_MANY_CLIENTS),
    },
)
async def watch_live(stream_id: StreamId, context: InContext, overlay: Overlay = False) -> Response:
    """Every scored frame as it comes, as MJPEG: an `<img>` shows it.

    Each part has `Content-Length`, and `X-Seq` and `X-Captured-At` as a snapshot has. A viewer that is slow gets fewer
    pictures, never old ones. While the camera delivers nothing, a grey picture that says so takes the place of the
    last one. The answer ends when the stream is deleted.
    """
    await to_thread.run_sync(context.application.streams.get, stream_id)
    dropped = context.application.metrics.client_dropped.labels("mjpeg")
    return LiveResponse(context.live, context.clients, stream_id, overlay=overlay, dropped=dropped)
