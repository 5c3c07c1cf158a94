"""How the command fails: in a sentence, before any work."""

import importlib.util

import pytest
import typer
from typer.testing import CliRunner

from training.cli.evaluate import evaluate

app = typer.Typer()
app.command()(evaluate)


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_help_shows_examples():
    result = invoke("--help")
    assert result.exit_code == 0
    assert "watchword evaluate UCSD_Anomaly_Dataset.v1p2/UCSDped2 --out" in result.output


def test_without_the_extra_it_says_how_to_install_it(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "sklearn" else found(name))
    result = invoke(tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "evaluating needs sklearn: install the extra with pip install -e '.[evaluate]'" in one_line(result)


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ([], [], "has none of the known layouts"),
        (["labels.json"], [], "expected JSON in"),
        ([], ["--kind", "ped3"], "expected a kind of data set (virtual, labelled,"),
    ],
)
def test_a_data_set_with_a_fault(tmp_path, files, options, message):
    for name in files:
        (tmp_path / name).touch()
    result = invoke(tmp_path, "--out", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert message in one_line(result)
    assert not (tmp_path / "out").exists()


def one_line(result):
    """The output as it was before the terminal's width broke it."""
    return " ".join(result.output.split())
