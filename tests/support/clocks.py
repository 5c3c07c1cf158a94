"""Cameras with odd clocks on the loopback: RTSP with any time stamps, and what is sent over HTTP when it pleases."""

from __future__ import annotations

import base64
import contextlib
import io
import itertools
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2

from support.peers import Talk
from support.video import picture

RTP_HZ = 90_000
_MTU = 1200


@dataclass(frozen=True)
class Picture:
    """An encoded picture: its NAL units, and whether one can begin with it."""

    nals: tuple[bytes, ...]
    key: bool


def encode(count: int, gop: int = 10) -> list[Picture]:
    """The test video in H.264, every picture with what the decoder needs before a key frame."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = 160, 120, "yuv420p"
    context.time_base, context.framerate, context.gop_size = Fraction(1, 10), Fraction(10), gop
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "bf": "0", "x264-params": "repeat-headers=1"}
    pictures: list[Picture] = []
    for index in range(count):
        frame = av.VideoFrame.from_ndarray(picture(index), format="bgr24")
        frame.pts, frame.time_base = index, Fraction(1, 10)
        pictures.extend(_pictures(context.encode(frame)))
    return [*pictures, *_pictures(context.encode(None))]


def _pictures(packets: Iterable[av.packet.Packet[av.VideoStream]]) -> Iterator[Picture]:
    for packet in packets:
        nals = tuple(nal for nal in re.split(b"\x00\x00\x00?\x01", bytes(packet)) if nal)
        yield Picture(nals, packet.is_keyframe)


def rtsp_stamped(stamp: Callable[[float], float], fps: float = 10.0) -> Talk:
    """An RTSP camera (RTP inside of TCP) that sends at ``fps`` and stamps as ``stamp`` says of the time since it began.

    Args:
        stamp: From seconds to seconds; what RTP carries are its lowest 32 bits at 90 kHz.
        fps: Pictures a second.
    """
    pictures = encode(40)
    parameters = [nal for nal in pictures[0].nals if nal[0] & 31 in (7, 8)]
    sets = ",".join(base64.b64encode(nal).decode() for nal in parameters)
    sdp = (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
        f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\na=control:track0\r\n"
    )

    def talk(connection: socket.socket) -> None:
        gone = threading.Event()
        sender = threading.Thread(target=_send_rtp, args=(connection, pictures, stamp, fps, gone), name="rtp sender")
        text = b""
        try:
            while block := connection.recv(4096):
                text = re.sub(rb"^\$.{3}", b"", text + block, flags=re.S)
                while b"\r\n\r\n" in text:
                    request, _, text = text.partition(b"\r\n\r\n")
                    method = request.split(b" ")[0].decode("latin-1")
                    found = re.search(rb"CSeq: *(\d+)", request, re.I)
                    body = sdp if method == "DESCRIBE" else ""
                    connection.sendall(_answer("0" if found is None else found[1].decode(), method, body))
                    if method == "PLAY":
                        sender.start()
        finally:
            gone.set()
            if sender.ident is not None:
                sender.join()

    return talk


def _answer(number: str, method: str, body: str) -> bytes:
    lines = ["RTSP/1.0 200 OK", f"CSeq: {number}", "Session: 1"]
    if method == "SETUP":
        lines.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
    if body:
        lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def _send_rtp(
    connection: socket.socket,
    pictures: list[Picture],
    stamp: Callable[[float], float],
    fps: float,
    gone: threading.Event,
) -> None:
    sequence, began = itertools.count(1), time.monotonic()
    for index in itertools.count():
        if gone.wait(max(0.0, began + index / fps - time.monotonic())):
            return
        ticks = round(stamp(index / fps) * RTP_HZ) & 0xFFFFFFFF
        shown = pictures[index % len(pictures)]
        payloads = [payload for nal in shown.nals for payload in _payloads(nal)]
        for number, payload in enumerate(payloads):
            marker = 0x80 if number == len(payloads) - 1 else 0
            packet = struct.pack(">BBHII", 0x80, marker | 96, next(sequence) & 0xFFFF, ticks, 7) + payload
            with contextlib.suppress(OSError):
                connection.sendall(struct.pack(">BBH", 0x24, 0, len(packet)) + packet)


def _payloads(nal: bytes) -> Iterator[bytes]:
    """The unit as it is, or in fragments (RFC 6184, 5.8)."""
    if len(nal) <= _MTU:
        yield nal
        return
    head, body = nal[0], nal[1:]
    for begin in range(0, len(body), _MTU):
        first, last = begin == 0, begin + _MTU >= len(body)
        yield bytes([(head & 0xE0) | 28, first << 7 | last << 6 | head & 31]) + body[begin : begin + _MTU]


def over_http(kind: str, parts: Callable[[], Iterator[tuple[float, bytes]]]) -> Talk:
    """Answer any request with a body without end: each part at its time (seconds from the request on)."""

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode())
        began = time.monotonic()
        for due, part in parts():
            time.sleep(max(0.0, began + due - time.monotonic()))
            connection.sendall(part)

    return talk


def motion_jpeg(step_s: float, bursts: int = 1) -> Talk:
    """A camera that sends a JPEG every so often; ``bursts`` of them at once, so much more seldom."""

    def parts() -> Iterator[tuple[float, bytes]]:
        for index in itertools.count():
            jpeg = cv2.imencode(".jpg", picture(index))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
            yield (index // bursts) * bursts * step_s, head + jpeg + b"\r\n"

    return over_http("multipart/x-mixed-replace; boundary=frame", parts)


def raw_h264(fps: float, at_once: int = 0) -> Talk:
    """An elementary stream, which has no time stamps; so many pictures of the past at once, then in real time."""
    pictures = encode(40)

    def parts() -> Iterator[tuple[float, bytes]]:
        for index in itertools.count():
            nals = b"".join(b"\x00\x00\x00\x01" + nal for nal in pictures[index % len(pictures)].nals)
            yield max(0, index - at_once) / fps, nals

    return over_http("video/h264", parts)


def transport_stream(seconds: float, fps: int = 10) -> list[bytes]:
    """The test video in MPEG-TS, one part a picture; the first holds the tables too."""
    sink = io.BytesIO()
    parts = []
    with av.open(sink, "w", format="mpegts", options={"flush_packets": "1", "pat_period": "0.5"}) as container:
        options = {"preset": "ultrafast", "tune": "zerolatency", "bf": "0"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 160, 120, "yuv420p", fps
        for index in range(int(seconds * fps)):
            frame = av.VideoFrame.from_ndarray(picture(index), format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
            parts.append(sink.getvalue())
            sink.seek(0)
            sink.truncate()
    return parts


def transport_stream_late(parts: list[bytes], held_s: float, fps: int = 10) -> Talk:
    """MPEG-TS whose server hands its last ``held_s`` seconds at once, and then goes on in real time."""
    held = int(held_s * fps)
    return over_http("video/MP2T", lambda: ((max(0, index - held) / fps, part) for index, part in enumerate(parts)))
