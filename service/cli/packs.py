"""``watchword packs``: what there is to score and detect with."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from service.cli.console import console, fail_clearly

if TYPE_CHECKING:
    from models.packs import Pack, PackEntry, PackLibrary
    from service.engine.pack_check import Trial
    from service.settings import Settings

packs_app = typer.Typer(
    no_args_is_help=True,
    help="Packs: heads that score, detectors that find, encoders of words, networks of poses and looks; each a folder "
    "of hashed files.",
)


@fail_clearly
def list_packs() -> None:
    """List every pack, the broken ones with what is wrong with them.

    Built-in packs come first in line: no other can take their names. The rest lie in WATCHWORD_PACKS_DIR, or in
    packs/ under WATCHWORD_DATA_DIR.
    """
    table = Table("name", "kind", "version", "licence", "what it is", box=None, header_style="bold")
    for entry in _library().list():
        if entry.pack is None:
            table.add_row(escape(entry.name), "[red]broken[/red]", "", "", f"[red]{escape(entry.error or '')}[/red]")
            continue
        manifest = entry.pack.manifest
        table.add_row(
            *map(escape, (entry.name, manifest.kind, manifest.version, manifest.licence, manifest.description))
        )
    console.print(table)


@fail_clearly
def show(name: Annotated[str, typer.Argument(help="A pack's name.")]) -> None:
    """Show what a pack says of itself.

    [dim]watchword packs show motion[/dim]
    """
    pack = _library().get(name)
    table = Table(box=None, show_header=False)
    facts = pack.manifest.model_dump(mode="json", exclude_none=True, exclude={"format"})
    for key, value in {"folder": str(pack.path), "hash": pack.hash, **facts}.items():
        table.add_row(f"[bold]{escape(key)}[/bold]", escape(_words(value)))
    console.print(table)


@fail_clearly
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Packs' names, or folders; all packs if none.")] = None,
) -> None:
    """Check packs: manifest, sizes, hashes, arrays, and that graphs load and run.

    Exits with 1 if any is broken.

    [dim]watchword packs verify
    watchword packs verify yolox-nano ./packs/mine[/dim]
    """
    broken = 0
    for entry in _entries(names):
        problem = entry.error if entry.pack is None else _try(entry.pack).problem
        broken += problem is not None
        said = "[green]ok[/green]" if problem is None else f"[red]{escape(problem)}[/red]"
        console.print(f"{escape(entry.name)}: {said}", soft_wrap=True)
    if broken:
        raise typer.Exit(1)


@fail_clearly
def remove(
    name: Annotated[str, typer.Argument(help="A pack's name.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Delete it even if a stream uses it.")] = False,
) -> None:
    """Delete a pack and its files. Built-in packs stay, and those that a registered stream uses."""
    from models.packs import BUILT_IN, PackError

    entry = next((entry for entry in _library().list() if entry.name == name), None)
    if entry is None:
        _library().get(name)  # says which names there are
        return
    if entry.path.parent == BUILT_IN:
        code, message = "built_in", f"Pack {name!r} is built in and cannot be removed."
        raise PackError(code, message)
    users = [] if force else _users(name)
    if users:
        code, message = (
            "in_use",
            f"Pack {name!r} is used by {', '.join(users)}. Change that first, or add --force.",
        )
        raise PackError(code, message)
    if not yes:
        typer.confirm(f"Delete {entry.path} and all in it?", abort=True)
    shutil.rmtree(entry.path)
    console.print(f"{escape(name)}: deleted")


def _users(name: str) -> list[str]:
    """The streams that use a pack, itself or as the encoder of a head, and the settings that name it."""
    from models.packs import HeadManifest
    from service.store.opening import open_database
    from service.store.streams import StreamStore

    settings = _settings()
    roles = {"ENCODER": settings.encoder, "POSE": settings.pose, "APPEARANCE": settings.appearance}
    users = [f"WATCHWORD_{role}" for role, used in roles.items() if used == name]
    if settings.database_url is None and not (settings.data_dir / "watchword.db").is_file():
        return users  # nothing was ever registered here
    needing = {name}
    for entry in _library().list():
        if entry.pack is not None and isinstance(entry.pack.manifest, HeadManifest):
            needing |= {entry.name} if entry.pack.manifest.encoder == name else set()
    database = open_database(settings.database)
    try:
        specs = [record.spec for record in StreamStore(database).list()]
    finally:
        database.close()
    using = [spec for spec in specs if needing & {spec.detector, spec.encoder, spec.pose, spec.appearance, *spec.packs}]
    return users + [f"stream {spec.name!r}" for spec in using]


def _try(pack: Pack) -> Trial:
    from service.engine.pack_check import try_pack

    return try_pack(pack, threads=1)


def _settings() -> Settings:
    from service.settings import Settings

    return Settings()


def _library() -> PackLibrary:
    from models.packs import PackLibrary

    return PackLibrary([_settings().packs_path])


def _entries(names: list[str] | None) -> list[PackEntry]:
    """The packs to verify; a name that nobody has is an entry with an error."""
    from models.packs import Pack, PackEntry, PackError

    library = _library()
    known = {entry.name: entry for entry in library.list()}
    if not names:
        return list(known.values())
    entries = []
    for name in names:
        if name in known:
            entries.append(known[name])
            continue
        try:
            pack = Pack.load(Path(name)) if Path(name).is_dir() else library.get(name)
            entries.append(PackEntry(name, pack.path, pack))
        except PackError as error:
            entries.append(PackEntry(name, Path(name), error=error.message, code=error.code))
    return entries


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_words(each)}" for key, each in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(_words, value)) or "none"
    return str(value)
