"""``watchword export``: trained checkpoints to packs that the service runs. Needs the extra ``train``.

The group, what its commands share, and the one command that needs nothing of training.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from service.cli.console import console, fail_clearly

if TYPE_CHECKING:
    from export.parity import Parity
    from models.guidance.bank import Phrase
    from models.packs import Pack, PackLibrary

export_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Turn trained checkpoints into packs: graphs that are checked against their networks, and nothing pickled.",
)

Name = Annotated[str, typer.Argument(help="The new pack's name: lower-case letters, digits, dot, dash.")]
Weights = Annotated[
    Path, typer.Argument(help="A .safetensors file, or a torch file of tensors.", exists=True, dir_okay=False)
]
Replace = Annotated[bool, typer.Option("--replace", help="Replace the pack of this name.")]
Report = Annotated[Path | None, typer.Option(help="Write what was measured here, as JSON.")]
PackVersion = Annotated[str, typer.Option("--version", help="Of the pack.")]


@fail_clearly
def head(
    name: Name,
    features: Annotated[
        Path, typer.Argument(help="responses.npy of `train svad prompts`.", exists=True, dir_okay=False)
    ],
    encoder_pack: Annotated[str, typer.Option("--encoder", help="The encoder pack in whose space they lie.")] = "words",
    phrases: Annotated[
        Path | None, typer.Option(help="A bank whose actions they are of; that of the encoder if left out.")
    ] = None,
    clusters: Annotated[int, typer.Option(min=1, max=256, help="Centres of what is normal.")] = 10,
    licence: Annotated[str, typer.Option(help="As an SPDX name.")] = "Apache-2.0",
    provenance: Annotated[str, typer.Option(help="Where they come from.")] = "trained here",
    version: PackVersion = "1",
    replace: Replace = False,
) -> None:
    """Make the pack of an svad head from learned prompts.

    [dim]watchword export head svad-gate runs/prompts/responses.npy --provenance "gate footage of June"[/dim]
    """
    import numpy as np

    from models.guidance.bank import read_phrases

    with needs_extra():
        from export.heads import export_svad
    space = library().get(encoder_pack)
    entries: tuple[Phrase, ...] = space.phrases() if phrases is None else read_phrases(phrases)
    pack = export_svad(
        packs_path(),
        name,
        space,
        np.load(features, allow_pickle=False),
        [phrase.text for phrase in entries if phrase.kind == "action"],
        version=version,
        licence=licence,
        provenance=provenance,
        parameters={"clusters": clusters},
        replace=replace,
    )
    tell(pack, {}, None)


def tell(pack: Pack, parity: Mapping[str, Parity], report: Path | None, scores: float | None = None) -> None:
    """Say what was measured on a pack's graphs, and where the pack lies.

    Args:
        pack: That was made.
        parity: Of each graph, by role.
        report: A file to write the same to, as JSON.
        scores: How far the head's scores are apart, if they were compared.
    """
    for role, found in parity.items():
        console.print(f"{role}: relative error {found.error:.1e} at most, of {found.items} compared")
    if scores is not None:
        console.print(f"scores of the head: {scores:.1e} apart at most")
    if report is not None:
        graphs = {role: {"error": found.error, "items": found.items} for role, found in parity.items()}
        report.write_text(json.dumps({"pack": pack.name, "graphs": graphs, "scores": scores}, indent=1) + "\n")
    console.print(f"{escape(pack.name)}: {pack.kind}, in {escape(str(pack.path))}", soft_wrap=True)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A line in the terminal that says what is being done; gives what changes it."""
    with console.status("") as status:
        yield status.update


@contextmanager
def needs_extra() -> Iterator[None]:
    """Say what exporting needs where it is not installed.

    Raises:
        PackError: ``missing_extra``, for an import within that fails.
    """
    from models.packs import PackError

    try:
        yield
    except ImportError as error:
        message = f"expected what exporting needs, which `pip install 'watchword[train]'` brings: {error}"
        raise PackError("missing_extra", message) from error


def packs_path() -> Path:
    """The folder of packs that the settings name."""
    from service.settings import Settings

    return Settings().packs_path


def library() -> PackLibrary:
    """The packs in it, and those that are built in."""
    from models.packs import PackLibrary

    return PackLibrary([packs_path()])
