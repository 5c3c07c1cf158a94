"""Credentials out of any text: log lines, errors, labels, the URLs of streams.

Cameras take passwords anywhere: before the host, in parameters of any name, in paths. What is not known to be harmless
is hidden, and what people know a camera by is left: host, path, channel, stream.
"""

from __future__ import annotations

import itertools
import logging
import re
from urllib.parse import unquote

MASK = "***"

# A scheme has a bound, or each sign of a long word would be tried as the beginning of one as long: 36 s for 100 kB.
_URL = re.compile(r"[a-z][a-z0-9+.\-]{0,30}://\S+", re.IGNORECASE)
# What ends a sentence, a quotation or a list is not part of a URL.
_TRAILING = re.compile(r"[.,:;!?'\"()\[\]{}<>]*$")
# Up to the last @ of the run: a password may hold any sign, also / ? # @ typed without percent-encoding.
_USERINFO = re.compile(r"^([a-z][a-z0-9+.\-]*://)\S*@", re.IGNORECASE)
_WORDS = (
    r"pass(?:word|wd|phrase|code)?|pwd|psw|loginpas|user(?:name)?|usr|login|token|secret|key|auth(?:orization)?"
    r"|credentials?|sig(?:nature)?|jwt|session|sid"
)
# `password=...` outside of URLs, as libraries name half of one.
_NAMED = re.compile(rf"((?:^|[?&;/_,:\s\"'(])[a-z0-9.\-]*(?:{_WORDS})[0-9]*=)([^&\s]+)", re.IGNORECASE)
# `"password": "..."`, as JSON and Python write it.
_QUOTED = re.compile(
    rf"""(?P<name>(?P<sign>["'])[a-z0-9_.\-]*(?:{_WORDS})[0-9]*(?P=sign)\s*:\s*)"""
    r"""(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s"',}\]]+)""",
    re.IGNORECASE,
)
# `password: ...` and `X-Api-Key: ...`. Words that also begin a sentence (user, key, login) are none here.
_LINE = re.compile(
    r"((?:^|[\s,;{(\[])(?:[a-z0-9]+[_\-])*(?:pass(?:word|wd|phrase|code)|pwd|psw|secret|token|jwt|credentials?"
    r"|(?:api|access|auth|secret|private)[_\-]?key)[0-9]*:[ \t]*)(?!\s)(?:(?:basic|bearer|digest)[ \t]+)?\S+",
    re.IGNORECASE,
)
_COOKIE = re.compile(r"((?:^|\s)(?:set-)?cookie:[ \t]*)\S.*", re.IGNORECASE)
_HEADER = re.compile(r"((?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?(?:basic|digest|bearer)\s+)\S.*", re.IGNORECASE)
SECRET_NAME = re.compile(rf"(?:.*[^a-z])?(?:{_WORDS})[0-9]*|.*(?:pass|pwd|token|secret|key|auth)[a-z]*[0-9]*", re.I)

