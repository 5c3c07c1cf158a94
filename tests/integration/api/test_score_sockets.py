"""Scores over WebSocket, against a real server: all clients get all, and a slow one harms only itself."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from service.api import scores
from support.serving import Service, assert_problem, wait_until


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path, max_clients=60) as service:
        yield service


async def receive(client: ClientConnection, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(60):
        return [json.loads(await client.recv()) for _ in range(count)]


async def closing(client: ClientConnection) -> tuple[int | None, str | None]:
    """The code and reason with which the server closes."""
    async with asyncio.timeout(60):
        with suppress(ConnectionClosed):
            while True:
                await client.recv()
    return client.close_code, client.close_reason


def handshake_of_one_who_will_not_read(service: Service, path: str, receive_buffer: int = 4096) -> socket.socket:
    """A client that opens a WebSocket and leaves everything that comes in its small receive buffer."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.connect(("127.0.0.1", service.port))
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    return client


# ---- what comes


async def test_a_client_gets_the_newest_message_at_once_and_then_each(service: Service) -> None:
    stream = service.silent_stream()
    service.publish(stream, range(1, 6))
    async with connect(service.socket_url(f"/streams/{stream}/scores")) as client:
        assert [each["seq"] for each in await receive(client, 1)] == [5]
        service.publish(stream, range(6, 9))
        got = await receive(client, 3)
    assert [each["seq"] for each in got] == [6, 7, 8]
    assert got[0] == {**got[0], "stream_id": stream, "state": "live", "score": 0.25, "threshold": 0.5, "objects": []}


async def test_one_socket_carries_all_streams_also_those_that_come_later(service: Service) -> None:
    first = service.silent_stream()
    async with connect(service.socket_url("/scores")) as client:
        await receive(client, 1)
        second = service.add_stream("Later", enabled=False)
        service.publish(second, range(100, 101))
        service.publish(first, range(200, 201))
        seen: set[tuple[str, int]] = set()
        async with asyncio.timeout(60):
            while not {(second, 100), (first, 200)} <= seen:
                [message] = await receive(client, 1)
                seen.add((message["stream_id"], message["seq"]))


async def test_a_camera_is_followed_as_it_is_scored_and_as_it_pauses(service: Service) -> None:
    stream = service.add_stream()
    async with connect(service.socket_url(f"/streams/{stream}/scores")) as client:
        async with asyncio.timeout(60):
            while not (message := json.loads(await client.recv()))["objects"]:
                pass
        assert message["state"] == "live"
        assert message["pts"] is not None
        await asyncio.to_thread(service.http.patch, f"/streams/{stream}", json={"enabled": False})
        async with asyncio.timeout(60):
            while (message := json.loads(await client.recv()))["state"] != "paused":
                pass
    assert (message["score"], message["pts"]) == (None, None)


async def test_rest_and_socket_tell_the_same(service: Service) -> None:
    stream = service.silent_stream()
    async with connect(service.socket_url(f"/streams/{stream}/scores")) as client:
        await receive(client, 1)
        service.publish(stream, range(10, 40))
        told = await receive(client, 30)
    path = f"/streams/{stream}/scores"
    assert service.http.get(path, params={"after": 9}).json() == told
    assert service.http.get(path, params={"after": 9, "limit": 4}).json() == told[:4]
    assert service.http.get(path, params={"limit": 4}).json() == told[-4:]
    assert service.http.get(path, params={"after": 39}).json() == []


async def test_fifty_clients_all_get_every_message(service: Service) -> None:
    stream = service.silent_stream()
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(connect(service.socket_url(path)))
            for path in [f"/streams/{stream}/scores"] * 25 + ["/scores"] * 25
        ]
        for client in clients:
            await receive(client, 1)
        assert service.metric("clients", kind="websocket") == 50
        publisher = threading.Thread(target=service.publish, args=(stream, range(1000, 1200), 0.005))
        publisher.start()
        results = await asyncio.gather(*(receive(client, 200) for client in clients))
        publisher.join()
    for got in results:
        assert [each.get("seq") for each in got] == list(range(1000, 1200))
    wait_until(lambda: service.metric("clients", kind="websocket") == 0, "no clients")


# ---- slow clients


