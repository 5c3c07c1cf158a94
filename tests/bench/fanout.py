"""How many score messages a second reach WebSocket clients, with one client that does not read.

    python -m tests.bench.fanout [--clients 50] [--seconds 3] [--rates 500,1000,2000,3000]

The server runs in this process with the application as it is, but for cameras: a thread publishes messages to the
feed at each rate. The clients run in a second process and count frames without parsing them, so that on two cores the
server has one for itself.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import multiprocessing
import os
import resource
import socket
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from service.api.app import create_app
from service.api.transport import ApiServer, tune
from service.application import Application
from service.contracts.score import ScoredObject, ScoreMessage
from service.contracts.stream import StreamState
from service.settings import Settings


class Counting(asyncio.Protocol):
    """A WebSocket client that counts messages and reads nothing else of them."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.messages = 0
        self.dropped = 0
        self._rest = b""
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /scores HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if not self._open:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data
                return
            assert data.startswith(b"HTTP/1.1 101"), data[:200]
            data, self._open = data[end + 4 :], True
        start = 0
        while len(data) - start >= 4:
            length = data[start + 1]
            head = 2
            if length == 126:
                length, head = int.from_bytes(data[start + 2 : start + 4], "big"), 4
            if len(data) - start < head + length:
                break
            payload = start + head
            if data.startswith(b'{"dropped":', payload):
                self.dropped += int(data[payload + 11 : payload + length - 1])
            elif data[start] == 0x81:  # a text frame; others are pings
                self.messages += 1
            start += head + length
        self._rest = data[start:]


async def run_clients(port: int, clients: int, pipe: Connection) -> None:
    """Connect, and on each request say what has arrived since the last."""
    loop = asyncio.get_running_loop()
    protocols = []
    for _ in range(clients):
        _, protocol = await loop.create_connection(lambda: Counting(port), "127.0.0.1", port)
        protocols.append(protocol)
    pipe.send("connected")
    while await loop.run_in_executor(None, pipe.recv) == "count":
        pipe.send([(protocol.messages, protocol.dropped) for protocol in protocols])
        for protocol in protocols:
            protocol.messages = protocol.dropped = 0


def client_process(port: int, clients: int, pipe: Connection) -> None:
    """The second process."""
    asyncio.run(run_clients(port, clients, pipe))


def stalled_client(port: int) -> socket.socket:
    """A client that completes the handshake and never reads again."""
    client = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        f"GET /scores HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    return client


def message(seq: int) -> ScoreMessage:
    """A message as a live stream makes it, with one object: 460 bytes."""
    seen = ScoredObject(
        track_id=7,
        box=(0.4125, 0.331, 0.0625, 0.1719),
        label="motion",
        score=0.2137,
        raw_score=0.2137,
        surprise=1.2821,
        terms={"speed": 1.28, "size": 0.41, "appearance": 0.77},
    )
    return ScoreMessage(
        stream_id="c2f0a1d49b7e",
        seq=seq,
        pts=seq / 10,
        captured_at=time.time(),
        latency_ms=31.52,
        state=StreamState.LIVE,
        score=0.2137,
        raw_score=0.2137,
        surprise=1.2821,
        guided=False,
        threshold=0.6214,
        heads={"attributes": 0.2137},
        objects=[seen],
    )


def publish(application: Application, rate: float, seconds: float, first: int) -> int:
    """Publish evenly, in steps of a millisecond or more; returns how many."""
    start, sent, total = time.monotonic(), 0, round(rate * seconds)
    while sent < total:
        due = min(total, int((time.monotonic() - start) * rate) + 1)
        while sent < due:
            application.feed.publish(message(first + sent))
            sent += 1
        time.sleep(0.001)
    return sent


def measure(application: Application, pipe: Connection, clients: int, rates: list[float], seconds: float) -> None:
    """Print one row per rate."""
    print(f"{'published/s':>12} {'deliveries/s':>13} {'lost':>7} {'slowest client':>15} {'per CPU second':>15}")
    first = 0
    for rate in rates:
        cpu, start = time.process_time(), time.monotonic()
        sent = publish(application, rate, seconds, first)
        first += sent
        took, cpu = time.monotonic() - start, time.process_time() - cpu
        time.sleep(0.5)
        pipe.send("count")
        counts = pipe.recv()
        got, lost = sum(each for each, _ in counts), sum(each for _, each in counts)
        slowest, per_cpu = min(each for each, _ in counts) / sent, got / cpu
        print(
            f"{sent / took:12,.0f} {got / took:13,.0f} {lost / (sent * clients):7.1%} {slowest:15.1%} {per_cpu:15,.0f}"
        )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rates", default="500,1000,2000,3000,4000")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(host="127.0.0.1", port=0, data_dir=Path(folder), media_dir=Path(folder))
        application = Application(settings)
        listener = socket.create_server(("127.0.0.1", 0))
        tune(listener)
        port = listener.getsockname()[1]
        server = ApiServer(create_app(application))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=client_process, args=(port, arguments.clients, there)
        )
        process.start()
        there.close()  # so that the end of the process is the end of the pipe
        here.recv()
        stalled = stalled_client(port)
        connected = application.metrics.clients.labels("websocket")._value
        while connected.get() <= arguments.clients:
            time.sleep(0.01)
        rates = [float(rate) for rate in arguments.rates.split(",")]
        size = len(message(1000).model_dump_json())
        print(f"{arguments.clients} clients and one that does not read, messages of {size} bytes")
        measure(application, here, arguments.clients, rates, arguments.seconds)
        print(f"peak memory of the server: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
        here.send("stop")
        process.join()
        stalled.close()
        server.should_exit = True
        thread.join()
        application.close()


if __name__ == "__main__":
    main()
