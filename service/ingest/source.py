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
    SOURCE_LOGIN,
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

    def same_camera(self, other: Source) -> bool:
        """Whether both are of one host and port, so that what one is told may be told the other."""
        return not self.is_file and (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)

    def open_url(self) -> str:
        """What to open, and what to store as a secret: ``parse_source`` takes it back. Never show it."""
        return self.url if self.secret is None else self.secret.get_secret_value()


def local_source(path: Path, *, loop: bool = False, rate: float = IMAGE_RATE) -> Source:
    """A file or folder that the program itself names (an evaluation, a command line), wherever it lies."""
    return Source(url=f"file:{path.name}", path=path.resolve(), loop=loop, rate=rate)


def with_login(source: Source, kept: Source, user: str | None, password: str | None) -> str:
    """The URL of a source with a login in it, for ``parse_source``. Never show it.

    Args:
        source: A network source.
        kept: The source whose login is taken where ``user`` or ``password`` is None, if it is the same camera.
        user: As it is meant, not percent-encoded.
        password: As it is meant, not percent-encoded.

    Raises:
        InvalidSource: If the source is a file, or would get a login that was stored for another camera.
    """
    if source.is_file:
        raise InvalidSource(SOURCE_LOGIN, "A file needs no password. Leave user name and password empty.")
    known = source.userinfo
    if known is None and kept.userinfo is not None and None in (user, password):
        if not source.same_camera(kept):
            msg = f"The password that is stored is for {kept.host}. Enter user name and password for {source.host}."
            raise InvalidSource(SOURCE_LOGIN, msg)
        known = kept.userinfo
    stored_user, _, stored_password = ("" if known is None else known.get_secret_value()).partition(":")
    login = ":".join(
        stored if given is None else quote(given, safe="")
        for given, stored in ((user, stored_user), (password, stored_password))
    )
    parts = urlsplit(source.open_url())
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host if login == ":" else f"{login}@{host}"))


def parse_source(url: str, transport: str, media_dir: Path, own: Collection[tuple[str, int]] = ()) -> Source:
    """Check a URL that came from outside and split its credentials off. Opens nothing.

    Args:
        url: ``rtsp``, ``rtsps``, ``http`` or ``https``, or ``file:PATH`` relative to ``media_dir``; a file
            takes ``?loop=true`` and, if it is a folder of images, ``?rate=25`` pictures per second.
        transport: ``tcp`` or ``udp``.
        media_dir: Root of the files that may be read.
        own: Addresses (host, port) that this service listens on: a stream of itself is refused.

    Raises:
        InvalidSource: The message says what is wrong and what to write, and repeats no part of the URL that
            may be a credential.
    """
    if transport not in ("tcp", "udp"):
        msg = f"The transport must be tcp or udp, not {transport!r}."
        raise InvalidSource(SOURCE_TRANSPORT, msg)
    if len(url) > MAX_URL:
        msg = f"The address has {len(url)} characters, and {MAX_URL} are the most."
        raise InvalidSource(SOURCE_TOO_LONG, msg)
    scheme, colon, rest = url.partition(":")
    if not colon or scheme.lower() not in SCHEMES:
        came = f"starts with {scheme[:16]}:" if colon and scheme.isalnum() else "starts with none of these"
        msg = f"An address starts with rtsp://, rtsps://, http://, https:// or file:, and this one {came}."
        raise InvalidSource(SOURCE_SCHEME, msg)
    if scheme.lower() == "file":
        return _parse_file(rest, media_dir)
    return _parse_network(url, "udp" if transport == "udp" else "tcp", own)


def _parse_network(url: str, transport: Transport, own: Collection[tuple[str, int]]) -> Source:
    _refuse_controls(url, spaces=False)
    try:
        parts = urlsplit(url)
    except ValueError:
        msg = "The host in this address cannot be read. Check what stands after the //."
        raise InvalidSource(SOURCE_HOST, msg) from None
    if "@" in parts.path + parts.query + parts.fragment:
        # `rtsp://user:pa/ss@camera` splits after `pa`: the rest of the password would pass as a path.
        msg = "Write @ / ? # in user names, passwords and paths as %40 %2F %3F %23: there is a bare @ in this address."
        raise InvalidSource(SOURCE_CHARACTERS, msg)
    if is_masked(url):
        msg = f"This address still has the mask {MASK} where a password or key was hidden. Type the real value there."
        raise InvalidSource(SOURCE_MASKED, msg)
    host, port = _host_and_port(parts)
    if _is_this_service(host, port, own):
        msg = f"This is the address of Watchword itself (port {port} of this computer). Enter that of a camera."
        raise InvalidSource(SOURCE_SELF, msg)
    shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    userinfo = _canonical_userinfo(parts.netloc)
    secret = shown.replace("://", f"://{userinfo}@", 1) if userinfo else shown
    return Source(url=mask_url(shown), transport=transport, secret=SecretStr(secret), host=host, port=port)


def _host_and_port(parts: SplitResult) -> tuple[str, int]:
    if not parts.hostname:
        msg = f"There is no host in this address. Write {parts.scheme}://HOST..."
        raise InvalidSource(SOURCE_HOST, msg)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port is None:
        return parts.hostname, _DEFAULT_PORTS[parts.scheme]
    if not 1 <= port <= 65535:
        text = parts.netloc.rpartition(":")[2]
        came = f", not {text}" if text.isdigit() else ""
        msg = f"The port must be a number from 1 to 65535{came}."
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
        msg = "Write file:PATH, with the path from the media folder on and no `..` in it."
        raise InvalidSource(SOURCE_PATH, msg)
    if any(len(part.encode()) > MAX_NAME for part in Path(name).parts):
        msg = f"A name in this path is too long: {MAX_NAME} bytes are the most."
        raise InvalidSource(SOURCE_PATH, msg)
    root = media_dir.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        msg = "This path leads out of the media folder by a link. Choose a file inside the folder."
        raise InvalidSource(SOURCE_PATH, msg)
    loop, rate = _file_options(query)
    shown = f"file:{quote(name)}" + (f"?{query}" if query else "")
    return Source(url=shown, path=path, loop=loop, rate=rate)


def _file_options(query: str) -> tuple[bool, float]:
    options = parse_qs(query, keep_blank_values=True)
    loop = options.pop("loop", ["false"])[-1].lower()
    rate_text = options.pop("rate", [str(IMAGE_RATE)])[-1]
    if options:
        msg = f"A file takes the options loop and rate, and not {', '.join(map(repr, sorted(options)))}."
        raise InvalidSource(SOURCE_OPTIONS, msg)
    if loop not in ("true", "false"):
        msg = f"Write loop=true or loop=false, not {loop!r}."
        raise InvalidSource(SOURCE_OPTIONS, msg)
    try:
        rate = float(rate_text)
    except ValueError:
        rate = math.nan
    if not 0 < rate <= 240:
        msg = f"The rate must be above 0 and at most 240 pictures a second, not {rate_text!r}."
        raise InvalidSource(SOURCE_OPTIONS, msg)
    return loop == "true", rate


def _refuse_controls(text: str, *, spaces: bool) -> None:
    for character in text:
        category = unicodedata.category(character)
        if category[0] == "C" or (category[0] == "Z" and not (spaces and character == " ")):
            code = f"U+{ord(character):04X}"
            msg = f"There is a blank or invisible character ({code}) in this address. Remove or percent-encode it."
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
