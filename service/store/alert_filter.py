"""Which alerts are wanted: what every list, count and calendar of them can be asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Integer, Table, literal, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from service.contracts.alert import AlertKind, AlertState, Verdict
from service.store.tables import alert_words, alerts


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """What alerts must have. What is empty or None is not asked.

    Attributes:
        streams: Ids of streams, which may be deleted by now: of any of them.
        kinds: Of any of these kinds.
        verdicts: With any of these verdicts; ``none`` is without one.
        state: Open or closed.
        since: Opened at or after this moment, which must have a zone.
        until: Opened before this moment, which must have a zone.
        text: Words that must all occur, in any case and any order, in what was said of the alert: its message, note,
            stream's name, and its objects' captions and labels. A part of a word counts.
    """

    streams: Collection[str] = ()
    kinds: Collection[AlertKind] = ()
    verdicts: Collection[Verdict | Literal["none"]] = ()
    state: AlertState | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None

    @property
    def _needles(self) -> list[str]:
        """The words to look for, as they are kept; one that is part of another needs no looking for."""
        words = sorted(set((self.text or "").casefold().split()), key=len, reverse=True)
        return [word for index, word in enumerate(words) if not any(word in other for other in words[:index])]

    @property
    def table(self) -> Table:
        """The table to look in: both have the columns that are asked for, the narrow one has the words too."""
        return alert_words if self._needles else alerts

    def conditions(self) -> list[ColumnElement[bool]]:
        """What rows of ``table`` must fulfil."""
        columns = self.table.c
        wanted: list[ColumnElement[bool]] = []
        if self.streams:
            wanted.append(columns.stream_id.in_(sorted(self.streams)))
        if self.kinds:
            wanted.append(columns.kind.in_(sorted(kind.value for kind in self.kinds)))
        if self.verdicts:
            given = sorted(verdict for verdict in self.verdicts if verdict != "none")
            without = [columns.verdict.is_(None)] if "none" in self.verdicts else []
            wanted.append(or_(*without, *([columns.verdict.in_(given)] if given else [])))
        if self.state is not None:
            wanted.append(columns.state == self.state.value)
        if self.since is not None:
            wanted.append(columns.opened_at >= self.since)
        if self.until is not None:
            wanted.append(columns.opened_at < self.until)
        return wanted + [_Place(columns.words, literal(needle)) > 0 for needle in self._needles]


class _Place(FunctionElement[int]):
    """Where in a text another begins, from 1; 0 if it is not in it. Letters are taken as they are, % and _ too."""

    type = Integer()
    inherit_cache = True


@compiles(_Place, "sqlite")
def _instr(element: _Place, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(_Place, "postgresql")
def _strpos(element: _Place, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"
