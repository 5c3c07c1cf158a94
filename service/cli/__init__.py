"""The command line ``watchword``: one file a command. Heavy imports happen inside the commands."""

from __future__ import annotations

import typer

from service.cli.demo import demo
from service.cli.doctor import doctor
from service.cli.enrol import enrol
from service.cli.evaluate import evaluate
from service.cli.export import export_app
from service.cli.packs import packs_app
from service.cli.serve import serve
from service.cli.simulate import simulate_app
from service.cli.study import study_app
from service.cli.train import train_app
from service.cli.watch import watch

app = typer.Typer(
    name="watchword",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    help="Real-time video anomaly detection that learns each camera's normal. Begin with [bold]watchword demo[/bold].",
)
for command in (demo, serve, watch, enrol, evaluate, doctor):
    app.command()(command)
app.add_typer(packs_app, name="packs")
app.add_typer(simulate_app, name="simulate")
app.add_typer(train_app, name="train")
app.add_typer(export_app, name="export")
app.add_typer(study_app, name="study")


def main() -> None:
    """Entry point of the console script."""
    app()
