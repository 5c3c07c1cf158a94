"""Packs: what is exported for the service to run. A folder with ``manifest.json`` and the files that it names.

    manifest.json       format, name, kind, version, description, licence, provenance, and what the kind needs
    *.onnx              graphs
    *.npz               arrays, never pickled
    anything else       documents, such as the licence's text

A pack is verified before anything of it is used: every key known, every file there, of the size and sha256 that the
manifest says, inside the folder, no link; every array of the type and shape it says. What a pack holds beyond the
files of its manifest is never read.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import re
import stat
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError, model_validator

FORMAT = 1
MANIFEST = "manifest.json"
BUILT_IN = Path(__file__).parent / "packs"
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"

_LARGEST_MANIFEST = 1_000_000
_CHUNK = 1 << 20
_log = logging.getLogger(__name__)


class PackError(ValueError):
    """A pack that does not verify.

    Codes: ``unknown_pack``, ``missing_file``, ``bad_manifest``, ``unknown_key``, ``unknown_format``, ``bad_path``,
    ``symlink``, ``wrong_size``, ``wrong_hash``, ``bad_arrays``, ``wrong_shape``, ``wrong_name``, ``bad_graph``,
    ``wrong_layout``.
    """

    def __init__(self, code: str, message: str) -> None:
        """Args: code, stable and snake_case; message, a sentence that says what was expected and what came."""
        super().__init__(message)
        self.code = code
        self.message = message


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class File(_Strict):
    """A file of the pack.

    Attributes:
        file: Its path in the pack, with ``/`` between folders.
        bytes: Its size.
        sha256: Of its content, in lower-case hex.
    """

    file: str = Field(min_length=1, max_length=200)
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Array(_Strict):
    """What an array of an ``.npz`` is. ``dtype`` is numpy's name of it, such as ``float32``."""

    dtype: str
    shape: tuple[Annotated[int, Field(ge=0)], ...] = Field(strict=False)


class ArraysFile(File):
    """An ``.npz`` file and the arrays in it, by name."""

    arrays: dict[str, Array]


class _Manifest(_Strict):
    format: Literal[1]
    name: str = Field(pattern=NAME_PATTERN)
    version: str = Field(min_length=1, max_length=40)
    description: str = Field(max_length=500)
    licence: str = Field(min_length=1, max_length=100)
    provenance: str = Field(min_length=1, max_length=500)
    documents: tuple[File, ...] = Field((), strict=False)


class HeadManifest(_Manifest):
    """A pack of an anomaly head.

    Attributes:
        head: The head's name in ``models.heads``.
        view: What the head looks at.
        parameters: What the head takes; what is not named has the head's own default.
        graphs: By the role that the head gives them, such as ``encoder``.
        arrays: By role.
    """

    kind: Literal["head"]
    head: str = Field(min_length=1, max_length=64)
    view: Literal["object", "frame"]
    parameters: dict[str, JsonValue] = {}
    graphs: dict[str, File] = {}
    arrays: dict[str, ArraysFile] = {}

    def files(self) -> tuple[File, ...]:
        """Every file of the pack."""
        return (*self.graphs.values(), *self.arrays.values(), *self.documents)


Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=4)]
Side = Annotated[int, Field(ge=32, le=4096, multiple_of=32)]


