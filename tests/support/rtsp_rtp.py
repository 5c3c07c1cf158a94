"""A small RTSP server for what the packaged one cannot: UDP, other codecs, lost packets. FFmpeg packs the RTP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av

from support.peers import Talk

_SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\nc=IN IP4 127.0.0.1\r\n"
    "a=rtpmap:96 {codec}/90000\r\na=control:track0\r\n"
)


def sending_rtp(video: Path, lose: Callable[[int], bool] = lambda _: False, codec: str = "H264") -> Talk:
    """Serve one file (without B-frames) over RTSP in real time, over and over.

    RTP goes over UDP or within the connection, as the client wants it. Of its packets, numbered from 0, those are lost
    that `lose` says.
    """

    def talk(connection: socket.socket) -> None:
        gone = threading.Event()
        outgoing = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender: threading.Thread | None = None
        send: Callable[[bytes], object] = connection.sendall
        text = b""
        try:
            while block := connection.recv(4096):
                text += block
                while b"\r\n\r\n" in text:
                    request, _, text = text.partition(b"\r\n\r\n")
                    lines = request.decode("latin-1").split("\r\n")
                    method = lines[0].split(" ")[0]
                    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines[1:])}
                    extra, body = "", ""
                    if method == "DESCRIBE":
                        body = _SDP.format(codec=codec)
                        extra = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
                    elif method == "SETUP":
                        extra = f"Transport: {headers['transport']};server_port=0-0\r\n"
                        if "client_port=" in headers["transport"]:
                            port = int(headers["transport"].partition("client_port=")[2].partition("-")[0])
                            send = partial(_send_to, outgoing, port)
                        else:
                            send = partial(_send_within, connection)
                    elif method == "PLAY":
                        sender = threading.Thread(target=_relay, args=(video, send, lose, gone), name="rtp sender")
                        sender.start()
                    answer = f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\nSession: 1\r\n{extra}\r\n{body}"
                    connection.sendall(answer.encode())
        finally:
            gone.set()
            if sender is not None:
                sender.join()
            outgoing.close()

    return talk


def _relay(video: Path, send: Callable[[bytes], object], lose: Callable[[int], bool], gone: threading.Event) -> None:
    """Have FFmpeg pack the RTP, and pass it on, or not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as incoming:
        incoming.bind(("127.0.0.1", 0))
        incoming.settimeout(0.1)
        packer = threading.Thread(target=_send, args=(video, incoming.getsockname()[1], gone), name="rtp packer")
        packer.start()
        number = 0
        try:
            while not gone.is_set():
                try:
                    packet = incoming.recv(65536)
                except TimeoutError:
                    continue
                if not lose(number):
                    send(packet)
                number += 1
        except OSError:
            pass  # the client has gone
        finally:
            gone.set()
            packer.join()


def _send_to(outgoing: socket.socket, port: int, packet: bytes) -> None:
    outgoing.sendto(packet, ("127.0.0.1", port))


def _send_within(connection: socket.socket, packet: bytes) -> None:
    connection.sendall(b"$\x00" + len(packet).to_bytes(2, "big") + packet)


def _send(video: Path, port: int, gone: threading.Event) -> None:
    with av.open(f"rtp://127.0.0.1:{port}", "w", format="rtp", options={"payload_type": "96"}) as target:
        with av.open(str(video)) as source:
            stream = source.streams.video[0]
            out = target.add_stream_from_template(stream)
            packets = [packet for packet in source.demux(stream) if packet.size]
            length = sum(packet.duration or 0 for packet in packets)
            time_base = stream.time_base
        assert time_base is not None
        began, rounds = time.monotonic(), 0
        while not gone.is_set():
            for packet in packets:
                assert packet.pts is not None
                due = float((packet.pts + rounds * length) * time_base)
                if gone.wait(max(0.0, began + due - time.monotonic())):
                    return
                copy = av.Packet(bytes(packet))
                copy.stream, copy.time_base, copy.is_keyframe = out, time_base, packet.is_keyframe
                copy.pts = copy.dts = packet.pts + rounds * length
                target.mux(copy)
            rounds += 1
