"""The errors that the service answers requests with, and every kind of them.

    WatchwordError
    ├── InvalidInput            422  what came is not what was expected
    │   ├── InvalidSource       422  a URL that cannot be a camera
    │   └── SourceRefused       422  a source that was tried and cannot be used (auth, codec, unreachable)
    ├── NotFound                404  no such stream, alert, pack, ...
    ├── Conflict                409  not possible in the present state
    └── Overloaded              503  the machine cannot carry it; says when to come back

What the disk refuses to take is answered with 507, see ``STORAGE_KINDS``.

Each is raised with its kind, declared once below: ``raise NotFound(STREAM_NOT_FOUND, message)``. A kind has a stable
``code`` for programs; the message is for people and says what was expected and what came. No message ever carries a
credential: sources are named by host and port, or by their redacted URL.

A pack that does not verify is a ``models.packs.PackError`` (422 too): models know nothing of the service, and declare
their codes in ``models.packs.codes``, of which ``PACK_KINDS`` is made.

Three more stay inside, each caught by whoever called for what failed: ``EnrolmentError`` (profiles/fit.py), too
little to learn from; ``ProfileError`` (profiles/profile.py), a profile of no use here; ``EngineError``
(engine/tensorrt.py), TensorRT or its GPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Never, Self, TypeVar

from models.packs.codes import PACK_CODES

E_contra = TypeVar("E_contra", bound="WatchwordError", contravariant=True)


@dataclass(frozen=True, slots=True)
class ErrorKind(Generic[E_contra]):
    """A kind of error. Its argument is what it is raised as; ``ErrorKind[Never]`` is any, also one that is not raised.

    Attributes:
        code: For programs: stable, in snake_case.
        status: The HTTP status.
        title: For people, in a few words.
        example: A message, for the API's description.
    """

    code: str
    status: int
    title: str
    example: str


class WatchwordError(Exception):
    """Base of all errors raised on purpose.

    Attributes:
        kind: What kind of error this is.
        message: A sentence for people.
        context: JSON-ready facts for programs.
    """

    status = 500
    title = "Internal error"

    def __init__(self, kind: ErrorKind[Self], message: str, **context: object) -> None:
        """Say what is wrong.

        Args:
            kind: What kind of error this is; declared for this class.
            message: What was expected and what came.
            **context: JSON-ready facts for programs, such as a limit that was reached.
        """
        super().__init__(message)
        self.kind: ErrorKind[Never] = kind
        self.message = message
        self.context = context

    @property
    def code(self) -> str:
        """For programs: stable, in snake_case."""
        return self.kind.code


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
    """The machine cannot carry it now.

    Attributes:
        retry_after: Seconds after which trying again makes sense.
    """

    status = 503
    title = "Overloaded"

    def __init__(self, kind: ErrorKind[Self], message: str, retry_after: int, **context: object) -> None:
        """Say what is wrong, and when to come back.

        Args:
            kind: What kind of error this is.
            message: What was expected and what came.
            retry_after: Seconds after which trying again makes sense.
            **context: JSON-ready facts for programs.
        """
        super().__init__(kind, message, **context)
        self.retry_after = retry_after


def declare(code: str, raised_as: type[E_contra], example: str) -> ErrorKind[E_contra]:
    """A kind of error that is raised.

    Args:
        code: For programs: stable, in snake_case.
        raised_as: The class of its errors, which has the status and the title.
        example: A message.
    """
    return ErrorKind(code, raised_as.status, raised_as.title, example)


def declare_answer(code: str, status: int, title: str, example: str) -> ErrorKind[Never]:
    """A kind of error that is answered, but not raised as an error of the service.

    Args:
        code: For programs: stable, in snake_case.
        status: The HTTP status.
        title: For people, in a few words.
        example: A message.
    """
    return ErrorKind(code, status, title, example)


# ---- what the HTTP layer answers by itself; never raised

MALFORMED_BODY = declare_answer(
    "malformed_body", 400, "Malformed body", "The body is not JSON: Expecting value at character 17."
)
CROSS_ORIGIN = declare_answer(
    "cross_origin",
    403,
    "Cross-origin request",
    "Pages of 'http://elsewhere' may not ask this service.",
)
NO_SUCH_PATH = declare_answer("no_such_path", 404, "Not found", "There is nothing at /stream.")
METHOD_NOT_ALLOWED = declare_answer(
    "method_not_allowed", 405, "Method not allowed", "PUT is not possible here. Possible: GET and HEAD."
)
BODY_TOO_SLOW = declare_answer(
    "body_too_slow", 408, "Request timeout", "After 30 s only 512 bytes of the body had come."
)
BODY_TOO_LARGE = declare_answer(
    "body_too_large", 413, "Body too large", "The body is too large: 5000000 bytes, and 1000000 are the most."
)
UNSUPPORTED_MEDIA_TYPE = declare_answer(
    "unsupported_media_type",
    415,
    "Unsupported media type",
    "Send the body as application/json. Its Content-Type is text/plain.",
)
UNKNOWN_HOST = declare_answer(
    "unknown_host",
    421,
    "Misdirected request",
    "This service is not known as 'rebound.example'.",
)
UPGRADE_REQUIRED = declare_answer(
    "upgrade_required",
    426,
    "Upgrade required",
    "Connect here with a WebSocket.",
)
INTERNAL_ERROR = declare_answer(
    "internal_error", 500, "Internal error", "this should not have happened; the log says more under 4f1c09ab"
)
NOT_READY = declare_answer("not_ready", 503, "Not ready", "bringing back streams, 3 so far")

# ---- 404

STREAM_NOT_FOUND = declare("stream_not_found", NotFound, "There is no stream 'porch'.")
ALERT_NOT_FOUND = declare("alert_not_found", NotFound, "There is no alert 'a1'.")
SNAPSHOT_NOT_FOUND = declare("snapshot_not_found", NotFound, "expected an alert with a picture; 'a1' has none")
RULE_NOT_FOUND = declare("rule_not_found", NotFound, "expected the id of a rule of this stream, got 'r1'")
MOMENT_NOT_FOUND = declare(
    "moment_not_found", NotFound, "There is no moment '0-82100-84900' in what this stream has learned (any more)."
)
PACK_NOT_FOUND = declare(
    "pack_not_found", NotFound, "There is no pack 'svat'. There are attributes, motion, svad, words."
)

# ---- 409

NO_PICTURE = declare("no_picture", Conflict, "There is no picture to show: the camera is sending none.")
ENROLMENT_RUNNING = declare("enrolment_running", Conflict, "This stream is learning already. Stop that first.")
NOTHING_TO_EXTEND = declare(
    "nothing_to_extend", Conflict, "This stream has learned nothing yet that could be extended."
)
STREAM_BROKEN = declare("stream_broken", Conflict, "This stream is not running: it cannot be restored: ...")
NO_PROFILE = declare("no_profile", Conflict, "Stream a1 has learned nothing yet that could be taken over.")
PROFILE_MISFIT = declare(
    "profile_misfit",
    Conflict,
    "What was learned is for svad with detector motion, and this runs attributes. Enrol again.",
)
TOO_MANY_RULES = declare(
    "too_many_rules",
    Conflict,
    "This camera has 50 rules, and no more are allowed (WATCHWORD_MAX_RULES). Delete one first.",
)
NOTHING_TO_UNDO = declare("nothing_to_undo", Conflict, "Every edit of rule r1 has been undone already.")
STREAM_PAUSED = declare("stream_paused", Conflict, "This stream is paused, so there is no live picture to learn from.")

# ---- 422: what a request holds

INVALID_INPUT = declare("invalid_input", InvalidInput, "`fps` must be a number greater than 0, not 0.")
INVALID_PATCH = declare("invalid_patch", InvalidInput, "Give a threshold or alerts_per_day, not both.")
INVALID_CURSOR = declare(
    "invalid_cursor",
    InvalidInput,
    "There is no such page: 'x' is neither a cursor that `Link` gave nor the id of an alert.",
)
UNKNOWN_PARAMETER = declare(
    "unknown_parameter", InvalidInput, "There is no query parameter `limt` here. Did you mean `limit`?"
)
REPEATED_PARAMETER = declare(
    "repeated_parameter", InvalidInput, "Give `limit` only once, or leave it out; it came twice."
)
UNKNOWN_CLASS = declare(
    "unknown_class", InvalidInput, "The detector knows no class 'unicorn'. It knows, for example, person, bicycle."
)
TOO_FEW_FRAMES = declare(
    "too_few_frames",
    InvalidInput,
    "At 1 frame a second, 60 seconds are 60 frames, and 100 are needed to learn what is normal. Learn for at least "
    "100 seconds.",
)
UNKNOWN_ZONE = declare("unknown_zone", InvalidInput, "This camera has no zone 'Moon'. Its zones: 'Gate'.")
EXPIRES_IN_PAST = declare("expires_in_past", InvalidInput, "The rule would end at 2020-01-01T00:00:00Z, which is past.")
NEW_TO_EXTEND = declare(
    "nothing_to_extend",  # the code of NOTHING_TO_EXTEND, but here no state of the stream could make it right
    InvalidInput,
    "A new stream has learned nothing yet that could be extended. Leave extend out.",
)

# ---- 422: packs that verify, but not for what they are named for

PACK_KIND = declare("pack_kind", InvalidInput, "expected a pack of kind head, got 'motion' of kind detector")
BAD_PACK = declare("bad_pack", InvalidInput, "pack svad: expected centres of 512 numbers, got 256")
ENCODER_NEEDED = declare("encoder_needed", InvalidInput, "expected encoder words, which the heads need, got none")
POSE_NEEDED = declare("pose_needed", InvalidInput, "expected pose movenet, which the heads need, got none")
APPEARANCE_NEEDED = declare(
    "appearance_needed", InvalidInput, "expected appearance osnet, which the heads need, got none"
)
INPUT_UNKNOWN = declare(
    "input_unknown", InvalidInput, "expected an input that this version gathers, got Depth(camera='left')"
)
PACK_KINDS = {code: declare_answer(code, 422, "Invalid pack", example) for code, example in PACK_CODES.items()}
"""Of packs that do not verify, by code; raised as ``PackError``."""

# ---- 422: sources, as they are written

SOURCE_SCHEME = declare(
    "source_scheme",
    InvalidSource,
    "An address starts with rtsp://, rtsps://, http://, https:// or file:, and this one starts with gopher:.",
)
SOURCE_HOST = declare("source_host", InvalidSource, "There is no host in this address. Write rtsp://HOST...")
SOURCE_PORT = declare("source_port", InvalidSource, "The port must be a number from 1 to 65535, not 99999.")
SOURCE_PATH = declare(
    "source_path", InvalidSource, "Write file:PATH, with the path from the media folder on and no `..` in it."
)
SOURCE_MISSING = declare("source_missing", InvalidSource, "There is no file 'file:yard.mp4' under the media folder.")
SOURCE_OPTIONS = declare("source_options", InvalidSource, "A file takes the options loop and rate, and not 'speed'.")
SOURCE_CHARACTERS = declare(
    "source_characters",
    InvalidSource,
    "Write @ / ? # in user names, passwords and paths as %40 %2F %3F %23: there is a bare @ in this address.",
)
SOURCE_MASKED = declare(
    "source_masked", InvalidSource, "This address still has the mask *** where a password or key was hidden. ..."
)
SOURCE_LOGIN = declare(
    "source_login",
    InvalidSource,
    "The password that is stored is for 10.0.0.5. Enter user name and password for 10.0.0.6.",
)
SOURCE_SELF = declare(
    "source_self",
    InvalidSource,
    "This is the address of Watchword itself (port 8000 of this computer). Enter that of a camera.",
)
SOURCE_TRANSPORT = declare("source_transport", InvalidSource, "The transport must be tcp or udp, not 'sctp'.")
SOURCE_TOO_LONG = declare("source_too_long", InvalidSource, "The address has 5000 characters, and 2048 are the most.")

# ---- 422: sources, as they were tried

SOURCE_UNREACHABLE = declare(
    "source_unreachable",
    SourceRefused,
    "The camera at 10.0.0.5:554 refused the connection. Check address and port, and whether the camera is on.",
)
SOURCE_UNAUTHORIZED = declare(
    "source_unauthorized",
    SourceRefused,
    "The camera at 10.0.0.5:554 refused the user name or password (401). Check user name and password.",
)
SOURCE_UNSUPPORTED = declare(
    "source_unsupported",
    SourceRefused,
    "The camera at 10.0.0.5:554 has no picture, only audio. Choose another stream or codec in the camera's settings.",
)
SOURCE_UNREADABLE = declare("source_unreadable", SourceRefused, "notes.mp4 is not a video. Choose another file.")

# ---- 503

TOO_MANY_STREAMS = declare(
    "too_many_streams",
    Overloaded,
    "There are 256 streams, and no more are allowed (WATCHWORD_MAX_STREAMS). Delete one first.",
)
MACHINE_FULL = declare(
    "machine_full",
    Overloaded,
    "This computer is too busy for another camera (44 % used, about 44 % more needed, limit 85 %). "
    "Lower a camera's frame rate, or pause one.",
)
PROBES_BUSY = declare("probes_busy", Overloaded, "16 cameras are being tried already. Try again in 5 s.")
TOO_MANY_PROBES = declare(
    "too_many_probes", Overloaded, "There are 64 sources waiting to be tried already. Try again in 5 s."
)
TOO_MANY_CHANGES = declare(
    "too_many_changes", Overloaded, "There are 64 changes waiting to be made already. Try again in 5 s."
)
TOO_MANY_PREVIEWS = declare(
    "too_many_previews", Overloaded, "There are 4 rules waiting to be tried already. Try again in 5 s."
)
TOO_MANY_CLIENTS = declare(
    "too_many_clients", Overloaded, "500 live connections are open, and no more are allowed (WATCHWORD_MAX_CLIENTS)."
)

# ---- 507: what the disk refuses; answered for the error of the file system or the database that says so

STORAGE_KINDS = {
    kind: declare_answer(code, 507, "Insufficient storage", example)
    for kind, code, example in (
        ("full", "storage_full", "The disk of the data folder is full. Make room there."),
        ("read_only", "storage_read_only", "The data folder is read-only. Make it writable again."),
        ("failing", "storage_failing", "The disk of the data folder reports an error. Look at the system's log."),
    )
}
"""By the kind of trouble (``store/storage_trouble.py``)."""

# ---- what the operator set, or asked of the command line; no request is answered with these

DATA_FOLDER_IN_USE = declare(
    "data_folder_in_use", InvalidInput, "The data folder /data is in use by another Watchword: process 17 on porch."
)
DATA_FOLDER_UNUSABLE = declare(
    "data_folder_unusable", InvalidInput, "The data folder /data cannot be used: profiles in it is a file."
)
DATABASE_UNUSABLE = declare(
    "database_unusable", InvalidInput, "The database /data/watchword.db is damaged. Restore it from a backup."
)
ADDRESS_TAKEN = declare("address_taken", InvalidInput, "expected an address to listen on, got 127.0.0.1:8000: in use")
INVALID_WEBHOOK_URL = declare("invalid_webhook_url", InvalidInput, "expected a webhook URL http(s)://HOST..., got none")
INVALID_REDIS_URL = declare("invalid_redis_url", InvalidInput, "expected a Redis URL redis(s)://HOST:PORT/DB")
BAD_BANK = declare("bad_bank", InvalidInput, "bank_file: expected phrases, got none")
NO_SUCH_SOURCE = declare(
    "no_such_source", InvalidInput, "There is no file or folder 'yard.mp4', and it is no address of a camera."
)
SOURCE_TOO_SHORT = declare("source_too_short", InvalidInput, "20.0 s of footage are too few to learn from for 60 s.")
