"""The HTTP application over a running service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import Depends, FastAPI

from service.api import alerts, enrolment, guidance, handlers, health, packs, pictures, scores, streams
from service.api.context import Context
from service.api.description import describe
from service.api.headers import SecurityHeaders
from service.api.incidents import Incidents
from service.api.limits import BodyLimit
from service.api.origin import SameOrigin
from service.api.page import serve_page
from service.api.queries import known_parameters
from service.api.reference import serve_reference
from service.application import Application
from service.build_info import program_version

ROUTERS = (streams, enrolment, guidance, pictures, scores, alerts, packs, health)


def create_app(application: Application, *, run_application: bool = False) -> FastAPI:
    """The API and the page of an application.

    Args:
        application: What is served.
        run_application: Start and close it with the server; otherwise its owner does.
    """
    context = Context.of(application)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if run_application:
            await to_thread.run_sync(application.start)
        try:
            yield
        finally:
            await context.live.close()
            if run_application:
                await to_thread.run_sync(application.close)

    app = FastAPI(
        title="Watchword",
        version=program_version(),
        lifespan=lifespan,
        docs_url=None,  # it loads scripts from another host; see service.api.reference
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.context = context
    settings = application.settings
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, most=settings.max_body_bytes)
    app.add_middleware(SameOrigin, listening_on=settings.host, public_url=settings.public_url)
    app.add_middleware(Incidents)
    app.add_middleware(SecurityHeaders)
    handlers.install(app)
    for module in ROUTERS:
        app.include_router(module.router, dependencies=[Depends(known_parameters)])
    serve_page(app)
    serve_reference(app)
    describe(app)
    return app
