"""Where a camera or gateway sends who asks for its picture: asked for by hand, so that every step can be checked.

FFmpeg follows by itself, without end, to any address, this service's own one among them. So it is forbidden to, and
what it meets then is looked at here.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import socket
import ssl
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from service.errors import SOURCE_SELF, InvalidSource
from service.ingest.failures import Cause, SourceFailure
from service.ingest.source import Source, parse_source
from service.redact import redact

MAX_HOPS = 5
"""Redirects after one another; gateways need one or two."""

_ITSELF = "Enter the address of the picture itself."
_SCHEMES = frozenset({"rtsp", "rtsps", "http", "https"})
_SAFE = frozenset({"rtsps", "https"})
_MOVED = frozenset({301, 302, 303, 307, 308})
_MAX_HEAD = 32_768
_FIELD = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')


@dataclass(frozen=True, slots=True)
class _Answer:
    """The head of an answer."""

    status: int
    fields: list[tuple[str, str]]

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]


def moved_to(source: Source, timeout: float) -> Source | None:
    """Where a source says that its picture is, as a source; None if it says nothing of the kind, or nothing at all.

    Credentials go on to the same host alone, and never from an encrypted connection to one that is not.

    Args:
        source: Of a network.
        timeout: Seconds that asking may take.

    Raises:
        SourceFailure: If it sends to where no stream may be.
    """
    try:
        answer = _ask(source, time.monotonic() + timeout)
    except (OSError, ValueError):
        return None
    locations = answer.values("location")
    if answer.status not in _MOVED or not locations or not locations[0]:
        return None
    try:
        location = _absolute(source.open_url(), locations[0])
    except ValueError:  # such as //[x/, whose host cannot be read
        raise _led_astray(source, "an address that cannot be used") from None
    return _checked(source, location)


def _checked(source: Source, location: str) -> Source:
    scheme = location.partition(":")[0].lower()
    if scheme not in _SCHEMES:
        detail = f"The camera sends on to an address of another kind ({redact(scheme[:16])}:), which is not followed."
        raise SourceFailure(Cause.UNSUPPORTED, source, detail, _ITSELF)
    try:
        target = parse_source(location, source.transport, Path(), source.own)
    except InvalidSource as error:
        where = "this service itself" if error.kind is SOURCE_SELF else "an address that cannot be used"
        raise _led_astray(source, where) from None
    target = replace(target, own=source.own)
    if _is_rtsp(target) is not _is_rtsp(source):
        raise SourceFailure(
            Cause.UNSUPPORTED, source, f"The camera now sends its picture at {target.url}.", "Use that address."
        )
    keeps = target.host.lower() == source.host.lower() and not (source.scheme in _SAFE and target.scheme not in _SAFE)
    if target.userinfo is not None or source.userinfo is None or not keeps:
        return target
    parts = urlsplit(target.open_url())
    netloc = f"{source.userinfo.get_secret_value()}@{parts.netloc}"
    whole = parse_source(urlunsplit(parts._replace(netloc=netloc)), source.transport, Path())
    return replace(whole, own=source.own)


def _led_astray(source: Source, where: str) -> SourceFailure:
    return SourceFailure(Cause.UNSUPPORTED, source, f"The camera sends on to {where}.", _ITSELF)


def _absolute(url: str, location: str) -> str:
    """What a ``Location`` means, which may be relative to where it was said; credentials are not part of it."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", location):
        return location
    parts = urlsplit(url)
    # Python joins the paths of HTTP alone.
    joined = urljoin(f"http://{parts.netloc.rpartition('@')[2]}{parts.path}", location)
    return parts.scheme + joined.removeprefix("http")


def _ask(source: Source, deadline: float) -> _Answer:
    """The head of the answer to a request for the picture; where it asks for a password, of that to a second one."""
    answer = _request(source, deadline, None)
    if answer.status != 401 or source.userinfo is None:
        return answer
    user, _, password = source.userinfo.get_secret_value().partition(":")
    challenges = answer.values("www-authenticate")
    given = _authorization(source, challenges, unquote(user), unquote(password))
    return answer if given is None else _request(source, deadline, given)


