"""A pack: what a head or a detector is made of. A folder with ``manifest.json`` and the files that it names.

The manifest is strict: an unknown key, a missing file, a wrong hash or a wrong shape is an error of its own, and
nothing in a pack is ever unpickled or executed. A pack that loads is a pack that is whole.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

FORMAT = 1
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 1_000_000
BUILT_IN = Path(__file__).parent / "packs"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class PackError(ValueError):
    """A pack that cannot be used. ``code`` is stable; the message says what was expected and what came."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileFacts(_Part):
    """What a file of the pack must be."""

    sha256: Sha256
    bytes: int = Field(ge=0)


class ArrayFacts(_Part):
    """What an array of an ``.npz`` file must be."""

    shape: tuple[int, ...]
    dtype: Literal["float32", "float64", "int32", "int64", "uint8"]


class _Manifest(_Part):
    format: Literal[1]
    name: Name
    version: str = Field(min_length=1, max_length=40)
    description: str = Field(max_length=1000)
    licence: str = Field(max_length=100)
    provenance: str = Field(max_length=2000, description="Where the weights come from: command, commit, seed, source.")
    files: dict[str, FileFacts] = Field(default_factory=dict)
    arrays: dict[str, dict[str, ArrayFacts]] = Field(default_factory=dict, description="Per `.npz` file.")


class HeadManifest(_Manifest):
    """Manifest of an anomaly head."""

    kind: Literal["head"]
    head: str = Field(description="Name in the registry of heads.")
    view: Literal["object", "frame"]
    parameters: dict[str, object] = Field(default_factory=dict)


class DetectorManifest(_Manifest):
    """Manifest of a detector."""

    kind: Literal["detector"]
    layout: Literal["yolox", "yolo", "yolo-nms"] = Field(description="How the graph speaks of boxes.")
    graph: str = Field(description="The `.onnx` file.")
    classes: tuple[str, ...] = Field(min_length=1, description="Class names, in the order of the graph's outputs.")
    confidence: float | None = Field(None, gt=0, lt=1, description="Least confidence; null takes the layout's.")
    overlap: float | None = Field(None, gt=0, lt=1, description="IoU above which one of two boxes goes.")
    tiles: tuple[int, int] | None = Field(None, description="Columns and rows a picture is cut into.")


Manifest = Annotated[HeadManifest | DetectorManifest, Field(discriminator="kind")]
_manifest: TypeAdapter[HeadManifest | DetectorManifest] = TypeAdapter(Manifest)


@dataclass(frozen=True, slots=True)
class Pack:
    """A verified pack.

    Attributes:
        path: Its folder.
        manifest: What it says of itself.
        hash: sha256 of the manifest, which holds the hashes of all files: two packs with it are the same.
    """

    path: Path
    manifest: HeadManifest | DetectorManifest
    hash: str

    @property
    def name(self) -> str:
        """Its name, by which streams ask for it."""
        return self.manifest.name

    @property
    def kind(self) -> Literal["head", "detector"]:
        """What it is the pack of."""
        return self.manifest.kind

    @classmethod
    def load(cls, folder: Path) -> Pack:
        """Read the manifest and verify every file.

        Raises:
            PackError: ``pack_missing``, ``pack_manifest``, ``pack_format``, ``pack_file``, ``pack_hash``,
                ``pack_array``.
        """
        raw = _read_manifest(folder)
        manifest = _parse(folder, raw)
        if manifest.name != folder.name:
            msg = f"expected pack {folder.name!r} to be named like its folder, got {manifest.name!r}"
            raise PackError("pack_manifest", msg)
        for name, facts in manifest.files.items():
            _verify_file(folder, name, facts)
        if isinstance(manifest, DetectorManifest) and manifest.graph not in manifest.files:
            msg = f"expected pack {manifest.name!r} to list its graph {manifest.graph!r} among its files"
            raise PackError("pack_manifest", msg)
        for name in manifest.arrays:
            load_arrays(folder, manifest, name)
        return cls(folder, manifest, hashlib.sha256(raw).hexdigest())

    def file(self, name: str) -> Path:
        """Where a file of the pack is.

        Raises:
            KeyError: If the manifest does not list it.
        """
        if name not in self.manifest.files:
            raise KeyError(name)
        return self.path / name


def load_arrays(folder: Path, manifest: HeadManifest | DetectorManifest, name: str) -> Mapping[str, NDArray[np.generic]]:
    """Read an ``.npz`` file of a pack, checked against the shapes that the manifest declares.

    Raises:
        PackError: ``pack_array``.
    """
    wanted = manifest.arrays[name]
    if name not in manifest.files:
        msg = f"expected pack {manifest.name!r} to list {name!r} among its files"
        raise PackError("pack_manifest", msg)
    try:
        with np.load(folder / name, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError) as error:
        msg = f"expected arrays in {name!r} of pack {manifest.name!r}, got {error}"
        raise PackError("pack_array", msg) from error
    got = {key: ArrayFacts.model_construct(shape=value.shape, dtype=value.dtype.name) for key, value in arrays.items()}
    if got != wanted:
        msg = f"expected arrays {_shapes(wanted)} in {name!r} of pack {manifest.name!r}, got {_shapes(got)}"
        raise PackError("pack_array", msg)
    return arrays


