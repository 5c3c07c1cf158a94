"""What alerts are searched by: the words that were said of each, in a table narrow enough to be read through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert

from service.store.tables import alert_words

_COPIED = ("opened_at", "id", "stream_id", "kind", "state", "verdict")
"""Columns of alerts that stand beside the words, so that a search needs no other table."""


def keep_words(connection: Connection, alert: Row[Any]) -> None:
    """Bring what an alert is searched by up to date, in the transaction that changed its row.

    Args:
        connection: In that transaction.
        alert: Its row, as it is now.
    """
    connection.execute(delete(alert_words).where(alert_words.c.id == alert.id))
    copied = {name: alert._mapping[name] for name in _COPIED}
    words = words_of(alert.message, alert.note, alert.stream_name, alert.objects)
    connection.execute(insert(alert_words).values(**copied, words=words))


def words_of(message: str, note: str | None, stream_name: str, objects: Iterable[Mapping[str, Any]]) -> str:
    """Everything that was said of an alert, in small letters, each line once."""
    said = [message, note, stream_name]
    for each in objects:
        said += [each.get("caption"), each.get("label")]
    return "\n".join(dict.fromkeys(line.casefold() for line in said if line))
