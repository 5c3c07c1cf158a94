"""The errors that the service answers requests with.

    WatchwordError
    ├── InvalidInput            422  what came is not what was expected
    │   ├── InvalidSource       422  a URL that cannot be a camera
    │   └── SourceRefused       422  a source that was tried and cannot be used (auth, codec, unreachable)
    ├── NotFound                404  no such stream, alert, pack, ...
    ├── Conflict                409  not possible in the present state
    └── Overloaded              503  the machine cannot carry it; says when to come back

A pack that does not verify is a ``models.packs.PackError`` (422 too): models know nothing of the service.

Three more stay inside, each caught by whoever called for what failed: ``EnrolmentError`` (profiles/fit.py), too
little to learn from; ``ProfileError`` (profiles/profile.py), a profile of no use here; ``EngineError``
(engine/tensorrt.py), TensorRT or its GPU.

Each carries a stable ``code`` for programs and a message for people that says what was expected and what
came. No message ever carries a credential: sources are named by their redacted URL.
"""

from __future__ import annotations


class WatchwordError(Exception):
    """Base of all errors raised on purpose."""

    status = 500
    title = "Internal error"

    def __init__(self, code: str, message: str, **context: object) -> None:
        """Args: code, stable and snake_case; message, a sentence; context, JSON-ready facts for programs."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.context = context


class InvalidInput(WatchwordError):
    """What came is not what was expected."""

    status = 422
    title = "Invalid input"


class InvalidSource(InvalidInput):
    """A URL that cannot be a camera of this service."""

    title = "Invalid source"


class SourceRefused(InvalidInput):
    """A source that was tried and cannot be used: wrong credentials, unsupported codec, unreachable."""

    title = "Source refused"


class NotFound(WatchwordError):
    """No such thing."""

    status = 404
    title = "Not found"


class Conflict(WatchwordError):
    """Not possible in the present state."""

    status = 409
    title = "Conflict"


class Overloaded(WatchwordError):
    """The machine cannot carry it now. ``retry_after`` is in seconds."""

    status = 503
    title = "Overloaded"

    def __init__(self, code: str, message: str, retry_after: int, **context: object) -> None:
        """As the base, with the seconds after which trying again makes sense."""
        super().__init__(code, message, **context)
        self.retry_after = retry_after
