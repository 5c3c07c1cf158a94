"""``/healthz``, ``/readyz``, ``/metrics``, ``/version``: for what watches the watcher."""

from __future__ import annotations

import platform
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder
from pydantic import BaseModel, Field

from service.api.context import App
from service.api.problems import problem_response, responses
from service.build_info import API_VERSION, commit, program_version
from service.errors import NOT_READY

TAG = "health"
router = APIRouter(tags=[TAG])

_TEXT: dict[str, Any] = {"schema": {"type": "string"}, "example": "watchword_streams 3.0\n"}


class Liveness(BaseModel):
    """The process serves requests."""

    status: Literal["alive"] = Field("alive", description="Always `alive`.")


class VersionOut(BaseModel):
    """Which program answers."""

    version: str = Field(description="Of Watchword.", examples=["0.1.0"])
    commit: str | None = Field(description="That it was built from; null where that is not known.")
    python: str = Field(description="That it runs on.", examples=["3.11.9"])
    api: str = Field(description="Of this API; another one if programs have to change with it.", examples=["1"])


class ReadinessOut(BaseModel):
    """Whether the service can do its work."""

    ready: bool
    detail: str = Field(description="In a sentence, and how far it is when it is not ready.")
    packs: dict[str, str] = Field(description="Each pack's name and `ready`, or why it cannot be used.")


@router.get("/healthz", summary="Is the process alive?", response_description="It is.", responses=responses())
@router.head("/healthz", include_in_schema=False)
async def is_alive() -> Liveness:
    """Answers as long as the process serves requests, whatever the cameras do: for liveness probes."""
    return Liveness()


@router.get(
    "/readyz",
    summary="Is the service ready?",
    response_description="It is.",
    response_model=ReadinessOut,
    responses=responses(NOT_READY),
)
@router.head("/readyz", response_model=ReadinessOut, include_in_schema=False)
def is_ready(application: App) -> ReadinessOut | Response:
    """Whether packs are loaded and registered streams are back, or how far they are: for readiness probes."""
    readiness = application.readiness()
    packs = {name: str(state) for name, state in readiness.packs.items()}
    if readiness.ready:
        return ReadinessOut(ready=True, detail=readiness.detail, packs=packs)
    context = {"packs": packs}
    return problem_response(NOT_READY, readiness.detail, headers={"Retry-After": "5"}, context=context)


@router.get("/version", summary="Which version is this?", response_description="It.", responses=responses())
@router.head("/version", include_in_schema=False)
def get_version(application: App) -> VersionOut:
    """The version of the program and of its API, the commit that it was built from, and Python's version."""
    return VersionOut(
        version=program_version(),
        commit=application.settings.commit or commit(),
        python=platform.python_version(),
        api=API_VERSION,
    )


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    response_description="Prometheus text format, or OpenMetrics if `Accept` asks for it.",
    responses={200: {"content": {"text/plain": _TEXT}}, **responses()},
)
def get_metrics(application: App, request: Request) -> Response:
    """Every `watchword_*` metric."""
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(application.metrics.registry), headers={"Content-Type": content_type})