async def test_a_slow_client_is_told_what_it_lost_and_the_others_lose_nothing(service: Service) -> None:
    stream = service.silent_stream()
    path = f"/streams/{stream}/scores"
    objects = [
        {"track_id": i, "box": (0, 0, 1, 1), "label": "person", "score": 0.1, "raw_score": 0.1, "surprise": 0.6}
        for i in range(60)
    ]
    async with connect(service.socket_url(path)) as quick:
        await receive(quick, 1)
        with handshake_of_one_who_will_not_read(service, path) as slow:
            wait_until(lambda: service.metric("clients", kind="websocket") == 2, "two clients")
            waits = []
            for seq in range(1000, 1400):  # 2 MB, far more than the buffers between the two hold
                service.publish(stream, range(seq, seq + 1), objects=objects)
                began = time.monotonic()
                assert (await receive(quick, 1))[0].get("seq") == seq
                waits.append(time.monotonic() - began)
            slow.settimeout(60)
            read = b""
            while b'{"dropped":' not in read:
                read += slow.recv(1 << 20)
    assert sorted(waits)[len(waits) // 2] < 1
    lost = int(read.split(b'{"dropped":')[1].split(b"}")[0])
    assert 100 < lost < 400
    assert service.metric("client_dropped_total", kind="websocket") == lost


async def test_a_client_that_never_reads_is_let_go(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "SEND_TIMEOUT_S", 0.5)
    stream = service.silent_stream()
    path = f"/streams/{stream}/scores"
    heads = {f"head{i:04}": 0.5 for i in range(1000)}
    with handshake_of_one_who_will_not_read(service, path):
        wait_until(lambda: service.metric("clients", kind="websocket") == 1, "a client")
        service.publish(stream, range(1, 200), 0.01, heads=heads)
        wait_until(lambda: service.metric("clients", kind="websocket") == 0, "no client")


async def test_a_client_that_answers_no_ping_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.transport.PING_INTERVAL_S", 0.2)
    monkeypatch.setattr("service.api.transport.PING_TIMEOUT_S", 0.2)
    with Service(tmp_path) as service:
        stream = service.silent_stream()
        with handshake_of_one_who_will_not_read(service, f"/streams/{stream}/scores", 65_536) as client:
            client.settimeout(60)
            read = b""
            while chunk := client.recv(65_536):
                read += chunk
        assert b"keepalive ping timeout" in read
        wait_until(lambda: service.metric("clients", kind="websocket") == 0, "no client")


async def test_clients_that_do_not_read_cost_a_bounded_amount_of_memory(service: Service) -> None:
    stream = service.silent_stream()
    heads = {f"head{i:04}": 0.5 for i in range(1000)}  # 16 kB a message
    stuck = [handshake_of_one_who_will_not_read(service, f"/streams/{stream}/scores") for _ in range(40)]
    wait_until(lambda: service.metric("clients", kind="websocket") == 40, "40 clients")
    service.publish(stream, range(1, 1000), 0.001, heads=heads)  # fills the history: 16 MB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    service.publish(stream, range(1000, 4000), 0.0005, heads=heads)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    for client in stuck:
        client.close()
    # 3000 messages of 16 kB for 40 clients would be 1.9 GB, and 64 for each a fresh copy 41 MB.
    assert grown < 20_000


# ---- ends


async def test_deleting_a_stream_closes_its_sockets_and_no_others(service: Service) -> None:
    stream, other = service.silent_stream(), service.add_stream("Other", enabled=False)
    async with (
        connect(service.socket_url(f"/streams/{stream}/scores")) as client,
        connect(service.socket_url(f"/streams/{other}/scores")) as bystander,
        connect(service.socket_url("/scores")) as of_all,
    ):
        for each in (client, bystander, of_all):
            await receive(each, 1)
        response = await asyncio.to_thread(service.http.delete, f"/streams/{stream}")
        assert response.status_code == 204
        assert await closing(client) == (4410, "stream_deleted")
        service.publish(other, range(500, 501))
        assert [each["seq"] for each in await receive(bystander, 1)] == [500]
        while (await receive(of_all, 1))[0]["seq"] != 500:
            pass


async def test_a_stream_that_does_not_exist_closes_with_a_code(service: Service) -> None:
    async with connect(service.socket_url("/streams/nobody/scores")) as client:
        assert await closing(client) == (4404, "stream_not_found")
    assert service.application.feed.history("nobody", None, 1) == []


async def test_more_clients_than_allowed_are_sent_away_and_room_comes_back(service: Service) -> None:
    stream = service.silent_stream()
    url = service.socket_url(f"/streams/{stream}/scores")
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connect(url)) for _ in range(60)]
        for client in clients:
            await receive(client, 1)
        async with connect(url) as one_too_many:
            code, reason = await closing(one_too_many)
        assert code == 1013
        assert "too many" in str(reason)
        assert_problem(service.http.get(f"/streams/{stream}/live.mjpg"), 503, "too_many_clients")
        assert service.http.get("/healthz").status_code == 200
    wait_until(lambda: service.metric("clients", kind="websocket") == 0, "no clients")
    async with connect(url) as client:
        await receive(client, 1)


async def test_sockets_are_told_when_the_service_stops(service: Service) -> None:
    stream = service.silent_stream()
    async with connect(service.socket_url(f"/streams/{stream}/scores")) as client:
        await receive(client, 1)
        await asyncio.to_thread(service.stop)
        assert (await closing(client))[0] == 1012


async def test_what_clients_say_is_ignored_and_bounded(service: Service) -> None:
    stream = service.silent_stream()
    async with connect(service.socket_url(f"/streams/{stream}/scores")) as client:
        await receive(client, 1)
        for _ in range(20):
            await client.send("anything")
            await client.send(b"at all")
        service.publish(stream, range(50, 51))
        assert [each["seq"] for each in await receive(client, 1)] == [50]
        await client.send("x" * 100_000)
        assert (await closing(client))[0] == 1009


# ---- who may


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://127.0.0.1:{port}", True),
        ("http://evil.example", False),
        ("http://127.0.0.1:1", False),
        ("http://localhost:{port}", False),  # not the host that was asked for
        ("null", False),
        ("file://", False),
    ],
)
async def test_a_page_from_elsewhere_cannot_open_the_feed(service: Service, origin: str | None, allowed: bool) -> None:
    stream = service.silent_stream()
    headers = {} if origin is None else {"Origin": origin.format(port=service.port)}
    for path in ("/scores", f"/streams/{stream}/scores"):
        if allowed:
            async with connect(service.socket_url(path), additional_headers=headers) as client:
                await receive(client, 1)
            continue
        with pytest.raises(InvalidStatus) as caught:
            await connect(service.socket_url(path), additional_headers=headers)
        assert caught.value.response.status_code == 403
        assert json.loads(caught.value.response.body or b"")["code"] == "cross_origin"


async def test_a_rebound_name_is_refused(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connect(f"ws://evil.example:{service.port}/scores", host="127.0.0.1", port=service.port)
    assert caught.value.response.status_code == 421
    assert json.loads(caught.value.response.body or b"")["code"] == "unknown_host"
    assert "ERROR" not in caplog.text


async def test_an_unknown_socket_path_is_refused(service: Service) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connect(service.socket_url("/nothing"))
    assert caught.value.response.status_code in (403, 404)
