from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.contracts.alert import Alert, AlertEvent
from service.errors import InvalidInput
from service.sinks import DeliveryFailed, RedisSink
from service.sinks import redis as module
from service.sinks.redis import CHANNEL, STREAM
from support.alerts import make_alert
from support.peers import Peer, forwarding
from support.ports import free_port
from support.valkey import PASSWORD, Valkey, valkey

__all__ = ["valkey"]


def event(number: int) -> AlertEvent:
    return AlertEvent(id=f"a-{number}", event="updated", alert=make_alert("a"))


def test_an_event_is_in_the_stream_and_on_the_channel(valkey: Valkey) -> None:
    sink = RedisSink(SecretStr(valkey.url), maxlen=100)
    with valkey.client() as client, client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(CHANNEL)
        listener.get_message(timeout=60)
        sink.publish(event(1))
        ((_, fields),) = client.xrange(STREAM)
        message = listener.get_message(timeout=60)
    sink.close()
    assert fields.keys() == {"id", "event", "at", "alert"}
    assert (fields["id"], fields["event"]) == ("a-1", "updated")
    assert Alert.model_validate_json(fields["alert"]) == make_alert("a")
    assert message is not None
    assert AlertEvent.model_validate_json(message["data"]) == event(1)
    assert json.loads(fields["alert"]) == json.loads(message["data"])["alert"]


def test_the_stream_is_capped(valkey: Valkey) -> None:
    sink = RedisSink(SecretStr(valkey.url), maxlen=100)
    for number in range(300):
        sink.publish(event(number))
    sink.close()
    with valkey.client() as client:
        kept = client.xrange(STREAM)
    # Redis trims whole nodes of its tree, of 100 entries each by default.
    assert 100 <= len(kept) <= 200
    assert kept[-1][1]["id"] == "a-299"


def test_a_server_that_comes_back_is_used_again(valkey: Valkey) -> None:
    sink = RedisSink(SecretStr(valkey.url), maxlen=100)
    sink.publish(event(1))
    valkey.kill()
    with pytest.raises(DeliveryFailed):
        sink.publish(event(2))
    valkey.start()
    sink.publish(event(2))
    sink.close()
    with valkey.client() as client:
        assert [fields["id"] for _, fields in client.xrange(STREAM)] == ["a-1", "a-2"]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Valkey, Valkey]]:
    """Two servers without a password."""
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    with Valkey(folders[0]) as one, Valkey(folders[1]) as other:
        one.start()
        other.start()
        yield one, other


def test_a_master_that_became_a_replica_is_left_for_where_the_address_leads_now(pair: tuple[Valkey, Valkey]) -> None:
    old, new = pair
    leads_to = [old.port]

    def forward(connection: socket.socket) -> None:
        forwarding(leads_to[0])(connection)

    with Peer(forward) as address, old.client() as at_old, new.client() as at_new:
        sink = RedisSink(SecretStr(f"redis://127.0.0.1:{address.port}/0"), maxlen=100)
        sink.publish(event(1))
        at_old.replicaof("127.0.0.1", str(new.port))
        leads_to[0] = new.port
        with pytest.raises(
            DeliveryFailed,
            match=r"takes no writes, as after a failover \(You can't write against a read only replica\)\.$",
        ):
            sink.publish(event(2))
        sink.publish(event(2))
        sink.close()
        assert [fields["id"] for _, fields in at_new.xrange(STREAM)] == ["a-2"]
        assert address.connections == 2


def test_a_connection_is_not_kept_for_ever(pair: tuple[Valkey, Valkey], monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change of DNS the old server may go on taking what nobody reads."""
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    one, _ = pair
    with Peer(forwarding(one.port)) as address:
        sink = RedisSink(SecretStr(f"redis://127.0.0.1:{address.port}/0"), maxlen=100)
        for number in range(3):
            sink.publish(event(number))
        sink.close()
        assert address.connections == 3


def test_a_server_that_wants_a_password_for_a_while_is_used_again(pair: tuple[Valkey, Valkey]) -> None:
    one, _ = pair
    with one.client() as client:
        sink = RedisSink(SecretStr(one.url), maxlen=100)
        sink.publish(event(1))
        client.config_set("requirepass", PASSWORD)
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        for _ in range(2):
            with pytest.raises(DeliveryFailed, match=r"does not accept these credentials \(.*authenticat"):
                sink.publish(event(2))
        client.config_set("requirepass", "")
        sink.publish(event(2))
        sink.close()
        assert client.xlen(STREAM) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("LOADING server is loading the dataset in memory", "is loading its data"),
        ("CLUSTERDOWN The cluster is down", "says that its cluster is down"),
        ("MOVED 3999 127.0.0.1:6381", "is one node of a cluster"),
        ("OOM command not allowed when used memory > 'maxmemory'", "has no memory left"),
        ("MISCONF cannot persist", "refuses the event"),
    ],
)
def test_what_a_server_answers_for_a_while_is_put_into_words_and_left_behind(
    pair: tuple[Valkey, Valkey], answer: str, said: str
) -> None:
    one, _ = pair
    refusing = [True]

    def talk(connection: socket.socket) -> None:
        if not refusing[0]:
            forwarding(one.port)(connection)
        while connection.recv(4096):
            connection.sendall(f"-{answer}\r\n".encode() * 8)

    with Peer(talk) as address, one.client() as client:
        sink = RedisSink(SecretStr(f"redis://127.0.0.1:{address.port}/0"), maxlen=100)
        with pytest.raises(DeliveryFailed, match=rf"Redis at 127\.0\.0\.1:{address.port} {said}"):
            sink.publish(event(1))
        refusing[0] = False
        sink.publish(event(1))
        sink.close()
        assert client.xlen(STREAM) == 1


def test_neither_stream_nor_channel_when_the_server_refuses_one(valkey: Valkey) -> None:
    sink = RedisSink(SecretStr(valkey.url), maxlen=100)
    with valkey.client() as client:
        client.set(STREAM, "not a stream")
        with pytest.raises(DeliveryFailed, match="WRONGTYPE"):
            sink.publish(event(1))
        client.delete(STREAM)
        sink.publish(event(1))
        assert client.xlen(STREAM) == 1
    sink.close()


@pytest.mark.parametrize(
    "url", ["redis://:wr0ng-secret@127.0.0.1:{port}", "redis://user:wr0ng-secret@127.0.0.1:{port}"]
)
def test_a_wrong_password_is_told_of_without_it(valkey: Valkey, url: str) -> None:
    sink = RedisSink(SecretStr(url.format(port=valkey.port)), maxlen=100)
    with pytest.raises(DeliveryFailed) as caught:
        sink.publish(event(1))
    sink.close()
    assert "does not accept these credentials" in str(caught.value)
    assert "wr0ng" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_server_fails_at_once() -> None:
    sink = RedisSink(SecretStr(f"redis://:{PASSWORD}@127.0.0.1:{free_port()}"), maxlen=100)
    start = time.monotonic()
    with pytest.raises(DeliveryFailed) as caught:
        sink.publish(event(1))
    assert time.monotonic() - start < 5
    assert PASSWORD not in str(caught.value)
    sink.close()
    sink.close()


@pytest.mark.parametrize("url", ["http://:pa55@host", "redis://:pa55@host:port/0", "pa55", "redis://:pa55@[host/0"])
def test_a_url_that_cannot_be_read_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InvalidInput, match="expected a Redis URL") as caught:
        RedisSink(SecretStr(url), maxlen=100)
    assert caught.value.code == "invalid_redis_url"
    assert "pa55" not in str(caught.value)
    assert caught.value.__suppress_context__
