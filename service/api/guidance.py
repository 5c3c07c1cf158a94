"""``/streams/{id}/guidance``: rules in words that redefine what is normal on a stream, at once."""

from __future__ import annotations

from typing import Annotated, Never

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from service.api.context import ID_PATTERN, App, InContext, StreamId
from service.api.problems import BODY, CHANGE, responses
from service.contracts.guidance import (
    GuidanceAudit,
    GuidanceOut,
    GuidancePatch,
    GuidanceSpec,
    PreviewOut,
    PreviewSpec,
    TaughtOut,
)
from service.errors import (
    EXPIRES_IN_PAST,
    INVALID_INPUT,
    NO_PROFILE,
    NOTHING_TO_UNDO,
    RULE_NOT_FOUND,
    STREAM_BROKEN,
    STREAM_NOT_FOUND,
    TOO_MANY_PREVIEWS,
    TOO_MANY_RULES,
    UNKNOWN_ZONE,
    ErrorKind,
)

TAG = "guidance"
RULE: tuple[ErrorKind[Never], ...] = (UNKNOWN_ZONE, EXPIRES_IN_PAST)
router = APIRouter(tags=[TAG])

RuleId = Annotated[str, Path(pattern=ID_PATTERN, description="The rule's id.", examples=["9b1f0c3d7a2e"])]
User = Annotated[
    str | None,
    Header(
        alias="X-Watchword-User",
        min_length=1,
        max_length=100,
        pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$",
        description="Who makes the change, for the audit; without it the client's address stands there. The service "
        "has no accounts: it believes what it is told.",
    ),
]


async def _who(request: Request, user: User = None) -> str:
    if user is not None:
        return user
    return "unknown" if request.client is None else request.client.host


Who = Annotated[str, Depends(_who)]


@router.post(
    "/streams/{stream_id}/guidance",
    status_code=201,
    summary="Add a rule",
    response_description="The rule; `Location` is its path.",
    responses={
        201: {"headers": {"Location": {"description": "Path of the new rule.", "schema": {"type": "string"}}}},
        **responses(*BODY, *CHANGE, *RULE, STREAM_NOT_FOUND, TOO_MANY_RULES),
    },
)
def add_rule(
    stream_id: StreamId, spec: GuidanceSpec, request: Request, response: Response, application: App, who: Who
) -> GuidanceOut:
    """Say in words what is normal here, or what is an anomaly. In force from the next frame on, with no retraining.

    Objects that the words describe, by their picture or by what is known of them, lose or gain score; all others stay
    as they are. `resembles` says what the text was understood as: if it is empty, the rule moves nothing by pictures.

    Rules that contradict each other are told in `conflicts`. Where both match, the more specific one counts: one with
    a zone before one without, one with a schedule before one without, then the one whose text, verdict, strength, zone,
    schedule, method or switch was changed last, then an anomaly. Undo gives a rule back the rank that it had.
    """
    rule = application.streams.guidance(stream_id).add(spec, who)
    response.headers["Location"] = f"{request.scope.get('root_path', '')}/streams/{stream_id}/guidance/{rule.id}"
    return rule


@router.get(
    "/streams/{stream_id}/guidance",
    summary="List rules",
    response_description="The rules.",
    responses=responses(STREAM_NOT_FOUND, INVALID_INPUT),
)
def list_rules(stream_id: StreamId, application: App) -> list[GuidanceOut]:
    """The rules of a stream, the oldest first."""
    return application.streams.guidance(stream_id).rules()


@router.post(
    "/streams/{stream_id}/guidance/preview",
    summary="Try a rule",
    response_description="What it would have done.",
    responses=responses(
        *(*BODY, *CHANGE, *RULE),
        *(STREAM_NOT_FOUND, STREAM_BROKEN, RULE_NOT_FOUND, NO_PROFILE, TOO_MANY_PREVIEWS),
    ),
)
async def preview_rule(stream_id: StreamId, spec: PreviewSpec, context: InContext) -> PreviewOut:
    """Try a rule on the last minutes without saving it.

    Answered from what is kept in memory of the stream's objects: which of them it would have matched, which alerts it
    would have removed or raised, and the scores with it and without. No model looks at a picture again.

    One rule is tried at a time, so that scoring keeps its pace; while too many wait, others are refused.
    """
    return await context.previewing.run(context.application.streams.preview_rule, stream_id, spec)


