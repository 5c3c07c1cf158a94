"""The schema of alert events in the docs is that of what Redis and webhooks really carry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import SecretStr

from service.contracts.alert import AlertEvent, AlertState
from service.sinks.redis import CHANNEL, STREAM, RedisSink
from service.sinks.webhook import Webhook
from support.alerts import NOON, make_alert
from support.event_schema import FILE, event_schema, written
from support.valkey import Valkey, valkey
from support.webhook import WebhookServer

__all__ = ["valkey"]

SCHEMA: dict[str, Any] = json.loads(FILE.read_text())
EVENT = AlertEvent(
    id="a-2",
    at=NOON,
    event="closed",
    alert=make_alert("a", state=AlertState.CLOSED, closed_at=NOON, verdict="confirmed"),
)


def check(document: object, schema: dict[str, Any] = SCHEMA) -> None:
    jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)


def test_the_file_is_the_contract() -> None:
    assert FILE.read_text() == written(event_schema()), "python -m tests.support.event_schema writes it anew"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_what_a_webhook_gets_is_of_the_schema() -> None:
    with WebhookServer() as server:
        webhook = Webhook(SecretStr(server.url()))
        webhook.publish(EVENT)
        webhook.close()
    (document,) = server.events
    check(document)


def test_what_redis_carries_is_of_the_schema(valkey: Valkey) -> None:
    sink = RedisSink(SecretStr(valkey.url), maxlen=100)
    with valkey.client() as client, client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(CHANNEL)
        listener.get_message(timeout=60)
        sink.publish(EVENT)
        ((_, fields),) = client.xrange(STREAM)
        message = listener.get_message(timeout=60)
    sink.close()
    check(json.loads(message["data"]))
    check({**fields, "alert": json.loads(fields["alert"])})


@pytest.mark.parametrize("change", [{"event": "vanished"}, {"id": None}, {"alert": {}}])
def test_the_schema_refuses_what_is_no_event(change: dict[str, object]) -> None:
    document = json.loads(EVENT.model_dump_json())
    with pytest.raises(jsonschema.ValidationError):
        check({**document, **change})


def test_the_page_names_where_events_come() -> None:
    page = (Path(FILE).parent / "events.md").read_text()
    for name in (STREAM, CHANNEL, "Idempotency-Key", "alert-event.schema.json"):
        assert name in page
    for kind in SCHEMA["properties"]["event"]["enum"]:
        assert f"`{kind}`" in page