_HARMLESS_NAMES = frozenset({
    "action", "audio", "bitrate", "cam", "camera", "cameraid", "camid", "camno", "ch", "chan", "channel",
    "channelid", "channelno", "channels", "chid", "chn", "clip", "cmd", "codec", "command", "compression",
    "count", "fmt", "format", "fps", "framerate", "gop", "h", "height", "idx", "index", "live", "loop", "main",
    "mode", "mp4", "multicast", "no", "nr", "num", "number", "onvif", "overlay", "part", "play_count", "preset",
    "profile", "profileid", "proto", "protocol", "quality", "rate", "real_stream", "req_fps", "res",
    "resolution", "rotation", "size", "speed", "stream", "streamid", "streamno", "streams", "streamtype", "sub",
    "substream", "subtype", "tcp", "track", "trackid", "transport", "type", "udp", "unicast", "vcodec", "video",
    "videocodec", "view", "w", "width",
})  # fmt: skip
# What cameras are asked for by these names. Any other word may be a password, whatever the name is.
_HARMLESS_WORDS = (
    r"main|sub|third|fourth|primary|secondary|ext(?:ra)?|streams?|channels?|chan|chn?|cam(?:era)?s?|media|profiles?"
    r"|preview|live|video|audio|default|auto|none|all|high|middle|medium|low|best|hd|sd|fhd|uhd|qhd|cif|qcif|vga|qvga"
    r"|svga|xga|h26[45]|h\.26[45]|hevc|avc|av1|vp[89]|mjpe?g|jpe?g|mpe?g|mp4|m3u8|hls|dash|flv|webm|ts|sdp|aac|pcm"
    r"|g711|opus|tcp|udp|rtp|rtsp|rtmp|https?|ws|webrtc|unicast|multicast|on|off|true|false|yes|no|get|start|stop|play"
    r"|open|snapshot|push|server|normal|day|night|onvif|real"
)
_HARMLESS_PART = rf"(?:(?:{_HARMLESS_WORDS})+[0-9]{{0,3}}|[0-9]+(?:x[0-9]+)?(?:p|i|k|m|fps|kbps)?)"
_HARMLESS_VALUE = re.compile(rf"(?=.{{1,32}}$){_HARMLESS_PART}(?:[._\-]{_HARMLESS_PART})*", re.IGNORECASE)
_TRIVIAL_VALUE = re.compile(r"[0-9]{1,2}|true|false|yes|no|on|off", re.IGNORECASE)  # no password is that short
_ANNOUNCING = re.compile(rf"(?:{_WORDS}|api[_-]?key|access[_-]?token)s?", re.IGNORECASE)
_ACCOUNTS = frozenset(
    {"admin", "administrator", "root", "operator", "guest", "viewer", "supervisor", "ubnt", "service"}
)
_MEDIA_ENDING = re.compile(
    r"\.(?:amp|asp|avi|cgi|flv|jpe?g|m3u8|m4v|mkv|mjpe?g|mov|mp4|mpd|php|sdp|smp|ts|webm)$", re.I
)
_PAIRS = re.compile(r"([&;,]|_(?=[A-Za-z][A-Za-z0-9.\-]*=))")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"(?=.*[0-9])(?=.*[a-f])[0-9a-f]{16,}", re.IGNORECASE)


def mask_url(url: str) -> str:
    """A URL with what may be a secret in its path, query and fragment replaced; its userinfo is left as it is.

    Hidden are: the values of parameters, wherever they stand, unless their name is known to be harmless and the value
    is a number or a word of those that cameras know (main, hd, h264); ``user:password`` as a part of the path, and what
    follows on a part like ``token`` or ``admin``; parts that look as if drawn by chance; and every fragment. Masking
    again changes nothing.
    """
    start, colon, rest = url.partition("://")
    if not colon or start.lower() == "file":
        return url
    authority = re.match(r"[^/?#]*", rest)
    host = authority[0] if authority else ""
    path, hash_, fragment = rest[len(host) :].partition("#")
    path, question, query = path.partition("?")
    masked = f"{start}://{host}{_mask_path(path)}"
    if question:
        masked += "?" + _mask_pairs(query, re.compile(r"([&;])"))
    return masked + (f"#{MASK}" if hash_ and fragment else hash_)


def is_masked(url: str) -> bool:
    """Whether a URL has the mask where a secret was: it was copied from where it is shown."""
    return re.search(r"(?:^|[/?&;,_=:@#])\*\*\*(?:$|[/?&;,_:@#])", url) is not None


def redact(text: str) -> str:
    """A text with the secrets of every URL in it replaced by ``***``, and of named values beside.

    Errs on the side of hiding: with an ``@`` anywhere in a URL, all before it goes.
    """
    pieces, behind = [], 0
    for found in _URL.finditer(text):
        pieces += [_redact_plain(text[behind : found.start()]), _redact_run(found[0])]
        behind = found.end()
    return "".join([*pieces, _redact_plain(text[behind:])])


