"""``/alerts``: what happened, and what people say of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, AwareDatetime
from starlette.responses import FileResponse

from service.api.context import ID_PATTERN, AlertId, App
from service.api.problems import BODY, CHANGE, responses
from service.contracts.alert import Alert, AlertPatch, AlertState
from service.errors import ALERT_NOT_FOUND, INVALID_CURSOR, INVALID_INPUT, SNAPSHOT_NOT_FOUND
from service.streams.verdicts import set_verdict

TAG = "alerts"
router = APIRouter(tags=[TAG])

_JPEG: dict[str, Any] = {"schema": {"type": "string", "contentMediaType": "image/jpeg"}}
_LINK = {"description": "The next page (`rel=next`), if there may be one.", "schema": {"type": "string"}}


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        msg = "expected a moment between the years 1 and 9999 in UTC, got one beyond"
        raise ValueError(msg) from None


InUtc = Annotated[AwareDatetime, AfterValidator(_in_utc)]


@router.get(
    "/alerts",
    summary="List alerts",
    response_description="The alerts.",
    responses={200: {"headers": {"Link": _LINK}}, **responses(INVALID_INPUT, INVALID_CURSOR)},
)
def list_alerts(
    request: Request,
    response: Response,
    application: App,
    stream: Annotated[
        str | None, Query(pattern=ID_PATTERN, description="Only of this stream, which may be deleted by now.")
    ] = None,
    since: Annotated[
        InUtc | None,
        Query(description="Only opened at or after this moment, with its zone.", examples=["2026-03-01T12:00:00Z"]),
    ] = None,
    state: Annotated[AlertState | None, Query(description="Only open or only closed ones.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 100,
    before: Annotated[
        str | None, Query(pattern=ID_PATTERN, description="The next page: the id of the last alert of this one.")
    ] = None,
) -> list[Alert]:
    """Alerts, the newest first. `Link` leads to the next page."""
    found = application.alerts.list(stream, since, state, limit, before)
    if len(found) == limit:
        following = request.url.include_query_params(before=found[-1].id)
        response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return found


@router.get(
    "/alerts/{alert_id}",
    summary="Get an alert",
    response_description="The alert.",
    responses=responses(ALERT_NOT_FOUND, INVALID_INPUT),
)
def get_alert(alert_id: AlertId, application: App) -> Alert:
    """One alert, as it stands now."""
    return application.alerts.get(alert_id)


@router.patch(
    "/alerts/{alert_id}",
    summary="Say what an alert was",
    response_description="The alert as it is now.",
    responses=responses(*BODY, *CHANGE, ALERT_NOT_FOUND),
)
def update_alert(alert_id: AlertId, patch: AlertPatch, application: App) -> Alert:
    """Note a person's verdict: `confirmed`, `false_alarm`, or null to take it back.

    A false alarm teaches its stream, from the next frame on, that objects like those of the alert are normal; any
    other verdict takes that back. Only objects that were followed for about a second, on a stream with an encoder, are
    known by their looks: `taught` says of how many it learned, and why if of none. `GET /streams/{id}/taught` lists
    what a stream was taught.
    """
    return set_verdict(application.streams, application.alerts, alert_id, patch.verdict)


@router.get(
    "/alerts/{alert_id}/snapshot.jpg",
    summary="Get an alert's picture",
    response_class=Response,
    response_description="A JPEG.",
    responses={
        200: {
            "content": {"image/jpeg": _JPEG},
            "headers": {"ETag": {"description": "Changes with the picture.", "schema": {"type": "string"}}},
        },
        304: {"description": "The picture is still the one with the ETag in `If-None-Match`."},
        **responses(ALERT_NOT_FOUND, SNAPSHOT_NOT_FOUND, INVALID_INPUT),
    },
)
@router.head("/alerts/{alert_id}/snapshot.jpg", include_in_schema=False)
def get_alert_snapshot(alert_id: AlertId, request: Request, application: App) -> Response:
    """The frame at the alert's peak, boxes drawn. It may change while the alert is open."""
    path = application.alerts.snapshot_path(alert_id)
    return _revalidated(path, request)


def _revalidated(path: Path, request: Request) -> Response:
    headers = {"Cache-Control": "private, no-cache"}
    response = FileResponse(path, headers=headers, media_type="image/jpeg", stat_result=path.stat())
    etag = response.headers["ETag"]
    known = [each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers={**headers, "ETag": etag})
    return response
