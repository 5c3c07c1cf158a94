from __future__ import annotations

import json
import time

import pytest
from pydantic import SecretStr

from service.contracts.alert import Alert, AlertEvent
from service.errors import InvalidInput
from service.sinks import DeliveryFailed, RedisSink
from service.sinks.redis import CHANNEL, STREAM
from support.alerts import make_alert
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
    assert fields.keys() == {"id", "event", "alert"}
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
    assert "Authentication" in str(caught.value)
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
