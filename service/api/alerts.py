"""``/alerts``: what happened, and what people say of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator, StringConstraints
from starlette.datastructures import URL
from starlette.responses import FileResponse

from service.api.context import ID_PATTERN, AlertId, App
from service.api.moments import FROM, UNTIL, InUtc, Since, span
from service.api.problems import BODY, CHANGE, responses
from service.api.queries import either
from service.contracts.alert import (
    Alert,
    AlertCount,
    AlertDay,
    AlertKind,
    AlertPatch,
    AlertReviewsSpec,
    AlertState,
    Verdict,
)
from service.contracts.timezone import Timezone
from service.errors import ALERT_NOT_FOUND, INVALID_CURSOR, INVALID_INPUT, SNAPSHOT_NOT_FOUND, NotFound
from service.store.alert_filter import AlertFilter
from service.store.alerts import cursor_after

TAG = "alerts"
router = APIRouter(tags=[TAG])

_JPEG: dict[str, Any] = {"schema": {"type": "string", "contentMediaType": "image/jpeg"}}
_LINK = {"description": "The next page (`rel=next`), if there is one.", "schema": {"type": "string"}}

MOST_STREAMS = 256
"""Streams that a list can be asked of: as many as one service runs."""


def _some_words(text: str | None) -> str | None:
    if text is not None and not text.split():
        msg = "Enter some words to look for."
        raise ValueError(msg)
    return text


IdText = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
SearchText = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$",
        description="Only those where all of these words, or parts of words, are in what was said: the message, the "
        "note, the stream's name, and captions and labels of objects. Capital letters count as small ones.",
        examples=["bicycle"],
    ),
    AfterValidator(_some_words),
]
CURSOR_PATTERN = r"^(-?\d{1,18}~)?[A-Za-z0-9_.-]{1,64}$"


def _wanted(
    stream: Annotated[
        list[IdText] | None,
        Query(
            max_length=MOST_STREAMS, description="Only of this stream, which may be deleted by now; may be repeated."
        ),
    ] = None,
    state: Annotated[AlertState | None, Query(description="Only open or only closed ones.")] = None,
    verdict: Annotated[
        list[Verdict | Literal["none"]] | None,
        Query(max_length=3, description="Only with this verdict; `none` is without one. May be repeated."),
    ] = None,
    kind: Annotated[
        list[AlertKind] | None, Query(max_length=10, description="Only of this kind; may be repeated.")
    ] = None,
    from_: Annotated[InUtc | None, FROM] = None,
    until: Annotated[InUtc | None, UNTIL] = None,
    text: SearchText = None,
    since: Since = None,
) -> AlertFilter:
    begin = either("from", from_, "since", since)
    span(begin, until)
    return AlertFilter(
        streams=frozenset(stream or ()),
        kinds=frozenset(kind or ()),
        verdicts=frozenset(verdict or ()),
        state=state,
        since=begin,
        until=until,
        text=text,
    )


Wanted = Annotated[AlertFilter, Depends(_wanted)]


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
    wanted: Wanted,
    cursor: Annotated[
        str | None,
        Query(
            pattern=CURSOR_PATTERN,
            description="The next page: what `Link` of this one gives, or the id of its last alert.",
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 100,
    before: Annotated[
        str | None,
        Query(pattern=CURSOR_PATTERN, description="The same as `cursor`, by its older name.", deprecated=True),
    ] = None,
) -> list[Alert]:
    """Alerts, the newest first. `Link` leads to the next page.

    While new alerts open, pages go on where they were: each alert that was there comes once.
    """
    found = application.alerts.list(wanted, limit + 1, either("cursor", cursor, "before", before))
    if len(found) > limit:
        response.headers["Link"] = _next_link(request.url, found[limit - 1])
    return list(found[:limit])


def _next_link(url: URL, last: Alert) -> str:
    following = url.remove_query_params("before").include_query_params(cursor=cursor_after(last))
    return f'<{following.path}?{following.query}>; rel="next"'


@router.get(
    "/alerts/count",
    summary="Count alerts",
    response_description="How many there are.",
    responses=responses(INVALID_INPUT),
)
def count_alerts(application: App, wanted: Wanted) -> AlertCount:
    """How many alerts there are of those that `GET /alerts` would list, and how many of them nobody has judged."""
    return application.alerts.count(wanted)


@router.get(
    "/alerts/days",
    summary="Count alerts by day",
    response_description="The days that have alerts, the newest first.",
    responses=responses(INVALID_INPUT),
)
def count_alerts_by_day(
    application: App,
    wanted: Wanted,
    timezone: Annotated[
        Timezone | None,
        Query(
            description="IANA name of the time zone in which days begin and end. Without it, that of the stream if the "
            "alerts of a single one are asked for, else UTC.",
            examples=["Europe/Berlin"],
        ),
    ] = None,
) -> list[AlertDay]:
    """A calendar: on how many alerts opened on each day that has any, and how many of them nobody has judged.

    Days begin and end at midnight on the wall: the day on which clocks are set forward has 23 hours, the one on which
    they are set back has 25.
    """
    return list(application.alerts.days(wanted, timezone or _timezone_of(application, wanted)))


def _timezone_of(application: App, wanted: AlertFilter) -> str:
    """The time zone of the stream, if only one is asked for; it may have none, or be deleted."""
    if len(wanted.streams) != 1:
        return "UTC"
    (stream_id,) = wanted.streams
    try:
        return application.streams.get(stream_id).timezone or "UTC"
    except NotFound:
        return "UTC"


@router.post(
    "/alerts/reviews",
    summary="Say what several alerts were",
    response_description="The alerts as they are now, in the order in which they were named.",
    responses=responses(*BODY, *CHANGE, ALERT_NOT_FOUND),
)
def review_alerts(reviews: AlertReviewsSpec, application: App) -> list[Alert]:
    """Give up to 200 alerts the same verdict, note, or both: all of them or, if one of them is not there, none.

    Each teaches its stream as a single verdict does (`PATCH /alerts/{id}`), and each is an event `reviewed` if it was
    changed by it.
    """
    return list(application.review(reviews.ids, reviews.changes()))


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
    """Note a person's verdict (`confirmed`, `false_alarm`, or null to take it back), what they write, or both.

    A false alarm teaches its stream, from the next frame on, that objects like those of the alert are normal; any
    other verdict takes that back. Only objects that were followed for about a second, on a stream with an encoder, are
    known by their looks: `taught` says of how many it learned, and why if of none. `GET /streams/{id}/taught` lists
    what a stream was taught. An alert of a deleted stream can be judged too, and teaches nobody.

    What changes the verdict or the note is an event `reviewed` on the bus and to webhooks.
    """
    (alert,) = application.review([alert_id], patch.changes())
    return alert


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
def get_alert_snapshot(
    alert_id: AlertId,
    request: Request,
    application: App,
    peak: Annotated[
        InUtc | None,
        Query(
            description="The alert's `peak_at`, as it is known: the picture of a closed alert may then be kept, and "
            "need not be asked for again.",
            examples=["2026-03-01T12:00:06.320Z"],
        ),
    ] = None,
) -> Response:
    """The frame at the alert's peak, boxes drawn. It may change while the alert is open."""
    path = application.alerts.snapshot_path(alert_id)
    alert = application.alerts.get(alert_id)
    final = alert.state is AlertState.CLOSED and peak is not None and peak == alert.peak_at
    return _revalidated(path, request, _KEPT if final else _ASKED_AGAIN)


_ASKED_AGAIN = "private, no-cache"
_KEPT = "private, max-age=604800, immutable"
"""For a week: by then the picture may have made room for newer ones."""


def _revalidated(path: Path, request: Request, keeping: str) -> Response:
    headers = {"Cache-Control": keeping}
    response = FileResponse(path, headers=headers, media_type="image/jpeg", stat_result=path.stat())
    etag = response.headers["ETag"]
    known = [each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers={**headers, "ETag": etag})
    return response
