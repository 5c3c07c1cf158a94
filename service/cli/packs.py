"""``watchword packs``: what there is to score and detect with, and making packs of graphs and official weights."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from service.cli.console import console, errors, fail_clearly

if TYPE_CHECKING:
    from models.pack import Pack, PackEntry, PackLibrary
    from service.engine.detectors import Options
    from service.engine.detectors.tiles import Tiles
    from service.engine.pack_check import Trial
    from service.settings import Settings

packs_app = typer.Typer(
    no_args_is_help=True,
    help="Packs: heads that score, detectors that find, encoders of words; each a folder of hashed files.",
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
def build(
    name: Annotated[str, typer.Argument(help="The new pack's name: lower-case letters, digits, dot, dash.")],
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A detector as an .onnx file; or official weights from elsewhere.", exists=True, dir_okay=False
        ),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="Of the weights, as an SPDX name: Apache-2.0, AGPL-3.0-only, ...")
    ] = None,
    provenance: Annotated[str | None, typer.Option(help="Where the weights come from.")] = None,
    description: Annotated[str, typer.Option(help="What it finds.")] = "",
    version: Annotated[str, typer.Option(help="Of the pack.")] = "1",
    classes: Annotated[
        Path | None, typer.Option(help="File of class names, one a line; else the graph's own, or COCO's.", exists=True)
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(min=0.01, max=0.99, help="Detections below it are left out. Default 0.25.")
    ] = None,
    overlap: Annotated[
        float | None,
        typer.Option(min=0.01, max=0.99, help="Boxes of one class that overlap more are one. Default 0.5."),
    ] = None,
    tiles: Annotated[
        str, typer.Option(help="Columns x rows that a picture is looked at in, such as 2x1; auto fills the input.")
    ] = "1x1",
    licence_file: Annotated[
        Path | None, typer.Option(help="The licence's text, kept in the pack.", exists=True, dir_okay=False)
    ] = None,
    accept_unpinned: Annotated[
        bool, typer.Option("--accept-unpinned", help="Take official weights of which no sha256 is known.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the pack of this name.")] = False,
) -> None:
    """Make a pack of a detector's ONNX graph, or of official weights that were pulled.

    A detector's layout is recognised from what the graph takes and gives: YOLOX as exported without its decoding,
    YOLOv8 and YOLO11, and YOLO26 or any export with its own suppression. Official weights go by their name, and are
    taken from where pull left them, or from a file that was brought from elsewhere.

    [dim]watchword packs build yolox-s
    watchword packs build yolox-s /media/usb/yolox_s.onnx
    watchword packs build doors yolo11n.onnx --tiles 2x1 --licence AGPL-3.0-only --provenance "trained here"[/dim]
    """
    options = _options(classes, confidence, overlap, tiles)
    if (licence is None) != (provenance is None):
        raise typer.BadParameter("expected --licence and --provenance together, or neither for official weights")
    if licence is None or provenance is None:
        pack = _build_official(name, file, options, accept_unpinned=accept_unpinned, replace=replace)
    elif file is None:
        raise typer.BadParameter("expected a file", param_hint="FILE")
    else:
        facts = {"version": version, "description": description, "licence": licence, "provenance": provenance}
        pack = _write_detector(name, file, options, facts, licence_file, replace=replace)
    trial = _try(pack)
    if trial.problem is not None:
        shutil.rmtree(pack.path)
        errors.print("[red]error:[/red]", escape(trial.problem))
        raise typer.Exit(2)
    console.print(f"{escape(name)}: {_kind(pack)}, in {escape(str(pack.path))}", soft_wrap=True)


@fail_clearly
def remove(
    name: Annotated[str, typer.Argument(help="A pack's name.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Delete it even if a stream uses it.")] = False,
) -> None:
    """Delete a pack and its files. Built-in packs stay, and those that a registered stream uses."""
    from models.pack import BUILT_IN, PackError

    entry = next((entry for entry in _library().list() if entry.name == name), None)
    if entry is None:
        _library().get(name)  # says which names there are
        return
    if entry.path.parent == BUILT_IN:
        code, message = "built_in", f"expected a pack that was added, got {name!r}, which is built in"
        raise PackError(code, message)
    users = [] if force else _users(name)
    if users:
        code, message = "in_use", f"expected a pack that nothing uses, got {name!r}, which {', '.join(users)} needs"
        raise PackError(code, message)
    if not yes:
        typer.confirm(f"Delete {entry.path} and all in it?", abort=True)
    shutil.rmtree(entry.path)
    console.print(f"{escape(name)}: deleted")


def _users(name: str) -> list[str]:
    """The streams that use a pack, itself or as the encoder of a head, and the settings that name it."""
    from models.pack import HeadManifest
    from service.store.database import Database
    from service.store.streams import StreamStore

    settings = _settings()
    users = ["WATCHWORD_ENCODER"] if settings.encoder == name else []
    if settings.database_url is None and not (settings.data_dir / "watchword.db").is_file():
        return users  # nothing was ever registered here
    needing = {name}
    for entry in _library().list():
        if entry.pack is not None and isinstance(entry.pack.manifest, HeadManifest):
            needing |= {entry.name} if entry.pack.manifest.encoder == name else set()
    database = Database(settings.database)
    try:
        specs = [record.spec for record in StreamStore(database).list()]
    finally:
        database.close()
    using = [spec for spec in specs if needing & {spec.detector, spec.encoder, *spec.packs}]
    return users + [f"stream {spec.name!r}" for spec in using]


def _build_official(name: str, file: Path | None, options: Options, *, accept_unpinned: bool, replace: bool) -> Pack:
    """The pack of official weights, of a file that is just these."""
    from export.cli.pull import weights_path
    from export.hub import HubError, check_file, official

    try:
        weights = official(name)
        path = weights_path() / weights.file if file is None else file
        if not path.is_file():
            code, message = (
                "missing_file",
                f"expected {weights.title} in {path}: watchword packs pull {name} fetches it",
            )
            raise HubError(code, message)
        found = check_file(weights, path, accept_unpinned=accept_unpinned)
    except HubError as error:
        if file is None or error.code not in {"unknown_weights", "wrong_hash"}:
            raise
        message = f"{error}; a detector of your own, or another export, needs --licence and --provenance"
        raise HubError(error.code, message) from error
    facts = {
        "version": weights.revision[:40],
        "description": weights.title,
        "licence": weights.licence,
        "provenance": f"{weights.provenance}, sha256 {found}",
    }
    if weights.note:
        console.print(f"[yellow]note:[/yellow] {escape(weights.note)}", soft_wrap=True)
    if weights.kind != "yolox":
        from training.cli.official import build_towers, build_yolo

        packs = _settings().packs_path
        if weights.kind == "clip":
            if options != _options(None, None, None, "1x1"):
                raise typer.BadParameter("expected none of a detector's options for an encoder")
            return build_towers(weights, path, packs, replace=replace)
        return build_yolo(weights, path, packs, options, replace=replace)
    return _write_detector(name, path, options, facts, None, replace=replace)


def _write_detector(
    name: str, graph: Path, options: Options, facts: Mapping[str, str], licence_file: Path | None, *, replace: bool
) -> Pack:
    """The pack of a detector's graph, whose layout is recognised."""
    from export.pack_writer import PackWriter
    from service.engine.detectors import OnnxDetector

    detector = OnnxDetector(graph, options)
    layout, size, names = detector.layout, detector.size, detector.names
    detector.close()
    with PackWriter(_settings().packs_path, name, replace=replace) as writer:
        return writer.commit(
            {
                "kind": "detector",
                **facts,
                "description": facts["description"] or f"{graph.stem}, {len(names)} classes",
                "layout": layout,
                "graph": writer.add(graph, "graph.onnx"),
                **({} if size is None else {"input": size}),
                "classes": names,
                "confidence": options.confidence,
                "overlap": options.overlap,
                "tiles": options.tiles if options.tiles == "auto" else (options.tiles.columns, options.tiles.rows),
                "documents": [writer.add(licence_file, "LICENSE")] if licence_file else [],
            }
        )


