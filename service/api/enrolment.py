"""``/streams/{id}/enrolment``: learning what is normal."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from service.api.context import App, InContext, StreamId
from service.api.problems import BODY, CHANGE, SOURCE, responses
from service.contracts.enrolment import EnrolmentOut, EnrolmentSpec
from service.contracts.moment import MomentPatch
from service.contracts.sensitivity import SensitivityPreview, SensitivitySpec
from service.errors import (
    ENROLMENT_RUNNING,
    INVALID_INPUT,
    MOMENT_NOT_FOUND,
    NO_PROFILE,
    NOTHING_TO_EXTEND,
    PROFILE_MISFIT,
    STREAM_BROKEN,
    STREAM_NOT_FOUND,
    STREAM_PAUSED,
    TOO_FEW_FRAMES,
    TOO_MANY_CHANGES,
    TOO_MANY_PREVIEWS,
)

TAG = "enrolment"
CONFLICTS = (ENROLMENT_RUNNING, NOTHING_TO_EXTEND, NO_PROFILE, PROFILE_MISFIT, STREAM_PAUSED, STREAM_BROKEN)
MOMENTS = "/streams/{stream_id}/enrolment/moments"
router = APIRouter(tags=[TAG])

MomentId = Annotated[
    str,
    Path(pattern=r"^\d{1,9}-\d{1,15}-\d{1,15}$", description="The moment's id.", examples=["0-82100-84900"]),
]

_JPEG: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


@router.post(
    "/streams/{stream_id}/enrolment",
    status_code=202,
    summary="Learn what is normal",
    response_description="Begun; `GET` on the same path says how far it is.",
    responses=responses(*BODY, *CHANGE, *SOURCE, *CONFLICTS, TOO_FEW_FRAMES, STREAM_NOT_FOUND, TOO_MANY_CHANGES),
)
async def enrol(stream_id: StreamId, spec: EnrolmentSpec, context: InContext) -> EnrolmentOut:
    """Learn a profile of what is normal on this stream: live, from files, or taken over from another stream.

    A few minutes are enough to be useful. Live, it goes on until it has the seconds that were asked for and at least a
    hundred frames: with a camera of one frame in two seconds that takes 200 seconds. The profile in force stays in
    force until the new one is ready, and for good if learning fails.
    """
    return await context.changing.run(context.application.streams.enrol, stream_id, spec)


@router.get(
    "/streams/{stream_id}/enrolment",
    summary="Get an enrolment",
    response_description="The enrolment.",
    responses=responses(STREAM_NOT_FOUND, STREAM_BROKEN, INVALID_INPUT),
)
def get_enrolment(stream_id: StreamId, application: App) -> EnrolmentOut:
    """How far the enrolment is, and what the stream has learned to be normal."""
    return application.streams.live(stream_id).enrolment()


@router.delete(
    "/streams/{stream_id}/enrolment",
    status_code=204,
    summary="Forget an enrolment",
    response_description="It is gone.",
    responses=responses(*CHANGE, STREAM_NOT_FOUND, INVALID_INPUT, TOO_MANY_CHANGES),
)
async def forget_enrolment(stream_id: StreamId, context: InContext) -> None:
    """Stop an enrolment under way and delete the profile. The stream's score is null until it learns again."""
    await context.changing.run(context.application.streams.forget_enrolment, stream_id)


@router.post(
    "/streams/{stream_id}/enrolment/preview",
    summary="Try a sensitivity",
    response_description="What it would have done.",
    responses=responses(*BODY, *CHANGE, STREAM_NOT_FOUND, STREAM_BROKEN, NO_PROFILE, TOO_MANY_PREVIEWS),
)
async def preview_sensitivity(stream_id: StreamId, spec: SensitivitySpec, context: InContext) -> SensitivityPreview:
    """Try another wish for alerts a day, or another threshold, on the scores that are remembered; nothing changes.

    Of the last minutes every frame is remembered, and the alerts are those that there would have been. Of the month
    before them the highest score of each minute is, so that there may have been fewer. Scores are those that were told
    then, by what the stream had learned then.
    """
    return await context.previewing.run(context.application.preview_sensitivity, stream_id, spec)


@router.get(
    MOMENTS + "/{moment_id}.jpg",
    summary="Get a moment's picture",
    response_class=Response,
    response_description="A small JPEG.",
    responses={
        200: {"content": {"image/jpeg": _JPEG}},
        **responses(STREAM_NOT_FOUND, STREAM_BROKEN, MOMENT_NOT_FOUND, INVALID_INPUT),
    },
)
def get_moment_picture(stream_id: StreamId, moment_id: MomentId, application: App) -> Response:
    """A picture of a moment that was learned from or left out, from about its height."""
    picture = application.streams.live(stream_id).profile.picture(moment_id)
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@router.patch(
    MOMENTS + "/{moment_id}",
    status_code=202,
    summary="Leave a moment out, or keep it",
    response_description="Begun; `GET` of the enrolment says when it is in force.",
    responses=responses(
        *BODY, *CHANGE, STREAM_NOT_FOUND, STREAM_BROKEN, MOMENT_NOT_FOUND, ENROLMENT_RUNNING, TOO_MANY_CHANGES
    ),
)
async def choose_moment(
    stream_id: StreamId, moment_id: MomentId, patch: MomentPatch, context: InContext
) -> EnrolmentOut:
    """Say of a moment whether it is normal, and learn anew from the frames that were kept, without another look.

    The profile in force stays in force until the new one is ready, some seconds later. What was said is kept with the
    profile, also when it is extended, and null takes it back.
    """
    return await context.changing.run(context.application.streams.choose_moment, stream_id, moment_id, patch.choice)
