"""Where a stream's pictures come from: a checked URL whose credentials are out of sight."""

from __future__ import annotations

import ipaddress
import math
import socket
import unicodedata
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit, urlunsplit

from pydantic import SecretStr

from service.errors import (
    SOURCE_CHARACTERS,
    SOURCE_HOST,
    SOURCE_MASKED,
    SOURCE_OPTIONS,
    SOURCE_PATH,
    SOURCE_PORT,
    SOURCE_SCHEME,
    SOURCE_SELF,
    SOURCE_TOO_LONG,
    SOURCE_TRANSPORT,
    InvalidSource,
)
from service.redact import MASK, is_masked, mask_url

Transport = Literal["tcp", "udp"]

SCHEMES = ("rtsp", "rtsps", "http", "https", "file")
_OTHER_SCHEMES = frozenset({
    "concat", "data", "dshow", "ftp", "hls", "mms", "mmsh", "nfs", "onvif", "pipe", "rtmp", "rtmps", "rtp", "s3",
    "sftp", "smb", "srt", "tcp", "udp", "v4l2", "webrtc", "whep", "ws", "wss",
})  # fmt: skip
"""Of addresses that people enter and that cannot be used. What else is before a colon may be a name or a password."""

MAX_URL = 2048
MAX_NAME = 255
"""Bytes of a file's name that the usual file systems take; asking them for a longer one is an error of its own."""
IMAGE_RATE = 25.0
"""Pictures per second of a folder of images that does not say: what image sequences commonly mean."""

# What FFmpeg itself takes when a URL names no port.
_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Source:
    """A source that may be opened. Safe to log, print and compare: secrets are masked.

    Attributes:
        url: As it may be shown: no userinfo, and what may be a secret in path and parameters masked.
        transport: How RTSP carries its packets; means nothing to the other schemes.
        secret: The URL with everything in it, or None for a file.
        host: Of a network source, else empty.
        port: Of a network source, the scheme's own one if the URL names none, else 0.
        path: Of a file or folder of images, resolved; None for a network source.
        loop: Start a file again at its end.
        rate: Pictures per second of a folder of images.
        own: Addresses that this service listens on: a source that is sent on by its camera must not lead there.
    """

    url: str
    transport: Transport = "tcp"
    secret: SecretStr | None = None
    host: str = ""
    port: int = 0
    path: Path | None = None
    loop: bool = False
    rate: float = IMAGE_RATE
    own: Collection[tuple[str, int]] = field(default=(), compare=False, repr=False)

    @property
    def scheme(self) -> str:
        """One of ``SCHEMES``."""
        return self.url.partition(":")[0]

    @property
    def is_file(self) -> bool:
        """Whether it is a file or a folder of images, and so has an end."""
        return self.path is not None

    @property
    def userinfo(self) -> SecretStr | None:
        """``user:password``, percent-encoded, if the URL had them."""
        if self.secret is None:
            return None
        userinfo, at, _ = urlsplit(self.secret.get_secret_value()).netloc.rpartition("@")
        return SecretStr(userinfo) if at else None

    @property
    def has_credentials(self) -> bool:
        """Whether anything is hidden from ``url``."""
        return self.secret is not None and self.secret.get_secret_value() != self.url

    def open_url(self) -> str:
        """What to open, and what to store as a secret: ``parse_source`` takes it back. Never show it."""
        return self.url if self.secret is None else self.secret.get_secret_value()


def is_known_scheme(scheme: str) -> bool:
    """Whether it is the name of a kind of address, and may be shown."""
    return scheme.lower() in _OTHER_SCHEMES or scheme.lower() in SCHEMES


def local_source(path: Path, *, loop: bool = False, rate: float = IMAGE_RATE) -> Source:
    """A file or folder that the program itself names (an evaluation, a command line), wherever it lies."""
    return Source(url=f"file:{path.name}", path=path.resolve(), loop=loop, rate=rate)


def parse_source(url: str, transport: str, media_dir: Path, own: Collection[tuple[str, int]] = ()) -> Source:
    """Check a URL that came from outside and split its credentials off. Opens nothing.

    Args:
        url: ``rtsp``, ``rtsps``, ``http`` or ``https``, or ``file:PATH`` relative to ``media_dir``; a file
            takes ``?loop=true`` and, if it is a folder of images, ``?rate=25`` pictures per second.
        transport: ``tcp`` or ``udp``.
        media_dir: Root of the files that may be read.
        own: Addresses (host, port) that this service listens on: a stream of itself is refused.

    Raises:
        InvalidSource: The message says what was expected and what came, and repeats no part of the URL that
            may be a credential.
    """
    if transport not in ("tcp", "udp"):
        msg = f"expected transport tcp or udp, got {transport!r}"
        raise InvalidSource(SOURCE_TRANSPORT, msg)
    if len(url) > MAX_URL:
        msg = f"expected a URL of at most {MAX_URL} characters, got {len(url)}"
        raise InvalidSource(SOURCE_TOO_LONG, msg)
    scheme, colon, rest = url.partition(":")
    if not colon or scheme.lower() not in SCHEMES:
        came = f"scheme {scheme.lower()!r}" if is_known_scheme(scheme) else "another scheme" if colon else "scheme none"
        msg = f"expected a URL that starts with one of {', '.join(SCHEMES)}; got {came}"
        raise InvalidSource(SOURCE_SCHEME, msg)
    if scheme.lower() == "file":
        return _parse_file(rest, media_dir)
    return _parse_network(url, "udp" if transport == "udp" else "tcp", own)