def _request(source: Source, deadline: float, authorization: str | None) -> _Answer:
    with closing(_connect(source, deadline)) as connection:
        parts = urlsplit(source.open_url())
        host = parts.netloc.rpartition("@")[2]
        lines = [f"{_method(source)} {_target(source)} {'RTSP/1.0' if _is_rtsp(source) else 'HTTP/1.1'}"]
        lines += ["CSeq: 1", "Accept: application/sdp"] if _is_rtsp(source) else [f"Host: {host}", "Accept: */*"]
        lines += [] if authorization is None else [f"Authorization: {authorization}"]
        lines += [] if _is_rtsp(source) else ["Connection: close"]
        connection.sendall("\r\n".join([*lines, "User-Agent: Watchword", "", ""]).encode())
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD:
            connection.settimeout(max(0.01, deadline - time.monotonic()))
            block = connection.recv(4096)
            if not block or time.monotonic() >= deadline:
                break
            head += block
    return _parse(head.partition(b"\r\n\r\n")[0].decode("latin-1"))


def _connect(source: Source, deadline: float) -> socket.socket:
    left = max(0.01, deadline - time.monotonic())
    connection = socket.create_connection((source.host, source.port), left)
    if source.scheme not in _SAFE:
        return connection
    # As FFmpeg does when it reads the picture: cameras sign their certificates themselves.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        return context.wrap_socket(connection, server_hostname=source.host)
    except BaseException:
        connection.close()
        raise


def _parse(head: str) -> _Answer:
    first, *lines = head.split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[1].isdecimal():
        msg = "no status"
        raise ValueError(msg)
    pairs = (line.partition(":") for line in lines)
    return _Answer(int(words[1]), [(name.strip().lower(), value.strip()) for name, _, value in pairs])


def _is_rtsp(source: Source) -> bool:
    return source.scheme.startswith("rtsp")


def _method(source: Source) -> str:
    return "DESCRIBE" if _is_rtsp(source) else "GET"


def _target(source: Source) -> str:
    """What a request names: the whole URL in RTSP, path and query in HTTP."""
    parts = urlsplit(source.open_url())
    path = urlunsplit(("", "", parts.path, parts.query, ""))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}" if _is_rtsp(source) else path or "/"


def _authorization(source: Source, challenges: list[str], user: str, password: str) -> str | None:
    """What answers one of the challenges, the safer kind first; None if none is known."""
    for challenge in sorted(challenges, key=lambda text: not text.lower().startswith("digest")):
        kind, _, rest = challenge.partition(" ")
        fields = {name.lower(): quoted or bare for name, quoted, bare in _FIELD.findall(rest)}
        if kind.lower() == "digest" and fields.get("algorithm", "MD5").upper() in ("MD5", "SHA-256"):
            return _digest(source, fields, user, password)
        if kind.lower() == "basic":
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return None


def _digest(source: Source, fields: dict[str, str], user: str, password: str) -> str:
    """RFC 7616, with and without quality of protection."""
    algorithm = fields.get("algorithm", "MD5")

    def hashed(*parts: str) -> str:
        data = ":".join(parts).encode()
        # The camera chose it; FFmpeg answers it the same way.
        digest = hashlib.sha256(data) if algorithm.upper() == "SHA-256" else hashlib.md5(data, usedforsecurity=False)
        return digest.hexdigest()

    realm, nonce, target = fields.get("realm", ""), fields.get("nonce", ""), _target(source)
    secret, asked = hashed(user, realm, password), hashed(_method(source), target)
    given = {"username": user, "realm": realm, "nonce": nonce, "uri": target}
    extra = f", algorithm={algorithm}" if "algorithm" in fields else ""
    if "auth" in re.split(r"[\s,]+", fields.get("qop", "")):
        ours = secrets.token_hex(8)
        given |= {"cnonce": ours, "response": hashed(secret, nonce, "00000001", ours, "auth", asked)}
        extra += ", qop=auth, nc=00000001"
    else:
        given["response"] = hashed(secret, nonce, asked)
    if "opaque" in fields:
        given["opaque"] = fields["opaque"]
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in given.items()) + extra
