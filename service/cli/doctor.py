"""``watchword doctor``: what this machine has, and what would run there."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from service.cli.console import console, fail_clearly

if TYPE_CHECKING:
    from service.engine.engine_queue import EngineQueue
    from service.settings import Settings

_MARKS = {"ok": "[green]ok[/green]      ", "note": "[yellow]note[/yellow]    ", "problem": "[red]problem[/red] "}


@fail_clearly
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Findings as JSON, for programs.")] = False,
    engines: Annotated[
        bool, typer.Option("--engines", help="Build the TensorRT engines that are missing, too. Takes minutes.")
    ] = False,
) -> None:
    """Check this machine: processor, GPU, libraries, disk, database, Redis, and every pack, each run once and timed.

    Exits with 1 if anything does not work. Reads the same settings as serve, and changes nothing.

    [dim]watchword doctor
    watchword doctor --json | jq '.[] | select(.level == "problem")'[/dim]
    """
    from service.cli.diagnosis import diagnose, worst
    from service.settings import Settings

    settings = Settings()
    findings = []
    for finding in diagnose(settings):
        findings.append(finding)
        if not as_json:
            said = f"{_MARKS[finding.level]}[bold]{escape(finding.name)}[/bold]: {escape(finding.said)}"
            console.print(said, soft_wrap=True)
            if finding.advice:
                console.print(f"        {escape(finding.advice)}", style="dim", soft_wrap=True)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))  # noqa: T201
    failed = worst(findings) == "problem"
    if engines:
        failed |= not _build_engines(settings)
    if failed:
        raise typer.Exit(1)


def _build_engines(settings: Settings) -> bool:
    """Build, try and time an engine for every graph of every pack; whether all of them serve."""
    from models.packs import PackLibrary
    from service.cli.engines import open_engines
    from service.engine.pack_check import try_engine
    from service.engine.session import Session

    queue, said = open_engines(settings)
    console.print(f"[bold]TensorRT[/bold]: {escape(said)}", soft_wrap=True)
    if queue is None:
        return False
    good = True
    try:
        packs = [entry.pack for entry in PackLibrary([settings.packs_path]).list() if entry.pack is not None]
        for pack in packs:
            for file in (file for file in pack.manifest.files() if file.file.endswith(".onnx")):
                with closing(Session(pack.file(file), settings.threads, queue)) as session:
                    trial = try_engine(session, partial(_wait, queue))
                good &= trial.problem is None
                times = ", ".join(f"{name} {seconds * 1e3:.2f} ms" for name, seconds in trial.seconds.items())
                mark = _MARKS["ok" if trial.problem is None else "problem"]
                said = f"{mark}[bold]{escape(f'{pack.name}/{file.file}')}[/bold]: {escape(trial.problem or times)}"
                console.print(said, soft_wrap=True)
    finally:
        queue.close()
    return good


def _wait(queue: EngineQueue) -> None:
    """Until everything is built, with a bar."""
    with Progress(TextColumn("{task.description}"), BarColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        while not (progress := queue.progress()).done:
            bar.update(task, description=escape(str(progress)), completed=progress.share)
            time.sleep(0.2)