def _shapes(arrays: Mapping[str, ArrayFacts]) -> str:
    return ", ".join(f"{key} {facts.dtype}{list(facts.shape)}" for key, facts in sorted(arrays.items())) or "none"


def _read_manifest(folder: Path) -> bytes:
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            msg = f"expected a manifest of at most {MAX_MANIFEST_BYTES} bytes in pack {folder.name!r}"
            raise PackError("pack_manifest", msg)
        return path.read_bytes()
    except OSError as error:
        msg = f"expected a pack with {MANIFEST} in folder {folder.name!r}, got {error.strerror}"
        raise PackError("pack_missing", msg) from error


def _parse(folder: Path, raw: bytes) -> HeadManifest | DetectorManifest:
    try:
        document = json.loads(raw)
    except ValueError as error:
        msg = f"expected JSON in the manifest of pack {folder.name!r}, got {error}"
        raise PackError("pack_manifest", msg) from error
    version = document.get("format") if isinstance(document, dict) else None
    if version != FORMAT:
        msg = f"expected a manifest of format {FORMAT} in pack {folder.name!r}, got {version!r}"
        raise PackError("pack_format", msg)
    try:
        return _manifest.validate_python(document, strict=False)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors(include_url=False)
        )
        msg = f"expected a valid manifest in pack {folder.name!r}, got {problems}"
        raise PackError("pack_manifest", msg) from error


def _verify_file(folder: Path, name: str, facts: FileFacts) -> None:
    parts = PurePosixPath(name)
    path = folder / name
    if parts.is_absolute() or ".." in parts.parts or not name or path.is_symlink():
        msg = f"expected a file inside pack {folder.name!r}, got {name!r}"
        raise PackError("pack_file", msg)
    if not path.is_file():
        msg = f"expected file {name!r} in pack {folder.name!r}, it is missing"
        raise PackError("pack_file", msg)
    size = path.stat().st_size
    if size != facts.bytes:
        msg = f"expected {facts.bytes} bytes in {name!r} of pack {folder.name!r}, got {size}"
        raise PackError("pack_hash", msg)
    digest = file_sha256(path)
    if digest != facts.sha256:
        msg = f"expected sha256 {facts.sha256} of {name!r} in pack {folder.name!r}, got {digest}"
        raise PackError("pack_hash", msg)


def file_sha256(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class PackEntry:
    """A pack of the library, whole or not: ``pack`` is None when ``error`` says why it cannot be used."""

    name: str
    path: Path
    pack: Pack | None
    error: PackError | None


class PackLibrary:
    """The built-in packs, and those of some folders. Thread-safe.

    A pack is verified when it is first asked for, and again when one of its files has changed on disk.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        """Args: folders, each of which holds packs; a pack of a later one cannot hide a built-in one."""
        self._folders = (BUILT_IN, *folders)
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[tuple[tuple[str, int, int], ...], PackEntry]] = {}

    def list(self) -> list[PackEntry]:
        """Every pack there is, by name, the broken ones with what is wrong with them."""
        return [self._entry(folder) for _, folder in sorted(self._found().items())]

    def get(self, name: str) -> Pack:
        """A pack by name.

        Raises:
            PackError: ``pack_not_found``, or what is wrong with it.
        """
        found = self._found()
        if name not in found:
            msg = f"expected one of the packs {', '.join(sorted(found)) or '(there are none)'}, got {name[:64]!r}"
            raise PackError("pack_not_found", msg)
        entry = self._entry(found[name])
        if entry.pack is None:
            raise entry.error or PackError("pack_missing", f"pack {name!r} is gone")
        return entry.pack

    def _found(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for folder in self._folders:
            if folder.is_dir():
                for path in folder.iterdir():
                    if path.is_dir() and not path.name.startswith("."):
                        found.setdefault(path.name, path)
        return found

    def _entry(self, folder: Path) -> PackEntry:
        stamp = tuple(
            sorted(
                (path.name, path.stat().st_mtime_ns, path.stat().st_size)
                for path in folder.rglob("*")
                if path.is_file()
            )
        )
        with self._lock:
            known = self._known.get(folder)
            if known is not None and known[0] == stamp:
                return known[1]
            try:
                entry = PackEntry(folder.name, folder, Pack.load(folder), None)
            except PackError as error:
                entry = PackEntry(folder.name, folder, None, error)
            self._known[folder] = (stamp, entry)
            return entry
