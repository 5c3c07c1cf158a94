"""The registered streams; apart from them their secret URLs, and the enrolments that a restart must take up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic import SecretStr
from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from service.contracts.enrolment import EnrolmentSpec
from service.contracts.stream import KEPT, StreamSpec
from service.errors import STREAM_NOT_FOUND, NotFound
from service.store.audit import prune_orphans
from service.store.database import Database
from service.store.tables import pending_enrolments, secrets, streams


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """A registered stream as it is stored. ``spec.url`` carries no credentials."""

    id: str
    spec: StreamSpec
    has_credentials: bool
    created_at: datetime
    updated_at: datetime


class StreamStore:
    """Creates, finds, changes and deletes streams; each call is one transaction. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, spec: StreamSpec, secret_url: SecretStr | None) -> StreamRecord:
        """Register a stream under a new id.

        Args:
            spec: With the credentials already taken out of its URL.
            secret_url: The URL with its credentials, or None if it has none.

        Raises:
            ValueError: If the spec's URL still carries credentials.
        """
        _check_url(spec)
        stream_id = uuid4().hex[:12]
        now = datetime.now(UTC)
        with self._database.transaction() as connection:
            connection.execute(
                insert(streams).values(id=stream_id, spec=spec.model_dump(mode="json"), created_at=now, updated_at=now)
            )
            _set_secret(connection, stream_id, secret_url)
        return StreamRecord(stream_id, spec, secret_url is not None, now, now)

    def get(self, stream_id: str) -> StreamRecord:
        """One stream.

        Raises:
            NotFound: ``stream_not_found``.
        """
        with self._database.reading() as connection:
            return _get(connection, stream_id)

    def list(self) -> list[StreamRecord]:
        """All streams, in the order in which they were registered."""
        with self._database.reading() as connection:
            rows = connection.execute(_select().order_by(streams.c.created_at, streams.c.id)).all()
        return [_record(row) for row in rows]

    def update(self, stream_id: str, spec: StreamSpec, secret_url: SecretStr | None) -> StreamRecord:
        """Replace a stream's settings and its secret URL.

        Raises:
            NotFound: ``stream_not_found``.
            ValueError: If the spec's URL still carries credentials.
        """
        _check_url(spec)
        change = update(streams).where(streams.c.id == stream_id)
        with self._database.transaction() as connection:
            record = _get(connection, stream_id)
            now = max(datetime.now(UTC), record.updated_at)
            connection.execute(change.values(spec=spec.model_dump(mode="json"), updated_at=now))
            _set_secret(connection, stream_id, secret_url)
        return StreamRecord(stream_id, spec, secret_url is not None, record.created_at, now)

    def delete(self, stream_id: str) -> bool:
        """Delete a stream with its secret, pending enrolment and rules; False if there was none.

        Its alerts stay, and so do the edits of its rules, among the newest of those of deleted streams.
        """
        with self._database.transaction() as connection:
            deleted = connection.execute(delete(streams).where(streams.c.id == stream_id)).rowcount > 0
            if deleted:
                prune_orphans(connection)
        return deleted

    def secret_url(self, stream_id: str) -> SecretStr | None:
        """A stream's URL with its credentials, or None if it has none."""
        with self._database.reading() as connection:
            found = connection.execute(select(secrets.c.url).where(secrets.c.stream_id == stream_id)).scalar()
        return None if found is None else SecretStr(found)

    def pending(self, stream_id: str) -> EnrolmentSpec | None:
        """The enrolment that a stream has begun and not ended."""
        query = select(pending_enrolments.c.spec).where(pending_enrolments.c.stream_id == stream_id)
        with self._database.reading() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else EnrolmentSpec.model_validate(found)

    def set_pending(self, stream_id: str, spec: EnrolmentSpec | None) -> None:
        """Note that a stream has begun an enrolment, or with None that it has ended.

        Does nothing for a stream that is gone: its enrolment may end after it.
        """
        with self._database.transaction() as connection:
            connection.execute(delete(pending_enrolments).where(pending_enrolments.c.stream_id == stream_id))
            known = connection.execute(select(streams.c.id).where(streams.c.id == stream_id)).first()
            if spec is not None and known is not None:
                stored = spec.model_dump(mode="json")
                connection.execute(insert(pending_enrolments).values(stream_id=stream_id, spec=stored))


def _check_url(spec: StreamSpec) -> None:
    if "@" in urlsplit(spec.url).netloc:
        msg = "expected a stream URL whose credentials were split off, got one that carries some"
        raise ValueError(msg)


def _set_secret(connection: Connection, stream_id: str, secret_url: SecretStr | None) -> None:
    connection.execute(delete(secrets).where(secrets.c.stream_id == stream_id))
    if secret_url is not None:
        connection.execute(insert(secrets).values(stream_id=stream_id, url=secret_url.get_secret_value()))


def _get(connection: Connection, stream_id: str) -> StreamRecord:
    row = connection.execute(_select().where(streams.c.id == stream_id)).first()
    if row is None:
        msg = f"There is no stream {stream_id[:40]!r}."
        raise NotFound(STREAM_NOT_FOUND, msg, stream_id=stream_id[:40])
    return _record(row)


def _select() -> Select[Any]:
    has_credentials = secrets.c.stream_id.is_not(None).label("has_credentials")
    return select(streams, has_credentials).select_from(streams.outerjoin(secrets))


def _record(row: Row[Any]) -> StreamRecord:
    found = row._mapping
    spec = StreamSpec.model_validate(found["spec"], context=KEPT)
    return StreamRecord(found["id"], spec, bool(found["has_credentials"]), found["created_at"], found["updated_at"])
