"""``/streams/{id}/enrolment``: learning what is normal."""

from __future__ import annotations

from fastapi import APIRouter

from service.api.context import App, InContext, StreamId
from service.api.problems import BODY, CHANGE, SOURCE, responses
from service.contracts.enrolment import EnrolmentOut, EnrolmentSpec
from service.errors import (
    ENROLMENT_RUNNING,
    INVALID_INPUT,
    NO_PROFILE,
    NOTHING_TO_EXTEND,
    PROFILE_MISFIT,
    STREAM_BROKEN,
    STREAM_NOT_FOUND,
    STREAM_PAUSED,
    TOO_FEW_FRAMES,
    TOO_MANY_CHANGES,
)

TAG = "enrolment"
CONFLICTS = (ENROLMENT_RUNNING, NOTHING_TO_EXTEND, NO_PROFILE, PROFILE_MISFIT, STREAM_PAUSED, STREAM_BROKEN)
router = APIRouter(tags=[TAG])


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
    return application.streams.live(stream_id).profile.out()


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
