"""The command line as installed distributions make it up."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from typer.core import TyperGroup
from typer.main import get_group
from typer.testing import CliRunner

from service.cli.app import GROUP, ORDER, CommandError, assemble
from support.distribution import write_distribution

HEAVY = {"torch", "onnxruntime", "fastapi", "training.virtual", "cv2", "numpy", "sqlalchemy"}
ACME = '''
import typer

tools = typer.Typer(help="Tools of others.")
not_a_command = 7


@tools.command()
def first():
    """One of the group's own."""
    typer.echo("the first tool")


@tools.command()
def second():
    """Another of the group's own."""


def hello(name: str = "you"):
    """Greet."""
    typer.echo(f"hello {name}")


def unreadable(what: "Nowhere"):
    """A parameter that Typer cannot take."""
'''


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a distribution that names these commands, and assembles the app."""

    def installed(**commands):
        named = {name.replace("__", "."): value for name, value in commands.items()}
        write_distribution(tmp_path, "acme", ACME, {GROUP: named})
        (tmp_path / "acme_leaving.py").write_text("raise SystemExit('no licence')\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "acme", raising=False)
        return assemble()

    return installed


def run(app, *arguments):
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def names(app, *path):
    group = get_group(app)
    for name in path:
        inner = group.commands[name]
        assert isinstance(inner, TyperGroup)
        group = inner
    return list(group.commands)


def test_the_order_is_that_of_the_help():
    app = assemble()
    first = ["demo", "serve", "watch", "enrol", "evaluate", "doctor"]
    assert names(app) == [*first, "packs", "simulate", "train", "export", "study"]
    assert names(app, "packs") == ["pull", "list", "show", "verify", "build", "remove"]
    assert names(app, "export") == ["encoder", "detector", "head", "pose", "appearance", "variants"]


def test_the_order_names_what_this_distribution_brings():
    own = [point.name for point in entry_points(group=GROUP) if point.dist and point.dist.name == "watchword"]
    assert sorted(own) == sorted(ORDER)


def test_another_distribution_adds_commands_and_groups(install, capsys):
    app = install(hello="acme:hello", packs__hello="acme:hello", tools="acme:tools", tools__hi="acme:hello")
    assert run(app, "hello", "--name", "Ada") == "hello Ada\n"
    assert run(app, "packs", "hello") == "hello you\n"
    assert run(app, "tools", "first") == "the first tool\n"
    assert names(app, "tools") == ["first", "second", "hi"]
    assert names(app, "packs")[-1] == "hello"
    assert capsys.readouterr().err == ""


def test_assembling_leaves_the_groups_of_modules_as_they_are(install):
    install(tools="acme:tools", tools__hi="acme:hello")
    assert names(assemble(), "tools") == ["first", "second", "hi"]
    assert names(sys.modules["acme"].tools) == ["first", "second"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("broken", "acme:nobody", "AttributeError"),
        ("broken", "far_away:nobody", "ModuleNotFoundError: No module named 'far_away'"),
        (
            "broken",
            "acme:not_a_command",
            "expected a function or a Typer app in acme:not_a_command, got a value",
        ),
        ("broken", "acme_leaving:hello", "SystemExit: no licence"),
        ("broken", "acme:unreadable", "NameError: name 'Nowhere' is not defined"),
        ("serve", "acme:hello", "expected a name that is free, got one that is taken"),
        ("train.clips", "acme:hello", "expected a name that is free"),
        ("nothing.hello", "acme:hello", "expected a group nothing among the commands, found none"),
        ("serve.hello", "acme:hello", "expected a group serve"),
    ],
)
def test_one_that_cannot_be_is_left_out_and_named(install, capsys, name, value, said):
    app = install(**{name: value, "hello": "acme:hello"})
    told = capsys.readouterr().err
    assert told.startswith(f"note: the command {name} of acme is left out: ")
    assert said in told
    assert told.count("\n") == 1
    assert run(app, "hello") == "hello you\n"
    assert "Run the service until Ctrl-C" in run(app, "serve", "--help")
    assert "broken" not in names(app)


def test_without_an_installation_it_says_so():
    with pytest.raises(CommandError, match="pip install"):
        assemble([])


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom service.cli import main\nsys.argv = ['watchword', '--help']\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Run the service until Ctrl-C" in ran.stdout
    assert ran.stderr.split() == []