class DetectorManifest(_Manifest):
    """A pack of a detector.

    Attributes:
        layout: How its graph is fed and read (``service/engine/detectors``); ``motion`` has no graph.
        graph: The network.
        input: Width and height that pictures are fitted into; None if the graph takes any size and gets the
            shape of the picture.
        classes: Names of its classes, in the graph's order.
        confidence: Detections below it are left out, unless a stream asks for more.
        overlap: Of two boxes of a class with a greater intersection over union, the surer one stays.
        tiles: Columns and rows that a picture is looked at in, or ``auto`` for as many as fill the input.
    """

    kind: Literal["detector"]
    layout: Literal["motion", "yolox", "yolo", "yolo_nms"]
    graph: File | None = None
    input: tuple[Side, Side] | None = Field(None, strict=False)
    classes: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(
        min_length=1, max_length=2000, strict=False
    )
    confidence: Share | None = None
    overlap: Share | None = None
    tiles: Literal["auto"] | Annotated[tuple[Count, Count], Field(strict=False)] = (1, 1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        given = {name for name in ("graph", "input", "confidence", "overlap") if getattr(self, name) is not None}
        if self.layout == "motion" and given:
            msg = f"expected a motion detector with no graph, got {', '.join(sorted(given))}"
            raise ValueError(msg)
        if self.layout != "motion" and not given >= {"graph", "confidence", "overlap"}:
            msg = f"expected graph, confidence and overlap, got {', '.join(sorted(given)) or 'none of them'}"
            raise ValueError(msg)
        if len(set(self.classes)) != len(self.classes):
            msg = "expected classes of different names"
            raise ValueError(msg)
        return self

    def files(self) -> tuple[File, ...]:
        """Every file of the pack."""
        return (*(() if self.graph is None else (self.graph,)), *self.documents)


Manifest = Annotated[HeadManifest | DetectorManifest, Field(discriminator="kind")]
_MANIFEST: TypeAdapter[HeadManifest | DetectorManifest] = TypeAdapter(Manifest)


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that has verified.

    Attributes:
        path: Its folder.
        manifest: What it says of itself.
        hash: sha256 of the manifest, which holds the hashes of all files.
    """

    path: Path
    manifest: HeadManifest | DetectorManifest
    hash: str

    @property
    def name(self) -> str:
        """By which streams name it."""
        return self.manifest.name

    @property
    def kind(self) -> Literal["head", "detector"]:
        """What it is a pack of."""
        return self.manifest.kind

    @classmethod
    def load(cls, folder: Path) -> Pack:
        """Read and verify a pack.

        Raises:
            PackError: What is wrong, the first thing found.
        """
        text = _read_manifest(folder)
        manifest = parse_manifest(text)
        for file in manifest.files():
            _verify(folder, file)
        if isinstance(manifest, HeadManifest):
            for arrays in manifest.arrays.values():
                _verify_arrays(folder, arrays)
        return cls(folder, manifest, hashlib.sha256(text).hexdigest())

    def file(self, file: File) -> Path:
        """Where one of its files lies."""
        return _inside(self.path, file.file)

    def arrays(self, role: str) -> dict[str, NDArray[np.generic]]:
        """The arrays of one role of a head's pack, read into memory.

        Raises:
            KeyError: If the pack has no arrays of this role.
        """
        assert isinstance(self.manifest, HeadManifest)
        with np.load(self.file(self.manifest.arrays[role]), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}


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
        """Args: folders, beside the built-in one; those that do not exist are empty."""
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
                names = ", ".join(sorted({path.name for path in self._paths()}))
                code, message = "unknown_pack", f"expected a pack of {names}; got {name!r}"
                raise PackError(code, message)
            entry = self._entry(path)
        if entry.pack is None:
            raise PackError(entry.code or "bad_manifest", f"pack {name}: {entry.error}")
        return entry.pack

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
        fingerprint = _fingerprint(path)
        known = self._verified.get(path)
        if known is None or known[0] != fingerprint:
            known = fingerprint, _verified_entry(path)
            self._verified[path] = known
        return known[1]


_Fingerprint = tuple[tuple[str, int, int], ...]


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
        return PackEntry(path.name, path, error=error.message, code=error.code)
    return PackEntry(path.name, path, pack)


def parse_manifest(text: bytes) -> HeadManifest | DetectorManifest:
    """Read a manifest.

    Raises:
        PackError: ``bad_manifest``, ``unknown_format`` or ``unknown_key``.
    """
    try:
        content = json.loads(text)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        code, message = "bad_manifest", f"expected JSON in {MANIFEST}: {error}"
        raise PackError(code, message) from error
    if not isinstance(content, dict):
        code, message = "bad_manifest", f"expected an object in {MANIFEST}, got {type(content).__name__}"
        raise PackError(code, message)
    if content.get("format") != FORMAT:
        code, message = "unknown_format", f"expected format {FORMAT} in {MANIFEST}, got {content.get('format')!r}"
        raise PackError(code, message)
    try:
        return _MANIFEST.validate_python(content)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"] if part not in {"head", "detector"}) or "manifest"
        unknown = problem["type"] == "extra_forbidden"
        code = "unknown_key" if unknown else "bad_manifest"
        said = "expected no such key" if unknown else problem["msg"]
        raise PackError(code, f"{MANIFEST}: {where}: {said}") from error


def _read_manifest(folder: Path) -> bytes:
    path = folder / MANIFEST
    if path.is_symlink():
        code, message = "symlink", f"expected a file {MANIFEST}, got a link"
        raise PackError(code, message)
    if not path.is_file():
        code, message = "missing_file", f"expected {MANIFEST} in {folder.name}, found none"
        raise PackError(code, message)
    if path.stat().st_size > _LARGEST_MANIFEST:
        code, message = "wrong_size", f"expected at most {_LARGEST_MANIFEST} bytes of {MANIFEST}"
        raise PackError(code, message)
    return path.read_bytes()


def _inside(folder: Path, file: str) -> Path:
    """The path of a file in a pack, if it cannot lead out of it."""
    parts = PurePosixPath(file).parts
    plain = all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", part) for part in parts)
    if not plain or "/".join(parts) != file:
        code, message = "bad_path", f"expected a plain path inside the pack, got {file!r}"
        raise PackError(code, message)
    return folder.joinpath(*parts)


def _verify(folder: Path, file: File) -> None:
    path = _inside(folder, file.file)
    steps = [folder.joinpath(*PurePosixPath(file.file).parts[: depth + 1]) for depth in range(file.file.count("/") + 1)]
    if any(step.is_symlink() for step in steps):
        code, message = "symlink", f"expected a file {file.file}, got a link"
        raise PackError(code, message)
    if not path.exists() or not stat.S_ISREG(path.stat().st_mode):
        code, message = "missing_file", f"expected the file {file.file}, found none"
        raise PackError(code, message)
    size = path.stat().st_size
    if size != file.bytes:
        code, message = "wrong_size", f"expected {file.bytes} bytes in {file.file}, got {size}"
        raise PackError(code, message)
    found = file_hash(path)
    if found != file.sha256:
        code, message = "wrong_hash", f"expected sha256 {file.sha256} of {file.file}, got {found}"
        raise PackError(code, message)


def file_hash(path: Path) -> str:
    """sha256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for chunk in iter(functools.partial(stream.read, _CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _verify_arrays(folder: Path, file: ArraysFile) -> None:
    found = array_headers(folder / file.file)
    if found.keys() != file.arrays.keys():
        expected, got = ", ".join(sorted(file.arrays)) or "none", ", ".join(sorted(found)) or "none"
        code, message = "bad_arrays", f"expected the arrays {expected} in {file.file}, got {got}"
        raise PackError(code, message)
    for name, array in file.arrays.items():
        if found[name] != array:
            code = "wrong_shape"
            message = f"expected {name} of {file.file} to be {_words(array)}, got {_words(found[name])}"
            raise PackError(code, message)


def array_headers(path: Path) -> Mapping[str, Array]:
    """Type and shape of every array of an ``.npz``, without reading the arrays.

    Raises:
        PackError: ``bad_arrays``, if it is none, or holds Python objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy"): _header(archive, name) for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        if isinstance(error, PackError):
            raise
        code, message = "bad_arrays", f"expected arrays in {path.name}: {error}"
        raise PackError(code, message) from error


def _header(archive: zipfile.ZipFile, name: str) -> Array:
    with archive.open(name) as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        if dtype.hasobject:
            code, message = "bad_arrays", f"expected an array of numbers in {name}, got Python objects"
            raise PackError(code, message)
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if archive.getinfo(name).file_size - stream.tell() != size:
            code, message = "bad_arrays", f"expected {size} bytes of {name}, got another size"
            raise PackError(code, message)
    return Array(dtype=dtype.name, shape=shape)


def _words(array: Array) -> str:
    return f"{array.dtype} {list(array.shape)}"