def _parse_network(url: str, transport: Transport, own: Collection[tuple[str, int]]) -> Source:
    _refuse_controls(url, spaces=False)
    try:
        parts = urlsplit(url)
    except ValueError:
        msg = "expected a well-formed URL, got one whose host cannot be read"
        raise InvalidSource(SOURCE_HOST, msg) from None
    if "@" in parts.path + parts.query + parts.fragment:
        # `rtsp://user:pa/ss@camera` splits after `pa`: the rest of the password would pass as a path.
        msg = "expected @ / ? # in user names, passwords and paths percent-encoded (%40 %2F %3F %23), got a bare @"
        raise InvalidSource(SOURCE_CHARACTERS, msg)
    if is_masked(url):
        msg = f"This address still has the mask {MASK} where a password or key was hidden. Type the real value there."
        raise InvalidSource(SOURCE_MASKED, msg)
    host, port = _host_and_port(parts)
    if _is_this_service(host, port, own):
        msg = f"expected a camera, got an address of this service itself (port {port} of this machine)"
        raise InvalidSource(SOURCE_SELF, msg)
    shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    userinfo = _canonical_userinfo(parts.netloc)
    secret = shown.replace("://", f"://{userinfo}@", 1) if userinfo else shown
    return Source(url=mask_url(shown), transport=transport, secret=SecretStr(secret), host=host, port=port)


def _host_and_port(parts: SplitResult) -> tuple[str, int]:
    if not parts.hostname:
        msg = f"expected {parts.scheme}://HOST..., got no host"
        raise InvalidSource(SOURCE_HOST, msg)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port is None:
        return parts.hostname, _DEFAULT_PORTS[parts.scheme]
    if not 1 <= port <= 65535:
        text = parts.netloc.rpartition(":")[2]
        came = text if text.isdigit() else "one that is not a number"
        msg = f"expected a port from 1 to 65535, got {came}"
        raise InvalidSource(SOURCE_PORT, msg)
    return parts.hostname, port


def _canonical_userinfo(netloc: str) -> str:
    userinfo, at, _ = netloc.rpartition("@")
    if not at:
        return ""
    user, _, password = userinfo.partition(":")
    # FFmpeg wants the colon also for an empty password, and decodes percent signs itself.
    return f"{quote(unquote(user), safe='')}:{quote(unquote(password), safe='')}"


def _parse_file(rest: str, media_dir: Path) -> Source:
    name, _, query = rest.partition("?")
    name = unquote(name)
    _refuse_controls(name, spaces=True)
    if not name or name.startswith("/") or ".." in Path(name).parts:
        msg = "expected file:PATH with a path relative to the media folder and no `..` in it"
        raise InvalidSource(SOURCE_PATH, msg)
    if any(len(part.encode()) > MAX_NAME for part in Path(name).parts):
        msg = f"expected names of at most {MAX_NAME} bytes in file:PATH, got a longer one"
        raise InvalidSource(SOURCE_PATH, msg)
    root = media_dir.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        msg = "expected a file under the media folder, got a link that leads out of it"
        raise InvalidSource(SOURCE_PATH, msg)
    loop, rate = _file_options(query)
    shown = f"file:{quote(name)}" + (f"?{query}" if query else "")
    return Source(url=shown, path=path, loop=loop, rate=rate)


def _file_options(query: str) -> tuple[bool, float]:
    options = parse_qs(query, keep_blank_values=True)
    loop = options.pop("loop", ["false"])[-1].lower()
    rate_text = options.pop("rate", [str(IMAGE_RATE)])[-1]
    if options:
        msg = f"expected the options loop and rate of a file, got {', '.join(map(repr, sorted(options)))}"
        raise InvalidSource(SOURCE_OPTIONS, msg)
    if loop not in ("true", "false"):
        msg = f"expected loop=true or loop=false, got {loop!r}"
        raise InvalidSource(SOURCE_OPTIONS, msg)
    try:
        rate = float(rate_text)
    except ValueError:
        rate = math.nan
    if not 0 < rate <= 240:
        msg = f"expected a rate above 0 and at most 240 pictures per second, got {rate_text!r}"
        raise InvalidSource(SOURCE_OPTIONS, msg)
    return loop == "true", rate


def _refuse_controls(text: str, *, spaces: bool) -> None:
    for character in text:
        category = unicodedata.category(character)
        if category[0] == "C" or (category[0] == "Z" and not (spaces and character == " ")):
            msg = f"expected printable characters, got U+{ord(character):04X}; percent-encode it if it is meant"
            raise InvalidSource(SOURCE_CHARACTERS, msg)


def _is_this_service(host: str, port: int, own: Collection[tuple[str, int]]) -> bool:
    if port not in {own_port for _, own_port in own}:
        return False
    if host.lower() in {own_host.lower() for own_host, own_port in own if own_port == port}:
        return True
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return False  # a name that nobody knows is not ours; opening it says so
    return any(_is_this_machine(family, str(address[0])) for family, _, _, _, address in found)


def _is_this_machine(family: int, address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    if mapped is not None:
        return _is_this_machine(socket.AF_INET, str(mapped))
    if ip.is_loopback or ip.is_unspecified:
        return True
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
        try:
            probe.bind((address, 0))  # only an address of this machine can be bound
        except OSError:
            return False
    return True