def _kind(pack: Pack) -> str:
    from models.pack import DetectorManifest

    manifest = pack.manifest
    return (
        f"{manifest.layout}, {len(manifest.classes)} classes" if isinstance(manifest, DetectorManifest) else pack.kind
    )


def _try(pack: Pack) -> Trial:
    from service.engine.pack_check import try_pack

    return try_pack(pack, threads=1)


def _settings() -> Settings:
    from service.settings import Settings

    return Settings()


def _library() -> PackLibrary:
    from models.pack import PackLibrary

    return PackLibrary([_settings().packs_path])


def _entries(names: list[str] | None) -> list[PackEntry]:
    """The packs to verify; a name that nobody has is an entry with an error."""
    from models.pack import Pack, PackEntry, PackError

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


def _options(classes: Path | None, confidence: float | None, overlap: float | None, tiles: str) -> Options:
    from service.engine.detectors import Options
    from service.engine.detectors.onnx import CONFIDENCE, OVERLAP

    names = None if classes is None else tuple(filter(None, map(str.strip, classes.read_text().splitlines())))
    return Options(classes=names, confidence=confidence or CONFIDENCE, overlap=overlap or OVERLAP, tiles=_tiles(tiles))


def _tiles(text: str) -> Tiles:
    from service.engine.detectors.tiles import Grid

    if text == "auto":
        return "auto"
    columns, _, rows = text.partition("x")
    try:
        return Grid(int(columns), int(rows))
    except ValueError as error:
        msg = f"expected auto, or columns x rows such as 2x1, of at most 4; got {text!r}"
        raise typer.BadParameter(msg, param_hint="--tiles") from error


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_words(each)}" for key, each in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(_words, value)) or "none"
    return str(value)
