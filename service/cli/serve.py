"""``watchword serve``: the service, in the foreground."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from service.cli.console import console, fail_clearly


@fail_clearly
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Database, profiles and snapshots.")] = None,
    media_dir: Annotated[Path | None, typer.Option(help="Root of files that streams may read.")] = None,
    log_level: Annotated[str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = None,
) -> None:
    """Run the service until Ctrl-C.

    Every setting can come from the environment as WATCHWORD_NAME (HOST, PORT, DATA_DIR, MEDIA_DIR, REDIS_URL,
    DATABASE_URL, WEBHOOK_URLS, ...); an option given here wins.

    [dim]watchword serve --port 8000
    curl -X POST localhost:8000/streams -H 'content-type: application/json'
      -d '{"name": "Gate", "url": "rtsp://user:secret@camera/stream1"}'[/dim]
    """
    from service.application import Application
    from service.cli.engines import open_engines
    from service.logs import configure
    from service.server import Server
    from service.settings import Settings, unknown_variables

    given = {"host": host, "port": port, "data_dir": data_dir, "media_dir": media_dir, "log_level": log_level}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    configure(settings.log_level)
    for problem in unknown_variables():
        logging.getLogger(__name__).warning(problem)
    engines, said = open_engines(settings)
    server = Server(Application(settings, engines))
    console.print(f"Watchword serves [bold]{server.url}[/bold]  ·  API at {server.url}/docs  ·  Ctrl-C stops")
    console.print(f"Data in {settings.data_dir.resolve()}, files of streams under {settings.media_dir.resolve()}")
    if engines is not None:
        console.print(f"TensorRT: {said}, in {settings.engines_path.resolve()}")
    if not settings.media_dir.is_dir():
        console.print("[yellow]That media folder is not there: no file: stream can be registered.[/yellow]")
    server.run()
