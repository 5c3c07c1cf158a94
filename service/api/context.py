"""What the endpoints share, and how they ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from service.api.limits import Clients, Lane
from service.api.live import LivePictures
from service.application import Application
from service.errors import TOO_MANY_CHANGES, TOO_MANY_PREVIEWS, TOO_MANY_PROBES

PROBE_THREADS = 16
"""Cameras tried at once. A camera that is down takes the whole probe timeout, 5 s; its thread only waits."""

CHANGE_THREADS = 16
"""Streams stopped or enrolments begun at once; stopping waits for a decoder, up to 5 s."""

WAITING = 64
"""Requests that may wait for such a thread: at 16 threads and 5 s each, the last waits 20 s."""

PREVIEW_THREADS = 1
"""Rules tried at once, over all streams. A preview keeps a core busy for up to a second: two at once take from the
worker what it scores with, and neither is done sooner."""

PREVIEWS_WAITING = 4
"""Previews that may wait for their turn; a person who waits longer has changed the rule meanwhile."""


@dataclass(frozen=True)
class Context:
    """One application's API at run time.

    Attributes:
        application: What everything is asked of. Its methods block: call them in threads.
        clients: The live connections.
        live: Live pictures, shared among viewers.
        probing: Threads for requests that try a source.
        changing: Threads for requests that wait for a stream to stop or to be set up.
        previewing: The thread that tries rules.
    """

    application: Application
    clients: Clients
    live: LivePictures
    probing: Lane
    changing: Lane
    previewing: Lane

    @classmethod
    def of(cls, application: Application) -> Context:
        """A context with nothing running in it yet."""
        settings = application.settings
        retry_after = max(1, round(settings.probe_timeout_s))
        return cls(
            application=application,
            clients=Clients(settings.max_clients, application.metrics),
            live=LivePictures(application.streams),
            probing=Lane(PROBE_THREADS, WAITING, TOO_MANY_PROBES, "sources waiting to be tried", retry_after),
            changing=Lane(CHANGE_THREADS, WAITING, TOO_MANY_CHANGES, "changes waiting to be made", retry_after),
            previewing=Lane(
                PREVIEW_THREADS, PREVIEWS_WAITING, TOO_MANY_PREVIEWS, "rules waiting to be tried", retry_after=2
            ),
        )


async def _context(connection: HTTPConnection) -> Context:
    context = connection.app.state.context
    assert isinstance(context, Context)
    return context


async def _application(connection: HTTPConnection) -> Application:
    return (await _context(connection)).application


InContext = Annotated[Context, Depends(_context)]
App = Annotated[Application, Depends(_application)]

ID_PATTERN = r"^[A-Za-z0-9_.-]{1,64}$"

StreamId = Annotated[str, Path(pattern=ID_PATTERN, description="The stream's id.", examples=["c2f0a1d49b7e"])]
AlertId = Annotated[
    str, Path(pattern=ID_PATTERN, description="The alert's id.", examples=["5f1d2c9a0b7e4c1e9a3d6f8b2c4e7a10"])
]
