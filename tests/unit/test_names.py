"""One word, one meaning: a public class is the only thing of its name in the tree."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("models", "service", "export", "training")


def classes(tree: ast.Module) -> Iterator[str]:
    return (node.name for node in tree.body if isinstance(node, ast.ClassDef))


def aliases(tree: ast.Module) -> Iterator[str]:
    """Names of types that a module makes of others, such as ``Report = Callable[[str], None]``."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = (target.id for target in targets if isinstance(target, ast.Name))
            yield from (name for name in names if name[0].isupper() and not name.isupper())


def public(found: Iterator[str]) -> Iterator[str]:
    return (name for name in found if not name.startswith("_"))


def test_a_public_class_shares_its_name_with_nothing():
    places: dict[str, list[str]] = defaultdict(list)
    named_by_classes: set[str] = set()
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named_by_classes.update(public(classes(tree)))
        for name in [*public(classes(tree)), *public(aliases(tree))]:
            places[name].append(str(path.relative_to(ROOT)))
    assert len(named_by_classes) > 100
    shared = {name: where for name, where in places.items() if name in named_by_classes and len(where) > 1}
    assert shared == {}
