"""Heads of packs, with the graphs that they run: batched, in the buckets and on the engines that all graphs share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from models.heads.base import Head, Term
from models.heads.registry import load_head
from models.packs import HeadManifest, Pack, PackError
from models.runtime import Graph
from service.engine.engine_queue import EngineQueue
from service.engine.session import Session
from service.errors import BAD_PACK, PACK_KIND, InvalidInput


@dataclass(frozen=True, slots=True)
class LoadedHead:
    """A head with the pack that it came from.

    Attributes:
        head: The method.
        pack: Name of its pack.
        pack_hash: Its hash.
        graphs: What the head runs, opened for it.
    """

    head: Head
    pack: str
    pack_hash: str
    graphs: tuple[Session, ...] = field(default=(), repr=False)

    def close(self) -> None:
        """Free its graphs. Idempotent."""
        for graph in self.graphs:
            graph.close()


def open_head(pack: Pack, threads: int = 0, engines: EngineQueue | None = None) -> LoadedHead:
    """Load the head of a verified pack, and the graphs that it asks for.

    Args:
        pack: Of kind head.
        threads: Of one run of a graph on the CPU; 0 picks by cores.
        engines: Build TensorRT engines for its graphs.

    Returns:
        The caller's to close.

    Raises:
        PackError: If a graph does not run.
        InvalidInput: If the pack is not a head's, or the head does not take what it holds, or does not say soundly
            what it looks at and what its scores may name.
    """
    if not isinstance(pack.manifest, HeadManifest):
        msg = f"expected a pack of kind head, got {pack.name!r} of kind {pack.kind}"
        raise InvalidInput(PACK_KIND, msg)
    opened: list[Session] = []

    def open_graph(path: Path) -> Graph:
        opened.append(Session(path, threads, engines))
        return opened[-1]

    try:
        head = load_head(pack, open_graph)
        _check_declarations(head)
        return LoadedHead(head, pack.name, pack.hash, tuple(opened))
    except BaseException as error:
        for graph in opened:
            graph.close()
        if isinstance(error, PackError) or not isinstance(error, (Exception, SystemExit)):
            raise
        # Whatever the code of another distribution makes of a pack that it does not take, such as one without a graph.
        reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise InvalidInput(BAD_PACK, f"pack {pack.name}: {reason}") from error


def _check_declarations(head: Head) -> None:
    """See that what a head declares can be used wherever its name is: while streams are made, and in every tick."""
    inputs: object = head.inputs
    if not isinstance(inputs, tuple):
        msg = f"expected the inputs of head {head.name} as a tuple, got {type(inputs).__name__}"
        raise ValueError(msg)
    hash(inputs)
    wrong = [name for name, term in head.terms.items() if not isinstance(term, Term)]
    if wrong:
        msg = f"expected a Term for each term of head {head.name}, got others for {', '.join(map(str, wrong))}"
        raise ValueError(msg)
