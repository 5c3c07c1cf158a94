"""What one client may take of the service: bytes of body, time to send them, threads, and live connections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem_response
from service.errors import BODY_TOO_LARGE, TOO_MANY_CLIENTS, ErrorKind, Overloaded
from service.metrics import Metrics

P = ParamSpec("P")
T = TypeVar("T")

BODY_TIMEOUT_S = 30.0
"""A body of the largest size takes 8 s over a 1 Mbit/s line; who needs longer holds the connection for its own sake."""


class BodyLimit:
    """ASGI middleware: a body that is too large or too slow is refused, and never held.

    A length that is declared is refused before a byte of it is read; one that is not is counted as it comes.
    """

    def __init__(self, app: ASGIApp, most: int, timeout_s: float = BODY_TIMEOUT_S) -> None:
        """Stand before an application.

        Args:
            app: What is served.
            most: Bytes that a body may have.
            timeout_s: Seconds that a whole body may take.
        """
        self.app = app
        self.most = most
        self.timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, with a `receive` that counts."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared) > self.most:
            await problem_response(BODY_TOO_LARGE, self._too_large(declared))(scope, receive, send)
            return
        await self.app(scope, self._counting(receive), send)

    def _counting(self, receive: Receive) -> Receive:
        got, complete = 0, False
        deadline = asyncio.get_running_loop().time() + self.timeout_s

        async def counted() -> Message:
            nonlocal got, complete
            if complete:  # What comes now is the disconnect, which may be long in coming.
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                detail = f"After {self.timeout_s:g} s only {got} bytes of the body had come."
                raise HTTPException(408, detail, {"Connection": "close"}) from None
            got += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if got > self.most:
                raise HTTPException(413, self._too_large(f"at least {got}"), {"Connection": "close"})
            return message

        return counted

    def _too_large(self, got: str) -> str:
        return f"The body is too large: {got} bytes, and {self.most} are the most."


class Lane:
    """Threads set apart for one kind of slow work, so that it cannot keep quick work waiting.

    Whoever finds too many waiting is turned away, instead of being one more.
    """

    def __init__(self, threads: int, waiting: int, kind: ErrorKind[Overloaded], what: str, retry_after: int) -> None:
        """Open a lane.

        Args:
            threads: Work that is done at once.
            waiting: Work that may wait for them.
            kind: Of the refusal of more.
            what: What the work is, for the refusal: a plural with what it waits for.
            retry_after: Seconds after which one that was refused may try again.
        """
        self._limiter = CapacityLimiter(threads)
        self._waiting = waiting
        self._kind = kind
        self._what = what
        self._retry_after = retry_after

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work in a thread of this lane.

        Raises:
            Overloaded: If too much waits already.
        """
        if self._limiter.statistics().tasks_waiting >= self._waiting:
            message = f"There are {self._waiting} {self._what} already. Try again in {self._retry_after} s."
            raise Overloaded(self._kind, message, self._retry_after, limit=self._waiting)
        return await to_thread.run_sync(partial(work, *args, **kwargs), limiter=self._limiter)


class Clients:
    """The live connections: counted, and bounded. Used on the event loop only."""

    def __init__(self, most: int, metrics: Metrics) -> None:
        self.most = most
        self._now = 0
        self._gauge = metrics.clients

    @property
    def full(self) -> bool:
        """Whether one more would be one too many."""
        return self._now >= self.most

    @contextmanager
    def admit(self, kind: Literal["websocket", "mjpeg"]) -> Iterator[None]:
        """Take a place for as long as the context lasts.

        Raises:
            Overloaded: If there is none.
        """
        if self.full:
            message = f"{self._now} live connections are open, and no more are allowed (WATCHWORD_MAX_CLIENTS)."
            raise Overloaded(TOO_MANY_CLIENTS, message, retry_after=10, limit=self.most)
        self._now += 1
        self._gauge.labels(kind).inc()
        try:
            yield
        finally:
            self._now -= 1
            self._gauge.labels(kind).dec()


async def within(seconds: float, sending: Awaitable[None]) -> bool:
    """Await a send to a client; False if it did not take the bytes in time."""
    try:
        async with asyncio.timeout(seconds):
            await sending
    except TimeoutError:
        return False
    return True
