"""``watchword packs pull``: official weights, with what they are and whose, before a byte of them is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from service.cli.console import console, fail_clearly

if TYPE_CHECKING:
    from export.hub import OfficialWeights


@fail_clearly
def pull(
    name: Annotated[str | None, typer.Argument(help="Of official weights; lists them if none.")] = None,
    accept_unpinned: Annotated[
        bool,
        typer.Option("--accept-unpinned", help="Fetch weights of which no sha256 is known, and print the one got."),
    ] = False,
) -> None:
    """Fetch official weights: YOLOX, YOLO11n, CLIP, MobileCLIP2.

    Shows source, revision, size, sha256 and licence, goes on where an earlier fetch was cut, and keeps nothing that has
    another hash. Then make a pack of them with build.

    [dim]watchword packs pull
    watchword packs pull yolox-s
    watchword packs build yolox-s[/dim]
    """
    import httpx
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from export.hub import CATALOGUE, Hub, check_file, official

    if name is None:
        _list(list(CATALOGUE.values()))
        return
    weights = official(name)
    _show(weights)
    with (
        httpx.Client(headers={"User-Agent": "watchword"}) as client,
        Progress(BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(), console=console) as bars,
    ):
        task = bars.add_task("", total=weights.bytes)
        path = Hub(weights_path(), client).fetch(
            weights,
            lambda done, total: bars.update(task, completed=done, total=total),
            accept_unpinned=accept_unpinned,
        )
    if weights.sha256 is None:
        console.print(f"sha256 {check_file(weights, path, accept_unpinned=True)}", soft_wrap=True)
    console.print(f"{escape(str(path))}: fetched and verified", soft_wrap=True)
    console.print(f"Next: watchword packs build {weights.name}", soft_wrap=True)


def weights_path() -> Path:
    """Where fetched weights are kept."""
    from service.settings import Settings

    return Settings().data_dir / "weights"


def _list(catalogue: list[OfficialWeights]) -> None:
    table = Table("name", "what it is", "size", "licence", box=None, header_style="bold")
    for weights in catalogue:
        table.add_row(*map(escape, (weights.name, weights.title, _size(weights), weights.licence)))
    console.print(table)


def _show(weights: OfficialWeights) -> None:
    facts = {
        "what it is": weights.title,
        "from": weights.url,
        "revision": weights.revision,
        "size": _size(weights),
        "sha256": weights.sha256 or "unknown",
        "licence": f"{weights.licence}, {weights.terms}",
        "note": weights.note,
    }
    for key, value in facts.items():
        if value:
            console.print(f"[bold]{key}[/bold]: {escape(value)}", soft_wrap=True)


def _size(weights: OfficialWeights) -> str:
    return "unknown" if weights.bytes is None else f"{weights.bytes / 1e6:.1f} MB"
