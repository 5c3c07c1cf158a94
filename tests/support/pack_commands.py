"""``watchword packs`` as a person runs it, and a graph to make a pack of."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from service.cli.app import assemble
from support.graphs import write_graph, yolox_answer

LICENCE = ("--licence", "Apache-2.0", "--provenance", "a test")


def run(*arguments: object, exit_code: int = 0, answer: str | None = None) -> str:
    """What it says, in one line; fail unless it ends with this code."""
    result = CliRunner().invoke(assemble(), ["packs", *map(str, arguments)], input=answer)
    assert result.exit_code == exit_code, result.output
    return " ".join(result.output.split())


def three_classes(folder: Path) -> Path:
    """A detector's graph that knows three classes and finds nothing."""
    return write_graph(folder / "three.onnx", yolox_answer([], [], []), metadata={"names": "{0:'a', 1:'b', 2:'c'}"})
