"""Which heads there are: a folder each in ``models.heads``, and those that other distributions bring.

A folder here is a head if its ``head.py`` says which class is, by the name ``HEAD``. Another distribution enters its
class in the entry point group ``watchword.heads`` under the head's name; it is imported when a pack names it.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib import metadata

import models.heads
from models.heads.base import Head
from models.packs import HeadManifest, Pack
from models.runtime import OpenGraph

GROUP = "watchword.heads"


def head_names() -> tuple[str, ...]:
    """The names that a pack's manifest may give as its head."""
    return tuple(sorted({*_in_tree(), *(point.name for point in metadata.entry_points(group=GROUP))}))


def find_head(name: str) -> type[Head]:
    """The class of a head.

    Args:
        name: As a pack's manifest gives it. Of two, the one in the tree counts.

    Raises:
        ValueError: If there is none of this name, or it cannot be imported.
    """
    if name in _in_tree():
        found: type[Head] = importlib.import_module(f"models.heads.{name}.head").HEAD
        return found
    for point in metadata.entry_points(group=GROUP, name=name):
        try:
            brought: type[Head] = point.load()
        except (Exception, SystemExit) as error:  # whatever another distribution does when it is imported
            msg = f"expected head {name} from {point.value}, which cannot be imported: {error}"
            raise ValueError(msg) from error
        return brought
    msg = f"expected a head of {', '.join(head_names())}, got {name}"
    raise ValueError(msg)


def load_head(pack: Pack, open_graph: OpenGraph) -> Head:
    """The head of a verified pack.

    Args:
        pack: Of kind head.
        open_graph: Opens the graphs that the head runs; they are the caller's to close.

    Raises:
        PackError: A pack of another kind, or a graph that does not run.
        ValueError: An unknown head, or parameters, arrays or graphs that the head does not take.
    """
    return find_head(pack.manifest_of(HeadManifest).head).from_pack(pack, open_graph)


def _in_tree() -> frozenset[str]:
    return frozenset(module.name for module in pkgutil.iter_modules(models.heads.__path__) if module.ispkg)
