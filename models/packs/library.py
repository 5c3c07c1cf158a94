"""The packs that a service or a program can use, by name."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from models.packs.errors import PackError
from models.packs.pack import Pack

BUILT_IN = Path(__file__).parents[1] / "built_in"

_log = logging.getLogger(__name__)

_Fingerprint = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class PackEntry:
    """A folder of the library.

    Attributes:
        name: The folder's name.
        path: The folder.
        pack: The pack, or None if it does not verify.
        error: Why not, as a sentence.
        code: The code of that error.
    """

    name: str
    path: Path
    pack: Pack | None = None
    error: str | None = None
    code: str | None = None


class PackLibrary:
    """The packs of some folders, the built-in ones first. Thread-safe.

    A pack is verified when it is first asked for, and again only when a file in its folder has changed its time or
    size. Of two packs of one name the first folder's counts, so that no pack replaces a built-in one.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        """Look at nothing yet.

        Args:
            folders: Beside the built-in one; those that do not exist are empty.
        """
        self._folders = (BUILT_IN, *folders)
        self._lock = threading.Lock()
        self._verified: dict[Path, tuple[_Fingerprint, PackEntry]] = {}
        self._told: set[Path] = set()

    def list(self) -> list[PackEntry]:
        """Every pack, by name, the broken ones with their errors."""
        with self._lock:
            entries = {path.name: self._entry(path) for path in self._paths()}
            self._verified = {path: known for path, known in self._verified.items() if path.is_dir()}
        return sorted(entries.values(), key=lambda entry: entry.name)

    def get(self, name: str) -> Pack:
        """The pack of a name.

        Raises:
            PackError: ``unknown_pack``, or what is wrong with it.
        """
        with self._lock:
            path = next((path for path in self._paths() if path.name == name), None)
            if path is None:
                raise PackError("unknown_pack", self._unknown(name))
            entry = self._entry(path)
        if entry.pack is None:
            raise PackError(entry.code or "bad_manifest", f"pack {name}: {entry.error}")
        return entry.pack

    def _unknown(self, name: str) -> str:
        """That there is no pack of this name, what there is of each kind, and which of them was perhaps meant."""
        kinds: dict[str, list[str]] = {}
        for path in self._paths():
            pack = self._entry(path).pack
            kinds.setdefault("packs that cannot be used" if pack is None else f"{pack.kind}s", []).append(
                _shown(path.name)
            )
        there = "; ".join(f"{kind}: {', '.join(sorted(names))}" for kind, names in sorted(kinds.items()))
        near = get_close_matches(name, [one for names in kinds.values() for one in names], n=1, cutoff=0.7)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        return f"There is no pack {_shown(name)!r}.{meant} There are {there}."

    def _paths(self) -> Iterator[Path]:
        seen: set[str] = set()
        for folder in self._folders:
            if not folder.is_dir():
                continue
            for path in sorted(folder.iterdir()):
                if path.name.startswith((".", "__")) or not path.is_dir():
                    continue
                if path.name not in seen:
                    seen.add(path.name)
                    yield path
                elif path not in self._told:
                    self._told.add(path)
                    _log.warning("pack %s in %s is not used: an earlier folder has one of this name", path.name, folder)

    def _entry(self, path: Path) -> PackEntry:
        try:
            fingerprint = _fingerprint(path)
            known = self._verified.get(path)
            if known is None or known[0] != fingerprint:
                known = fingerprint, _verified_entry(path)
                self._verified[path] = known
            return known[1]
        except Exception as error:  # unreadable, or being removed right now: the other packs do not suffer from it
            return _broken(path, "unreadable", f"it cannot be read: {type(error).__name__}: {error}")


def _fingerprint(folder: Path) -> _Fingerprint:
    """Name, time and size of everything in a folder."""
    found = []
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found.append((str(path.relative_to(folder)), status.st_mtime_ns, status.st_size))
    return tuple(found)


def _verified_entry(path: Path) -> PackEntry:
    try:
        pack = Pack.load(path)
        if pack.name != path.name:
            code, message = "wrong_name", f"expected a pack in a folder of its name, got {pack.name!r} in {path.name!r}"
            raise PackError(code, message)
    except PackError as error:
        return _broken(path, error.code, error.message)
    return PackEntry(path.name, path, pack)


def _broken(path: Path, code: str, message: str) -> PackEntry:
    return PackEntry(_shown(path.name), path, error=_shown(message), code=code)


def _shown(text: str) -> str:
    """As UTF-8 has it: the name of a folder or an array can hold what is no text."""
    return text.encode(errors="backslashreplace").decode()
