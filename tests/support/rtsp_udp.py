"""A small RTSP server that sends over UDP, for what the packaged one cannot: FFmpeg itself packs the RTP."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import av

from support.peers import Talk

_SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\nc=IN IP4 127.0.0.1\r\n"
    "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track0\r\n"
)


def sending_over_udp(video: Path) -> Talk:
    """Serve one H.264 file (without B-frames) over RTSP with RTP over UDP, in real time, over and over."""

    def talk(connection: socket.socket) -> None:
        gone = threading.Event()
        sender: threading.Thread | None = None
        port = 0
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
                        body = _SDP
                        extra = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
                    elif method == "SETUP":
                        port = int(headers["transport"].partition("client_port=")[2].partition("-")[0])
                        extra = f"Transport: {headers['transport']};server_port=0-0\r\n"
                    elif method == "PLAY":
                        sender = threading.Thread(target=_send, args=(video, port, gone), name="rtp sender")
                        sender.start()
                    answer = f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\nSession: 1\r\n{extra}\r\n{body}"
                    connection.sendall(answer.encode())
        finally:
            gone.set()
            if sender is not None:
                sender.join()

    return talk


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
