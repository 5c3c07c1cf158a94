"""``watchword export pose``: a pose estimator's graph to a pack."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from export.cli.export import Name, PackVersion, Replace, packs_path, tell
from service.cli.console import errors, fail_clearly


@fail_clearly
def pose(
    name: Name,
    graph: Annotated[Path, typer.Argument(help="The graph, an .onnx file.", exists=True, dir_okay=False)],
    licence: Annotated[str, typer.Option(help="Of the weights, as an SPDX name: Apache-2.0, AGPL-3.0-only, ...")],
    provenance: Annotated[str, typer.Option(help="Where the weights come from.")],
    description: Annotated[str, typer.Option(help="What it is.")] = "",
    licence_file: Annotated[
        Path | None, typer.Option(help="The licence's text, kept in the pack.", exists=True, dir_okay=False)
    ] = None,
    version: PackVersion = "1",
    replace: Replace = False,
) -> None:
    """Make the pack of a pose estimator, of which there is a graph already.

    Its layout is recognised by what it takes and gives: MoveNet MultiPose and SinglePose, RTMPose, and the pose
    networks of YOLOv8, YOLO11 and YOLO26, all with the 17 keypoints of COCO. Anything else is refused with what was
    found.

    [dim]watchword export pose movenet movenet_multipose.onnx --licence Apache-2.0 --provenance "Google, TF Hub"[/dim]
    """
    from export.pack_writer import PackWriter
    from service.engine.pack_check import try_pack
    from service.engine.pose import OnnxPoseEstimator

    estimator = OnnxPoseEstimator(graph)
    layout = estimator.layout
    estimator.close()
    with PackWriter(packs_path(), name, replace=replace) as writer:
        pack = writer.commit(
            {
                "kind": "pose",
                "version": version,
                "description": description or f"{graph.stem}, {layout}.",
                "licence": licence,
                "provenance": provenance,
                "layout": layout,
                "graph": writer.add(graph, "graph.onnx"),
                "documents": [writer.add(licence_file, "LICENSE")] if licence_file else [],
            }
        )
    trial = try_pack(pack, threads=1)
    if trial.problem is not None:
        shutil.rmtree(pack.path)
        errors.print("[red]error:[/red]", escape(trial.problem))
        raise typer.Exit(2)
    tell(pack, {}, None)