@router.get(
    "/streams/{stream_id}/guidance/audit",
    summary="List edits of rules",
    response_description="The edits.",
    responses=responses(STREAM_NOT_FOUND, INVALID_INPUT),
)
def list_edits(
    stream_id: StreamId,
    application: App,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 100,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="Only those with an id below this.")] = None,
) -> list[GuidanceAudit]:
    """Who changed which rule, when and how, the newest first.

    It is kept when rules are deleted; of deleted streams, the newest edits are.
    """
    edits = list(application.rules.audit(stream_id, limit, before))
    if not edits:
        application.streams.get(stream_id)  # raises if it is not known at all
    return edits


@router.get(
    "/streams/{stream_id}/guidance/{rule_id}",
    summary="Get a rule",
    response_description="The rule.",
    responses=responses(STREAM_NOT_FOUND, RULE_NOT_FOUND, INVALID_INPUT),
)
def get_rule(stream_id: StreamId, rule_id: RuleId, application: App) -> GuidanceOut:
    """One rule, with what it was understood as and whether it is in force now."""
    return application.streams.guidance(stream_id).rule(rule_id)


@router.patch(
    "/streams/{stream_id}/guidance/{rule_id}",
    summary="Change a rule",
    response_description="The rule as it is now.",
    responses=responses(*BODY, *CHANGE, *RULE, STREAM_NOT_FOUND, RULE_NOT_FOUND),
)
def change_rule(stream_id: StreamId, rule_id: RuleId, patch: GuidancePatch, application: App, who: Who) -> GuidanceOut:
    """Change what the body names and leave the rest. In force from the next frame on.

    A change to what is there already is none: it is not in the audit, and there is nothing to undo.
    """
    return application.streams.guidance(stream_id).change(rule_id, patch, who)


@router.delete(
    "/streams/{stream_id}/guidance/{rule_id}",
    status_code=204,
    summary="Delete a rule",
    response_description="It is gone.",
    responses=responses(*CHANGE, STREAM_NOT_FOUND, INVALID_INPUT),
)
def delete_rule(stream_id: StreamId, rule_id: RuleId, application: App, who: Who) -> None:
    """Delete a rule; `undo` brings it back. Deleting what is not there succeeds too."""
    application.streams.guidance(stream_id).remove(rule_id, who)


@router.post(
    "/streams/{stream_id}/guidance/{rule_id}/undo",
    summary="Take back the last edit of a rule",
    response_description="The rule as it is now; null if it is gone, because its creation was taken back.",
    responses=responses(*CHANGE, STREAM_NOT_FOUND, RULE_NOT_FOUND, NOTHING_TO_UNDO, TOO_MANY_RULES, INVALID_INPUT),
)
def undo_edit(stream_id: StreamId, rule_id: RuleId, application: App, who: Who) -> GuidanceOut | None:
    """Take back the last edit of a rule, be it a change, its deletion or its creation; again, the one before."""
    return application.streams.guidance(stream_id).undo(rule_id, who)


@router.get(
    "/streams/{stream_id}/taught",
    summary="List what false alarms taught",
    response_description="What was taught.",
    responses=responses(STREAM_NOT_FOUND, INVALID_INPUT),
)
def list_taught(stream_id: StreamId, application: App) -> list[TaughtOut]:
    """Alerts that were marked `false_alarm` and taught something: what is like their objects counts as normal.

    Score messages name the alert at each object that is relieved for it (`taught`).

    Another verdict on the alert (`PATCH /alerts/{id}`) takes it back.
    """
    return application.streams.guidance(stream_id).feedback()
