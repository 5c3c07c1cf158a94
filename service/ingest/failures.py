"""Why a source gives no pictures, told apart: what to say, what to count, and how soon to try again."""

from __future__ import annotations

import errno
from enum import StrEnum

import av.error

from service.errors import (
    SOURCE_UNAUTHORIZED,
    SOURCE_UNREACHABLE,
    SOURCE_UNREADABLE,
    SOURCE_UNSUPPORTED,
    SourceRefused,
)
from service.ingest.source import Source
from service.redact import redact


class Cause(StrEnum):
    """The label of a failure in metrics."""

    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    STALLED = "stalled"
    ENDED = "ended"
    FINISHED = "finished"
    NOT_FOUND = "not_found"
    SERVER_ERROR = "server_error"
    UNAUTHORIZED = "unauthorized"
    UNSUPPORTED = "unsupported"
    UNREADABLE = "unreadable"
    INTERNAL = "internal"


_KINDS = {
    Cause.UNAUTHORIZED: SOURCE_UNAUTHORIZED,
    Cause.UNSUPPORTED: SOURCE_UNSUPPORTED,
    Cause.UNREADABLE: SOURCE_UNREADABLE,
}

# What the far end may mean by these has to be changed by a person: asking again soon only locks accounts.
_LASTING = {Cause.UNAUTHORIZED, Cause.UNSUPPORTED}

# The camera accepted us and may keep a session open for minutes; some allow only three or four of them.
_COSTLY = {Cause.TIMEOUT, Cause.STALLED, Cause.UNREADABLE, Cause.INTERNAL}


_MEETING_REDIRECTS = {Cause.UNSUPPORTED, Cause.UNREADABLE, Cause.ENDED, Cause.SERVER_ERROR, Cause.REFUSED}


class SourceFailure(Exception):
    """A source cannot be opened, or stopped giving pictures. The message carries no credential.

    Attributes:
        cause: Told apart, as metrics count it.
        detail: What was expected and what came.
        lasting: Whether trying again soon is pointless.
        costly: Whether an attempt may leave a session behind at the far end.
        source: Whose failure it is.
    """

    def __init__(self, cause: Cause, source: Source, detail: str) -> None:
        super().__init__(redact(detail))
        self.cause = cause
        self.detail = redact(detail)
        self.lasting = cause in _LASTING or (source.is_file and cause is not Cause.FINISHED)
        self.costly = cause in _COSTLY
        self.source = source

    @property
    def may_have_moved(self) -> bool:
        """Whether it may be how FFmpeg, which must not follow, meets an address that sends on to another."""
        return not self.source.is_file and self.cause in _MEETING_REDIRECTS

    def sent_on(self, asked: Source, at: Source) -> SourceFailure:
        """The same as the failure of the source that was asked for, which sent on to where this happened.

        Args:
            asked: As registered.
            at: Where it failed; the same source if nothing sent on.
        """
        if at is asked:
            return self
        moved = f"The camera now sends its picture at {at.url}."
        lost = asked.userinfo is not None and at.userinfo is None
        if self.cause is Cause.UNAUTHORIZED and lost:
            detail = f"{moved} A password is not sent on to another host: enter that address with its password."
        else:
            detail = f"{moved} Use that address. {self.detail}"
        return SourceFailure(self.cause, asked, detail)

    def refused(self) -> SourceRefused:
        """The same for a client that asked to use this source."""
        kind = _KINDS.get(self.cause, SOURCE_UNREACHABLE)
        return SourceRefused(kind, f"{self.source.url}: {self.detail}")


_ERRORS: tuple[tuple[tuple[type[Exception], ...], Cause, str], ...] = (
    (
        (av.error.HTTPUnauthorizedError,),
        Cause.UNAUTHORIZED,
        "expected the right user and password, got 401 Unauthorized",
    ),
    ((av.error.HTTPForbiddenError,), Cause.UNAUTHORIZED, "expected permission to watch, got 403 Forbidden"),
    ((av.error.HTTPNotFoundError,), Cause.NOT_FOUND, "expected a stream at this path, got 404 Not Found"),
    ((av.error.HTTPServerError,), Cause.SERVER_ERROR, "expected a stream, got a server error (5xx)"),
    ((av.error.HTTPClientError,), Cause.SERVER_ERROR, "expected a stream, got a refusal (4xx)"),
    ((av.error.FileNotFoundError,), Cause.NOT_FOUND, "expected a file or folder, got none of that name"),
    (
        (av.error.TimeoutError, av.error.ExitError),
        Cause.TIMEOUT,
        "expected a video stream, got no complete answer in time",
    ),
    (
        (av.error.ConnectionRefusedError, av.error.ConnectionResetError, av.error.BrokenPipeError),
        Cause.REFUSED,
        "expected a video stream, got the connection closed",
    ),
    (
        (av.error.ArgumentError,),  # not on the list of formats
        Cause.UNSUPPORTED,
        "expected a video container, got a playlist or another format that is not read here",
    ),
    (
        (av.error.DecoderNotFoundError, av.error.PatchWelcomeError),
        Cause.UNSUPPORTED,
        "expected a codec that FFmpeg decodes, got another",
    ),
)


def connect_failure(source: Source, error: OSError) -> SourceFailure:
    """What a failed TCP connection to the source's host means."""
    address = f"{source.host} port {source.port}"
    if isinstance(error, ConnectionRefusedError):
        return SourceFailure(Cause.REFUSED, source, f"expected {address} to answer, got connection refused")
    if isinstance(error, TimeoutError):
        return SourceFailure(Cause.UNREACHABLE, source, f"expected {address} to answer, got nothing in time")
    return SourceFailure(Cause.UNREACHABLE, source, f"expected {address} to be reachable, got {error.strerror}")


def open_failure(source: Source, error: Exception, *, waited: bool) -> SourceFailure:
    """What FFmpeg's error while it opened the source means.

    Args:
        source: What was to be opened.
        error: What PyAV raised; its text is dropped, for it names the whole URL.
        waited: Whether a time-out's worth of time had passed: FFmpeg says "invalid data" for a silent peer.
    """
    for kinds, cause, detail in _ERRORS:
        if isinstance(error, kinds):
            return SourceFailure(cause, source, detail)
    if waited:
        return SourceFailure(Cause.TIMEOUT, source, "expected a video stream, got no complete answer in time")
    if isinstance(error, av.error.OSError) and error.errno == errno.EPROTONOSUPPORT:
        other = "tcp" if source.transport == "udp" else "udp"
        detail = f"expected RTSP over {source.transport}, got a peer without it; try transport {other}"
        return SourceFailure(Cause.UNSUPPORTED, source, detail)
    if isinstance(error, OSError) and not source.is_file:
        return SourceFailure(Cause.ENDED, source, "expected a video stream, got the end of the connection")
    return SourceFailure(Cause.UNREADABLE, source, f"expected {_expected(source)}, got data that is none")


def read_failure(source: Source, error: Exception | None) -> SourceFailure:
    """What FFmpeg's error in the middle of a stream means; None where it is of a file that gave no frame."""
    if isinstance(error, av.error.TimeoutError | av.error.ExitError):
        return SourceFailure(Cause.STALLED, source, "expected a next frame, got silence")
    if source.is_file:
        return SourceFailure(Cause.UNREADABLE, source, "expected a video, got one of which no frame can be read")
    return SourceFailure(Cause.ENDED, source, "expected a next frame, got the connection closed")


def _expected(source: Source) -> str:
    return "a video file" if source.is_file else f"a {source.scheme.upper()} video stream"
