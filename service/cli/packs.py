"""``watchword packs``: what there is to score and detect with, and making a pack of a detector's graph."""

from __future__ import annotations

import shutil
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
    from service.settings import Settings

packs_app = typer.Typer(
    no_args_is_help=True,
    help="Packs: heads that score and detectors that find, each a folder with a manifest and hashed files.",
)


@packs_app.command("list")
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


@packs_app.command()
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


@packs_app.command()
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
        problem = entry.error if entry.pack is None else _problem(entry.pack)
        broken += problem is not None
        said = "[green]ok[/green]" if problem is None else f"[red]{escape(problem)}[/red]"
        console.print(f"{escape(entry.name)}: {said}", soft_wrap=True)
    if broken:
        raise typer.Exit(1)


@packs_app.command()
@fail_clearly
def build(
    name: Annotated[str, typer.Argument(help="The new pack's name: lower-case letters, digits, dot, dash.")],
    graph: Annotated[Path, typer.Argument(help="A detector as an .onnx file.", exists=True, dir_okay=False)],
    licence: Annotated[str, typer.Option(help="Of the weights, as an SPDX name: Apache-2.0, AGPL-3.0-only, ...")],
    provenance: Annotated[str, typer.Option(help="Where the weights come from.")],
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
    replace: Annotated[bool, typer.Option("--replace", help="Replace the pack of this name.")] = False,
) -> None:
    """Make a pack of a detector's ONNX graph.

    The layout is recognised from what the graph takes and gives: YOLOX as exported without its decoding, YOLOv8 and
    YOLO11, and YOLO26 or any export with its own suppression.

    [dim]watchword packs build yolox-nano yolox_nano.onnx --licence Apache-2.0 --provenance "Megvii YOLOX 0.1.1"
    watchword packs build doors yolo11n.onnx --tiles 2x1 --licence AGPL-3.0-only --provenance "trained here"[/dim]
    """
    from export.pack_writer import PackWriter
    from service.engine.detectors import OnnxDetector

    options = _options(classes, confidence, overlap, tiles)
    detector = OnnxDetector(graph, options)
    layout, size, names = detector.layout, detector.size, detector.names
    detector.close()
    with PackWriter(_settings().packs_path, name, replace=replace) as writer:
        pack = writer.commit(
            {
                "kind": "detector",
                "version": version,
                "description": description or f"{graph.stem}, {len(names)} classes",
                "licence": licence,
                "provenance": provenance,
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
    problem = _problem(pack)
    if problem is not None:
        shutil.rmtree(pack.path)
        errors.print("[red]error:[/red]", escape(problem))
        raise typer.Exit(2)
    console.print(f"{escape(name)}: {layout}, {len(names)} classes, in {escape(str(pack.path))}", soft_wrap=True)


@packs_app.command()
@fail_clearly
def remove(
    name: Annotated[str, typer.Argument(help="A pack's name.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a pack and its files. Built-in packs stay."""
    from models.pack import BUILT_IN, PackError

    entry = next((entry for entry in _library().list() if entry.name == name), None)
    if entry is None:
        _library().get(name)  # says which names there are
        return
    if entry.path.parent == BUILT_IN:
        code, message = "built_in", f"expected a pack that was added, got {name!r}, which is built in"
        raise PackError(code, message)
    if not yes:
        typer.confirm(f"Delete {entry.path} and all in it?", abort=True)
    shutil.rmtree(entry.path)
    console.print(f"{escape(name)}: deleted")


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


def _problem(pack: Pack) -> str | None:
    """What is wrong with a pack whose files verify, or None: its graph or its head does not load or run."""
    import numpy as np

    from models.heads import load_head
    from models.pack import HeadManifest, PackError
    from service.engine.detectors import detector_of
    from service.ingest.frame import Frame, PreparedFrame

    try:
        if isinstance(pack.manifest, HeadManifest):
            load_head(pack)
            return None
        detector = detector_of(pack, threads=1)
        try:
            picture = np.full((360, 640, 3), 127, np.uint8)
            detector.detect([PreparedFrame("verify", 0, Frame(0, 0.0, 0.0, 0.0, picture), None)])
        finally:
            detector.close()
    except (PackError, ValueError) as error:
        return str(error)
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        return f"the graph does not run: {' '.join(str(error).split())[:300]}"
    return None


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
