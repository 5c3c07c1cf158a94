"""``watchword packs build``: a detector's graph, or official weights, to a pack that the service runs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer
from rich.markup import escape

from export.cli.export import packs_path
from export.cli.pull import weights_path
from service.cli.console import console, errors, fail_clearly

if TYPE_CHECKING:
    from export.hub import OfficialWeights
    from models.packs import Pack
    from service.engine.detectors import Options
    from service.engine.detectors.tiles import Tiles

BUILDERS = "watchword.pack_builders"
"""Group of entry points, each named after a kind of official weights: their makers need what lies above export."""


class PackBuilder(Protocol):
    """Makes the pack of official weights of one kind."""

    def __call__(self, weights: OfficialWeights, path: Path, packs: Path, options: Options, *, replace: bool) -> Pack:
        """Make the pack.

        Args:
            weights: Of the catalogue.
            path: The file, verified.
            packs: The folder of packs.
            options: How a detector is used.
            replace: Whether a pack of this name may exist.

        Raises:
            PackError: If it cannot be made.
        """
        ...


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

    A detector's layout is recognised by what the graph gives for a picture: YOLOX, YOLOv5, YOLOv6 and YOLOv7 with
    decoded boxes, YOLOv8 and YOLO11, and YOLO26, YOLOv10 or any export with its own suppression. Anything else is
    refused with what was found. Official weights go by their name, and are taken from where pull left them, or from a
    file that was brought from elsewhere. The pack goes to WATCHWORD_PACKS_DIR, or packs/ under WATCHWORD_DATA_DIR.

    [dim]watchword packs build yolox-s
    watchword packs build yolox-s /media/usb/yolox_s.onnx
    watchword packs build doors yolo11n.onnx --tiles 2x1 --licence AGPL-3.0-only --provenance "trained here"[/dim]
    """
    from service.engine.pack_check import try_pack

    if file is None and (name.endswith(".onnx") or Path(name).is_file()):
        msg = f"The pack's name is missing, it comes before the file: watchword packs build NAME {name}"
        raise typer.BadParameter(msg, param_hint="NAME")
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
    trial = try_pack(pack, threads=1)
    if trial.problem is not None:
        shutil.rmtree(pack.path)
        errors.print("[red]error:[/red]", escape(trial.problem))
        raise typer.Exit(2)
    console.print(f"{escape(name)}: {_kind(pack)}, in {escape(str(pack.path))}", soft_wrap=True)


def _build_official(name: str, file: Path | None, options: Options, *, accept_unpinned: bool, replace: bool) -> Pack:
    """The pack of official weights, of a file that is just these."""
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
    if weights.kind == "yolox":
        return _write_detector(name, path, options, facts, None, replace=replace)
    return _builder(weights.kind)(weights, path, packs_path(), options, replace=replace)


def _builder(kind: str) -> PackBuilder:
    """What makes packs of weights that a network must be built for and compared on pictures."""
    from models.packs import PackError
    from service.extensions import extension

    builder: PackBuilder | None = extension(BUILDERS, kind)
    if builder is None:
        message = f"expected an entry point {kind} in the group {BUILDERS}, found none that loads"
        raise PackError("missing_extra", message)
    return builder


def _write_detector(
    name: str, graph: Path, options: Options, facts: Mapping[str, str], licence_file: Path | None, *, replace: bool
) -> Pack:
    """The pack of a detector's graph, whose layout is recognised."""
    from export.pack_writer import PackWriter
    from service.engine.detectors import OnnxDetector

    detector = OnnxDetector(graph, options)
    layout, size, names = detector.layout, detector.size, detector.names
    detector.close()
    with PackWriter(packs_path(), name, replace=replace) as writer:
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
    from models.packs import DetectorManifest

    manifest = pack.manifest
    return (
        f"{manifest.layout}, {len(manifest.classes)} classes" if isinstance(manifest, DetectorManifest) else pack.kind
    )


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
