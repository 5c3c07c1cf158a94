"""Every error is raised with a kind of the catalogue, and every kind is declared once and used."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.packs.codes import PACK_CODES, REFUSED, UNUSABLE
from service import errors
from service.errors import STREAM_NOT_FOUND, NotFound, WatchwordError, declare
from support.errors import catalogue, declared

ROOT = Path(__file__).parents[3]
SERVICE = sorted((ROOT / "service").rglob("*.py"))
PACKS = [*SERVICE, *sorted((ROOT / "models").rglob("*.py")), *sorted((ROOT / "export").rglob("*.py"))]
RAISED = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, WatchwordError)}


def calls(path: Path, names: set[str]) -> Iterator[tuple[str, ast.Call, ast.AST]]:
    """Where a file makes one of these errors: the place, the call, and the function it stands in (or the module)."""
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            around = [each for each in functions if each.lineno <= node.lineno <= (each.end_lineno or 0)]
            within = max(around, key=lambda each: each.lineno, default=tree)
            yield f"{path.relative_to(ROOT)}:{node.lineno}", node, within


def imported(path: Path) -> set[str]:
    """What a file has from ``service.errors``; other modules have a ``Conflict`` too."""
    imports = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom))
    return {name.name for node in imports if node.module == "service.errors" for name in node.names}


def strings(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def codes_of(argument: ast.expr, within: ast.AST) -> set[str]:
    """The codes that an argument may be: itself, or what its function assigns to that name."""
    if not isinstance(argument, ast.Name):
        return set(strings(argument))
    found: set[str] = set()
    for node in ast.walk(within):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == argument.id:
                    found |= set(strings(node.value))
                elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    for name, value in zip(target.elts, node.value.elts, strict=True):
                        if isinstance(name, ast.Name) and name.id == argument.id:
                            found |= set(strings(value))
    return found


def test_no_error_of_the_service_is_raised_with_a_code_of_its_own() -> None:
    found = [(where, call) for path in SERVICE for where, call, _ in calls(path, RAISED & imported(path))]
    assert len(found) > 40
    for where, call in found:
        assert call.args, where
        kind = call.args[0]
        assert isinstance(kind, ast.Name | ast.Attribute), f"{where}: expected a kind, got {ast.unparse(kind)}"
        if isinstance(kind, ast.Name) and kind.id.isupper():
            assert kind.id in declared(), where


def test_no_answer_is_given_with_a_code_of_its_own() -> None:
    found = [(where, call) for path in SERVICE for where, call, _ in calls(path, {"problem_response", "responses"})]
    assert len(found) > 25
    for where, call in found:
        kinds = call.args if isinstance(call.func, ast.Name) and call.func.id == "responses" else call.args[:1]
        assert [text for kind in kinds for text in strings(kind)] == [], where


def test_every_code_of_a_pack_error_is_declared() -> None:
    made = [each for path in PACKS for each in calls(path, {"PackError"})]
    found = {where: codes_of(call.args[0], within) for where, call, within in made}
    assert len(found) > 25
    for where, codes in found.items():
        assert codes <= set(PACK_CODES), where
    assert set().union(*found.values()) >= {"wrong_hash", "bad_graph", "wrong_layout", "in_use"}


def test_a_kind_is_declared_once() -> None:
    assert not UNUSABLE.keys() & REFUSED.keys()
    kinds = Counter((kind.code, kind.status) for kind in declared().values())
    assert [each for each, count in kinds.items() if count > 1] == []
    for kind in catalogue():
        assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", kind.code)
        assert kind.title
        assert kind.example


def test_every_kind_is_used() -> None:
    text = "\n".join(path.read_text() for path in SERVICE if path.name != "errors.py")
    assert [name for name in declared() if not re.search(rf"\b{name}\b", text)] == []


def test_an_error_is_of_its_kind() -> None:
    error = NotFound(STREAM_NOT_FOUND, "expected a, got b", stream="b")
    assert (error.kind, error.code, str(error)) == (STREAM_NOT_FOUND, "stream_not_found", "expected a, got b")
    assert error.context == {"stream": "b"}


@pytest.mark.parametrize("raised_as", [getattr(errors, name) for name in sorted(RAISED)])
def test_a_kind_has_the_status_of_what_it_is_raised_as(raised_as: type[WatchwordError]) -> None:
    kind = declare("some_code", raised_as, "expected a, got b")
    assert (kind.status, kind.title) == (raised_as.status, raised_as.title)