def _redact_plain(text: str) -> str:
    for pattern in (_NAMED, _HEADER, _COOKIE, _LINE):
        text = pattern.sub(rf"\1{MASK}", text)
    return _QUOTED.sub(rf"\g<name>\g<sign>{MASK}\g<sign>", text)


def _redact_run(run: str) -> str:
    trailing = _TRAILING.search(run)
    end = trailing.start() if trailing else len(run)
    url, rest = run[:end], run[end:]
    return mask_url(_USERINFO.sub(rf"\1{MASK}@", url)) + rest


def _mask_path(path: str) -> str:
    before = ""
    parts = []
    for part in path.split("/"):
        decoded = unquote(unquote(part))
        parts.append(_mask_part(part, decoded, before))
        before = decoded.lower() if part else before
    return "/".join(parts)


def _mask_part(part: str, decoded: str, before: str) -> str:
    """One part of a path, given what the part before it says."""
    if not part or part == MASK:
        return part
    if "=" in part:
        return _mask_pairs(part, _PAIRS)
    if any(sign in decoded for sign in ":@=&") or _looks_drawn(decoded):
        return MASK
    announces = _ANNOUNCING.fullmatch(decoded) is not None
    if _ANNOUNCING.fullmatch(before) and not announces:
        return MASK
    if before in _ACCOUNTS and not announces and not _MEDIA_ENDING.search(decoded):
        return MASK
    return part


def _mask_pairs(text: str, separators: re.Pattern[str]) -> str:
    """``name=value`` pairs with separators between them; what follows on a masked value without a name is of it."""
    pieces = separators.split(text)
    hid = False
    for index in range(0, len(pieces), 2):
        masked = _mask_pair(pieces[index], hid=hid)
        hid = masked != pieces[index] or masked.endswith(MASK)
        pieces[index] = masked
    return "".join(pieces)


def _mask_pair(piece: str, *, hid: bool) -> str:
    name, equals, value = piece.partition("=")
    if not value:  # a word alone, or what base64 looks like at its end
        plain = name.lower() in _HARMLESS_NAMES or _TRIVIAL_VALUE.fullmatch(name) is not None
        return piece if not name or name == MASK or (plain and not hid) else MASK
    if _looks_drawn(unquote(unquote(name))):
        return MASK
    decoded = unquote(unquote(value))
    if SECRET_NAME.fullmatch(name) is None:
        if _TRIVIAL_VALUE.fullmatch(decoded):
            return piece
        if name.lower() in _HARMLESS_NAMES and _HARMLESS_VALUE.fullmatch(decoded) and not _looks_drawn(decoded):
            return piece
    return f"{name}{equals}{MASK}"


def _looks_drawn(text: str) -> bool:
    """Whether a text looks as if drawn by chance, as keys are, and not as if somebody had named something.

    Of words put together (``h264Preview_01_main``) a kind of sign lasts; drawn ones change after every second or third.
    """
    if _UUID.search(text):
        return True
    words = re.split(r"[^A-Za-z0-9]+", text)
    return any(_drawn(word) for word in {*words, "".join(words)})


def _drawn(word: str) -> bool:
    if _HEX.fullmatch(word):
        return True
    kinds = [1 if sign.isdigit() else 2 if sign.isupper() else 3 for sign in word]
    changes = sum(one != other for one, other in itertools.pairwise(kinds)) / max(1, len(word))
    mixed = len(set(kinds)) > 1
    return (len(word) >= 10 and changes >= 0.5) or (len(word) >= 14 and changes >= 0.35) or (len(word) >= 32 and mixed)


class RedactingFilter(logging.Filter):
    """Redacts the message, traceback and stack of every record. Put it on handlers, which see all loggers."""

    _formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact in place; no record is ever dropped."""
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = self._formatter.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)  # formatters take this text when it is set
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True
