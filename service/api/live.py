"""Live pictures for many viewers: each picture is fetched once and sent to whoever is ready for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import ParamSpec, TypeVar

import cv2
import numpy as np
from anyio import CancelScope, CapacityLimiter, create_task_group, to_thread
from prometheus_client import Counter
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from service.api.limits import Clients, within
from service.contracts.stream import DELIVERING, StreamOut
from service.delivery.picture import Picture
from service.errors import Conflict, NotFound
from service.presentation.overlay import encode_jpeg
from service.streams.registry import StreamRegistry

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

BOUNDARY = "picture"

PATIENCE_S = 1.0
"""How long to wait for the next picture before looking at what became of the stream."""

REPEAT_S = 10.0
"""While there is no picture, the frame that says so is sent again so often: a dead connection shows only when
something is sent."""

SEND_TIMEOUT_S = 20.0
"""A viewer that takes no byte for so long is gone."""

THREADS = 32
"""Streams that are waited on at once. More take turns, which costs pictures per second, not correctness."""


class View:
    """The live pictures of one stream, with or without boxes, as multipart parts."""

    def __init__(self, stream_id: str, *, overlay: bool) -> None:
        self.stream_id = stream_id
        self.overlay = overlay
        self.viewers = 0
        self.ended = False
        self.count = 0
        self._part = b""
        self._changed = asyncio.Event()

    def show(self, jpeg: bytes, seq: int | None = None, captured_at: float | None = None) -> None:
        """Put a picture in the place of the one before."""
        self._part = _part(jpeg, seq, captured_at)
        self.count += 1
        self._notify()

    def end(self) -> None:
        """Let all viewers go."""
        self.ended = True
        self._notify()

    async def after(self, seen: int) -> tuple[int, bytes] | None:
        """The newest picture's number and part, once it is not number ``seen``; None when the view has ended."""
        while not self.ended:
            if self.count > seen:
                return self.count, self._part
            await self._changed.wait()
        return None

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class LivePictures:
    """A task for each stream that is being watched, which ends when nobody watches any more."""

    def __init__(self, streams: StreamRegistry) -> None:
        self._streams = streams
        self._views: dict[tuple[str, bool], View] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = CapacityLimiter(THREADS)
        self._closed = False

    @asynccontextmanager
    async def watch(self, stream_id: str, *, overlay: bool) -> AsyncIterator[View]:
        """The view of a stream, shared with all who watch the same."""
        view = self._views.get((stream_id, overlay))
        if view is None:
            view = self._views[stream_id, overlay] = View(stream_id, overlay=overlay)
            task = asyncio.create_task(self._feed(view), name=f"live {stream_id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        view.viewers += 1
        try:
            yield view
        finally:
            view.viewers -= 1

    def end(self) -> None:
        """End every view, so that the answers complete and the server can stop."""
        self._closed = True
        for view in self._views.values():
            view.end()

    async def close(self) -> None:
        """End every view and wait for their tasks."""
        self.end()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _feed(self, view: View) -> None:
        try:
            await self._show_pictures(view)
        except NotFound:
            logger.debug("stream %s: deleted while it was watched", view.stream_id)
        except Exception:
            logger.exception("stream %s: live pictures failed", view.stream_id)
        finally:
            self._views.pop((view.stream_id, view.overlay), None)
            view.end()

    async def _show_pictures(self, view: View) -> None:
        after, repeat_at = -1, 0.0
        loop = asyncio.get_running_loop()
        while view.viewers and not self._closed:
            asked = loop.time()
            try:
                picture = await to_thread.run_sync(
                    self._wait, view.stream_id, view.overlay, after, limiter=self._threads
                )
            except Conflict:
                picture = None
            if picture is not None:
                after, repeat_at = picture.seq, 0.0
                view.show(picture.jpeg, picture.seq, picture.captured_at)
                continue
            after = -1  # a stream whose settings were changed may count from the start again
            stream = await self._in_thread(self._streams.get, view.stream_id)
            if stream.status.state not in DELIVERING and loop.time() >= repeat_at:
                view.show(no_picture(stream))
                repeat_at = loop.time() + REPEAT_S
            await asyncio.sleep(max(0.0, asked + PATIENCE_S - loop.time()))  # an answer of None may come at once

    def _wait(self, stream_id: str, overlay: bool, after: int) -> Picture | None:
        """The newest picture after number ``after``; blocks until there is one, or patience ends."""
        return self._streams.live(stream_id).picture.wait(overlay, after, PATIENCE_S)

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await to_thread.run_sync(partial(work, *args, **kwargs), limiter=self._threads)


class LiveResponse(Response):
    """An endless multipart answer with the newest picture, whenever the client is ready for one."""

    media_type = f"multipart/x-mixed-replace; boundary={BOUNDARY}"

    def __init__(
        self, live: LivePictures, clients: Clients, stream_id: str, *, overlay: bool, dropped: Counter
    ) -> None:
        """Send nothing yet.

        Args:
            live: Has the pictures.
            clients: The client is admitted among them for as long as it watches.
            stream_id: Of the stream.
            overlay: Whether boxes are drawn.
            dropped: Counts pictures that this client was too slow for.
        """
        self.status_code = 200
        self.background = None
        self.init_headers()  # and no body: its length would be told
        self._live = live
        self._clients = clients
        self._stream_id = stream_id
        self._overlay = overlay
        self._dropped = dropped

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send pictures until the client leaves, takes none any more, or the stream is deleted.

        Raises:
            Overloaded: If there are too many live clients.
        """
        with self._clients.admit("mjpeg"):
            async with create_task_group() as group:
                group.start_soon(_until_disconnected, receive, group.cancel_scope)
                await self._send_pictures(send)
                group.cancel_scope.cancel()

    async def _send_pictures(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": _OPENING, "more_body": True})
        async with self._live.watch(self._stream_id, overlay=self._overlay) as view:
            seen = 0
            while (newest := await view.after(seen)) is not None:
                if seen:
                    self._dropped.inc(newest[0] - seen - 1)
                seen, part = newest
                message: Message = {"type": "http.response.body", "body": part, "more_body": True}
                if not await within(SEND_TIMEOUT_S, send(message)):
                    logger.info("stream %s: a viewer took nothing for %g s", self._stream_id, SEND_TIMEOUT_S)
                    return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_disconnected(receive: Receive, scope: CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def no_picture(stream: StreamOut) -> bytes:
    """A JPEG that says in which state the stream is, so that nobody takes its last picture for the present."""
    width, height = 640, 360
    if stream.status.width and stream.status.height:
        height = round(width * min(4.0, max(0.25, stream.status.height / stream.status.width)))
    image = np.full((height, width, 3), 32, np.uint8)
    text, font, scale = f"no picture: {stream.status.state}", cv2.FONT_HERSHEY_SIMPLEX, 0.9
    (text_width, text_height), _ = cv2.getTextSize(text, font, scale, 1)
    origin = ((width - text_width) // 2, (height + text_height) // 2)
    cv2.putText(image, text, origin, font, scale, (170, 170, 170), 1, cv2.LINE_AA)
    return encode_jpeg(image)


def _part(jpeg: bytes, seq: int | None, captured_at: float | None) -> bytes:
    # The boundary comes after the picture too: Chromium shows a picture only when it has seen where it ends.
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n"
    if seq is not None and captured_at is not None:
        head += f"X-Seq: {seq}\r\nX-Captured-At: {captured_at:.3f}\r\n"
    return head.encode() + b"\r\n" + jpeg + f"\r\n--{BOUNDARY}\r\n".encode()


_OPENING = f"--{BOUNDARY}\r\n".encode()
