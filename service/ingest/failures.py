"""Why a source gives no pictures, told apart: what to say, what to count, and how soon to try again."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
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


DEFAULT_ADVICE = "See whether the camera is on and connected."

_ADVICE: Mapping[Cause, str] = {
    Cause.REFUSED: "Check address and port, and whether the camera is on.",
    Cause.UNREACHABLE: "Check the address, the network, and whether the camera is on.",
    Cause.TIMEOUT: "Check that the address is that of a video, and restart the camera if it is.",
    Cause.ENDED: "Check the address, and whether others watch this camera: many serve only a few at once.",
    Cause.NOT_FOUND: "Check the path in the address.",
    Cause.UNAUTHORIZED: "Check user name and password.",
    Cause.UNSUPPORTED: "Choose another stream or codec in the camera's settings.",
    Cause.UNREADABLE: "Check that the address is that of a video.",
    Cause.SERVER_ERROR: "Restart the camera or the media server.",
    Cause.INTERNAL: "Restart the camera. If that does not help, look into the log of this service.",
}

_FILE_ADVICE: Mapping[Cause, str] = {
    Cause.NOT_FOUND: "Check its name.",
    Cause.INTERNAL: "Look into the log of this service.",
}
_OTHER_FILE = "Choose another file."

_MEETING_REDIRECTS = {Cause.UNSUPPORTED, Cause.UNREADABLE, Cause.ENDED, Cause.SERVER_ERROR, Cause.REFUSED}


class SourceFailure(Exception):
    """A source cannot be opened, or stopped giving pictures. Neither text carries a credential.

    Attributes:
        cause: Told apart, as metrics count it.
        detail: What happened, in sentences.
        advice: What to do about it, in sentences.
        lasting: Whether trying again soon is pointless.
        costly: Whether an attempt may leave a session behind at the far end.
        source: Whose failure it is.
    """

    def __init__(self, cause: Cause, source: Source, detail: str, advice: str | None = None) -> None:
        """Tell a failure.

        Args:
            cause: What kind it is.
            source: Whose.
            detail: What happened; ``{it}`` stands for the source.
            advice: What to do about it; None for what its cause suggests.
        """
        said = redact(_say(source, detail))
        super().__init__(said)
        self.cause = cause
        self.detail = said
        self.advice = redact(advice or _advice(cause, source))
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
            detail = f"{moved} A password is not sent on to another host."
            return SourceFailure(self.cause, asked, detail, "Enter that address with its password.")
        detail, advice = f"{moved} {self.detail}", f"Use that address. {self.advice}"
        return SourceFailure(self.cause, asked, detail, advice)

    def refused(self) -> SourceRefused:
        """The same for a client that asked to use this source: what happened, and what to do."""
        kind = _KINDS.get(self.cause, SOURCE_UNREACHABLE)
        return SourceRefused(kind, f"{self.detail} {self.advice}")


def _say(source: Source, detail: str) -> str:
    if source.path is not None:
        return detail.replace("{it}", source.path.name)
    host = f"[{source.host}]" if ":" in source.host else source.host
    said = detail.replace("{it}", f"the camera at {host}:{source.port}")
    return said[:1].upper() + said[1:]


def _advice(cause: Cause, source: Source) -> str:
    return _FILE_ADVICE.get(cause, _OTHER_FILE) if source.is_file else _ADVICE.get(cause, DEFAULT_ADVICE)


_SILENT = "{it} accepted the connection but sent no picture in time."

_ERRORS: tuple[tuple[tuple[type[Exception], ...], Cause, str, str | None], ...] = (
    ((av.error.HTTPForbiddenError,), Cause.UNAUTHORIZED, "{it} does not allow this user to watch (403).", None),
    ((av.error.HTTPNotFoundError,), Cause.NOT_FOUND, "{it} has no video at this path (404).", None),
    ((av.error.HTTPServerError,), Cause.SERVER_ERROR, "{it} answered that it has a fault of its own (5xx).", None),
    ((av.error.HTTPClientError,), Cause.SERVER_ERROR, "{it} rejected the request (4xx).", "Check the address."),
    ((av.error.FileNotFoundError,), Cause.NOT_FOUND, "There is no file or folder {it}.", None),
    ((av.error.TimeoutError, av.error.ExitError), Cause.TIMEOUT, _SILENT, None),
    (
        (av.error.ConnectionRefusedError, av.error.ConnectionResetError, av.error.BrokenPipeError),
        Cause.REFUSED,
        "{it} closed the connection.",
        None,
    ),
    ((av.error.ArgumentError,), Cause.UNSUPPORTED, "The format of {it} cannot be read here.", None),  # not on the list
    (
        (av.error.DecoderNotFoundError, av.error.PatchWelcomeError),
        Cause.UNSUPPORTED,
        "The picture of {it} is in a codec that cannot be decoded here.",
        None,
    ),
)


def connect_failure(source: Source, error: OSError, timeout: float) -> SourceFailure:
    """What a failed TCP connection to the source's host means.

    Args:
        source: Of a network.
        error: What connecting raised.
        timeout: Seconds that were waited at most.
    """
    if isinstance(error, socket.gaierror):
        if error.errno == socket.EAI_AGAIN:
            detail = f"The name {source.host} could not be looked up: no name server answered."
            return SourceFailure(Cause.UNREACHABLE, source, detail, "Check the address and the network.")
        return SourceFailure(Cause.UNREACHABLE, source, f"There is no host called {source.host}.", "Check the address.")
    if isinstance(error, ConnectionRefusedError):
        return SourceFailure(Cause.REFUSED, source, "{it} refused the connection.")
    if isinstance(error, TimeoutError):
        return SourceFailure(Cause.UNREACHABLE, source, f"{{it}} did not answer within {timeout:g} s.")
    why = f": {error.strerror}" if error.strerror else ""
    return SourceFailure(Cause.UNREACHABLE, source, f"{{it}} cannot be reached{why}.")


def open_failure(source: Source, error: Exception, *, waited: bool) -> SourceFailure:
    """What FFmpeg's error while it opened the source means.

    Args:
        source: What was to be opened.
        error: What PyAV raised; its text is dropped, for it names the whole URL.
        waited: Whether a time-out's worth of time had passed: FFmpeg says "invalid data" for a silent peer.
    """
    if isinstance(error, av.error.HTTPUnauthorizedError):
        asks = source.userinfo is None
        detail = "{it} asks for a user name and password" if asks else "{it} refused the user name or password"
        advice = "Enter them." if asks else None
        return SourceFailure(Cause.UNAUTHORIZED, source, f"{detail} (401).", advice)
    for kinds, cause, detail, advice in _ERRORS:
        if isinstance(error, kinds):
            return SourceFailure(cause, source, detail, advice)
    if waited:
        return SourceFailure(Cause.TIMEOUT, source, _SILENT)
    if isinstance(error, av.error.OSError) and error.errno == errno.EPROTONOSUPPORT:
        other = "tcp" if source.transport == "udp" else "udp"
        detail = f"{{it}} does not send its picture over {source.transport}."
        return SourceFailure(Cause.UNSUPPORTED, source, detail, f"Choose {other} as the transport.")
    if isinstance(error, OSError) and not source.is_file:
        return SourceFailure(Cause.ENDED, source, "{it} closed the connection before its first picture.")
    detail = "{it} is not a video." if source.is_file else "{it} sends something that is not a video."
    return SourceFailure(Cause.UNREADABLE, source, detail)


def read_failure(source: Source, error: Exception | None) -> SourceFailure:
    """What FFmpeg's error in the middle of a stream means; None where it is of a file that gave no frame."""
    if isinstance(error, av.error.TimeoutError | av.error.ExitError):
        return SourceFailure(Cause.STALLED, source, "{it} stopped sending pictures.")
    if source.is_file:
        return SourceFailure(Cause.UNREADABLE, source, NOTHING_DECODES)
    return SourceFailure(Cause.ENDED, source, "{it} closed the connection.")


NOTHING_DECODES = "No frame of {it} can be decoded."
