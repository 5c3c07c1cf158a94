"""The command line, assembled from what the installed distributions name in the entry-point group below.

An entry point such as ``serve`` names a function, which becomes a command, or a Typer app, which becomes a group of
commands. A dotted one, such as ``packs.build``, becomes a command of the group ``packs``. So no package imports those
above it, and another distribution adds commands by naming them. The modules that are named import little at their top:
all of them are loaded whenever any command runs.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from rich.markup import escape
from typer.main import get_command, get_group

from service.cli.console import errors

GROUP = "watchword.commands"

ORDER = (
    "demo",
    "serve",
    "watch",
    "enrol",
    "evaluate",
    "doctor",
    "packs",
    "packs.pull",
    "packs.list",
    "packs.show",
    "packs.verify",
    "packs.build",
    "packs.remove",
    "simulate",
    "train",
    "export",
    "export.encoder",
    "export.detector",
    "export.head",
    "export.pose",
    "export.appearance",
    "export.variants",
    "study",
)
"""As ``--help`` lists them: installed metadata keep no order. What is not named here follows by name."""

_OURS = "watchword"


class CommandError(ValueError):
    """An entry point that can be no command; the message says why."""


@dataclass(frozen=True, slots=True)
class _Group:
    """A group of commands, and the names that are taken in it."""

    app: typer.Typer
    names: set[str]


def assemble(found: Iterable[EntryPoint] | None = None) -> typer.Typer:
    """The app ``watchword``, made anew.

    A command that does not load, or whose name is taken, is left out with a line on stderr; the others run.

    Args:
        found: Entry points to take instead of those that are installed.

    Raises:
        CommandError: If nothing is found at all, not even the commands of this distribution.
    """
    points = sorted(entry_points(group=GROUP) if found is None else found, key=_place)
    if not points:  # a checkout that was never installed, or was installed before it had entry points
        msg = "expected commands of an installed Watchword, found none: pip install --editable ."
        raise CommandError(msg)
    app = typer.Typer(
        name="watchword",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_show_locals=False,
        help="Real-time video anomaly detection that learns each camera's normal. "
        "Begin with [bold]watchword demo[/bold].",
    )
    groups = {"": _Group(app, set())}
    for point in points:
        try:
            _add(point, groups)
        except (Exception, SystemExit) as error:  # foreign code fails in any way, and must not cost the others
            why = str(error) if isinstance(error, CommandError) else f"{type(error).__name__}: {error}"
            said = f"the command {point.name} of {_owner(point) or 'no distribution'} is left out: {why}"
            errors.print("[yellow]note:[/yellow]", escape(said), soft_wrap=True)
    return app


def _place(point: EntryPoint) -> tuple[bool, int, int, str]:
    """Where it comes: ours before others', so that none of them takes our names; groups before what is in them."""
    place = ORDER.index(point.name) if point.name in ORDER else len(ORDER)
    return _owner(point) != _OURS, point.name.count("."), place, point.name


def _owner(point: EntryPoint) -> str | None:
    return None if point.dist is None else point.dist.name


def _add(point: EntryPoint, groups: dict[str, _Group]) -> None:
    parent, _, name = point.name.rpartition(".")
    if parent not in groups:
        msg = f"expected a group {parent} among the commands, found none"
        raise CommandError(msg)
    group = groups[parent]
    if name in group.names:
        msg = "expected a name that is free, got one that is taken"
        raise CommandError(msg)
    command: Any = point.load()
    if isinstance(command, typer.Typer):
        own = _copy(command)
        groups[point.name] = _Group(own, set(get_group(own).commands))
        group.app.add_typer(own, name=name)
    elif callable(command):
        _try(command)
        group.app.command(name)(command)
    else:
        msg = f"expected a function or a Typer app in {point.value}, got a value of {type(command).__name__}"
        raise CommandError(msg)
    group.names.add(name)


def _copy(group: typer.Typer) -> typer.Typer:
    """A group to add commands to: the module that it comes from keeps its own as it is."""
    copied = copy.copy(group)
    copied.registered_commands = list(group.registered_commands)
    copied.registered_groups = list(group.registered_groups)
    return copied


def _try(command: Any) -> None:
    """Read a function's parameters now: Typer would do so only for the whole app at once, and fail for all."""
    alone = typer.Typer()
    alone.command()(command)
    get_command(alone)
