"""Packs: what is exported for the service to run. A folder with ``manifest.json`` and the files that it names.

    manifest.json       format, name, kind, version, description, licence, provenance, and what the kind needs
    *.onnx              graphs
    *.npz               arrays, never pickled
    anything else       documents, such as the licence's text

A pack is verified before anything of it is used: every key known, every file there, of the size and sha256 that the
manifest says, inside the folder, no link; every array of the type and shape it says. What a pack holds beyond the
files of its manifest is never read. Graphs are looked at in their protobuf structure (``models/graph.py``), which
tells a picture from a network and one network's shapes from another's; whether they run, ``watchword packs verify``
says.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
import stat
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError, model_validator

from models.graph import NotAGraph, Signature, Tensor, read_signature
from models.guidance.bank import Phrase, read_phrases

FORMAT = 1
REQUIRES = "0.1.0"
"""The first version of this program that reads every manifest of this format; what writes packs puts it into them."""

MANIFEST = "manifest.json"
BUILT_IN = Path(__file__).parent / "built_in"
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"

_VERSION = r"^[0-9]{1,6}(\.[0-9]{1,6}){1,2}$"
_MAX_MANIFEST = 1_000_000
_MAX_TOKENIZER = 64_000_000
_MAX_ARRAYS = 256 << 20  # bytes in memory of one file's arrays, however small they are packed
_log = logging.getLogger(__name__)


class PackError(ValueError):
    """A pack that does not verify.

    Codes: ``unknown_pack``, ``missing_file``, ``bad_manifest``, ``unknown_key``, ``unknown_format``, ``bad_path``,
    ``symlink``, ``wrong_size``, ``wrong_hash``, ``bad_arrays``, ``wrong_shape``, ``wrong_name``, ``bad_graph``,
    ``bad_phrases``, ``bad_tokenizer``, ``program_too_old``, ``unknown_layout``, ``wrong_layout``, ``pack_kind``,
    ``name_taken``, ``unreadable``.
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


Version = Annotated[str, Field(pattern=_VERSION)]
"""Of this program, such as 0.2.0: the oldest that can use a pack."""


class _Manifest(_Strict):
    format: Literal[1]
    name: str = Field(pattern=NAME_PATTERN)
    version: str = Field(min_length=1, max_length=40)
    description: str = Field(max_length=500)
    licence: str = Field(min_length=1, max_length=100)
    provenance: str = Field(min_length=1, max_length=500)
    requires: Version | None = None
    documents: tuple[File, ...] = Field((), strict=False)


class HeadManifest(_Manifest):
    """A pack of an anomaly head.

    Attributes:
        head: The head's name in ``models.heads``.
        encoder: The encoder pack whose features it scores, if any.
        view: What the head looks at.
        parameters: What the head takes; what is not named has the head's own default.
        graphs: By the role that the head gives them, such as ``encoder``.
        arrays: By role.
    """

    kind: Literal["head"]
    head: str = Field(min_length=1, max_length=64)
    encoder: Annotated[str, Field(pattern=NAME_PATTERN)] | None = None
    view: Literal["object", "frame"]
    parameters: dict[str, JsonValue] = {}
    graphs: dict[str, File] = {}
    arrays: dict[str, ArraysFile] = {}

    def files(self) -> tuple[File, ...]:
        """Every file of the pack."""
        return (*self.graphs.values(), *self.arrays.values(), *self.documents)

    def all_graphs(self) -> tuple[File, ...]:
        """Those of its files that are graphs."""
        return tuple(self.graphs.values())


Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=4)]
Side = Annotated[int, Field(ge=32, le=4096, multiple_of=32)]


class DetectorManifest(_Manifest):
    """A pack of a detector.

    Attributes:
        layout: How its graph is fed and read (``service/engine/detectors``); ``motion`` has no graph. Whether there is
            one of this name shows when the detector is opened: other distributions bring some.
        graph: The network.
        input: Width and height that pictures are fitted into; None if the graph takes any size and gets the
            shape of the picture.
        classes: Names of its classes, in the graph's order.
        confidence: Detections below it are left out, unless a stream asks for more.
        overlap: Of two boxes of a class with a greater intersection over union, the surer one stays.
        tiles: Columns and rows that a picture is looked at in, or ``auto`` for as many as fill the input.
    """

    kind: Literal["detector"]
    layout: str = Field(pattern=NAME_PATTERN)
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
        return (*self.all_graphs(), *self.documents)

    def all_graphs(self) -> tuple[File, ...]:
        """Those of its files that are graphs."""
        return () if self.graph is None else (self.graph,)


Positive = Annotated[float, Field(gt=0)]
Precision = Literal["fp32", "fp16", "int8"]


class Variant(_Strict):
    """A tower's graph in fewer bits, and what that costs.

    Attributes:
        graph: Takes and gives what the tower's own graph does.
        error: Largest relative error of its output against the tower's own graph, over the inputs it was checked on.
        cosine: Smallest cosine between a feature of it and the tower's own graph's, over the same inputs.
        auc: Of the scores with the tower's own graph, on the data of ``measured_on``; None where not measured.
        auc_change: AUC with this graph less ``auc``.
        measured_on: The dataset, and how it was split, in words.
    """

    graph: File
    error: float = Field(ge=0)
    cosine: float = Field(ge=-1, le=1)
    auc: Annotated[float, Field(ge=0, le=1)] | None = None
    auc_change: Annotated[float, Field(ge=-1, le=1)] | None = None
    measured_on: str | None = Field(None, max_length=500)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        measured = (self.auc, self.auc_change, self.measured_on)
        if any(each is None for each in measured) and any(each is not None for each in measured):
            msg = "expected auc, auc_change and measured_on together, or none of them"
            raise ValueError(msg)
        return self


class _Tower(_Strict):
    """A graph of an encoder, and the same one in fewer bits (``variants``)."""

    graph: File
    variants: dict[Literal["fp16", "int8"], Variant] = {}

    def at(self, precision: Precision) -> File:
        """The graph in a precision, or the tower's own where it has none in that."""
        variant = None if precision == "fp32" else self.variants.get(precision)
        return self.graph if variant is None else variant.graph

    def graphs(self) -> tuple[File, ...]:
        """Its own graph and its variants'."""
        return (self.graph, *(variant.graph for variant in self.variants.values()))


class ImageTower(_Tower):
    """Crops to features: input ``crops`` ``(B, S, S, 3)`` uint8 BGR, output ``features`` ``(B, F)`` float32.

    Attributes:
        size: ``S``.
        context: A box is made square by its longer side and enlarged by this before it is cut out.
    """

    size: int = Field(ge=16, le=1024)
    context: float = Field(ge=1, le=4)


class TemporalTower(_Tower):
    """Features of one object over time to a clip's.

    Inputs ``frames`` ``(B, T, F)`` float32, oldest first, and with ``geometry`` also ``geometry`` ``(B, T, 5)``
    float32: per entry, against the newest box and in its heights, ``dx, dy`` of the centre, ``log(h_t / h)``,
    ``log(w_t / h_t)``, and the seconds before the newest. Output ``clip`` ``(B, D)`` float32 of unit length.

    Attributes:
        frames: ``T``; a shorter history repeats its oldest entry.
        interval_s: Between two entries.
        geometry: Whether it takes the geometry.
    """

    frames: int = Field(ge=1, le=64)
    interval_s: float = Field(gt=0, le=10)
    geometry: bool


class TextTower(_Tower):
    """Tokens to a text's feature: input ``tokens`` ``(B, L)`` int64, output ``text`` ``(B, D)`` float32, unit length.

    Attributes:
        tokenizer: A ``tokenizer.json`` of the ``tokenizers`` library, with its truncation and padding set.
        length: The longest ``L``.
    """

    tokenizer: File
    length: int = Field(ge=4, le=1024)


class EncoderManifest(_Manifest):
    """A pack of a joint space of object clips and words.

    Attributes:
        dim: ``D``, of the space.
        sentence: Whether the cosine of two texts says how alike they are in meaning.
        temperature: Cosines are divided by it before a softmax over phrases.
        image: Of crops.
        temporal: Of clips; without it a clip's feature is its middle frame's, made unit length.
        text: Of words.
        bank: Array ``features`` ``(K, D)`` float32 of unit length: the phrases, as the text tower has them or as
            prompts were learned for them.
        phrases: JSON, the ``K`` phrases in that order: ``[{"text": ..., "kind": "action" | "background"}, ...]``.
    """

    kind: Literal["encoder"]
    dim: int = Field(ge=8, le=4096)
    sentence: bool
    temperature: Positive
    image: ImageTower
    temporal: TemporalTower | None
    text: TextTower
    bank: ArraysFile
    phrases: File

    @model_validator(mode="after")
    def _complete(self) -> Self:
        features = self.bank.arrays.get("features")
        if self.bank.arrays.keys() != {"features"} or features is None:
            msg = f"expected one array, features, in the bank, got {', '.join(sorted(self.bank.arrays)) or 'none'}"
            raise ValueError(msg)
        if features.dtype != "float32" or len(features.shape) != 2 or features.shape[1] != self.dim:
            msg = f"expected features of the bank to be float32 [K, {self.dim}], got {_words(features)}"
            raise ValueError(msg)
        return self

    def files(self) -> tuple[File, ...]:
        """Every file of the pack."""
        return (*self.all_graphs(), self.text.tokenizer, self.bank, self.phrases, *self.documents)

    def all_graphs(self) -> tuple[File, ...]:
        """Those of its files that are graphs."""
        return tuple(graph for tower in self.towers() for graph in tower.graphs())

    def towers(self) -> tuple[ImageTower | TemporalTower | TextTower, ...]:
        """Those it has, in the order in which they are used."""
        return (self.image, self.text) if self.temporal is None else (self.image, self.temporal, self.text)


AnyManifest = HeadManifest | DetectorManifest | EncoderManifest
OneManifest = TypeVar("OneManifest", HeadManifest, DetectorManifest, EncoderManifest)
Manifest = Annotated[AnyManifest, Field(discriminator="kind")]
_MANIFEST: TypeAdapter[AnyManifest] = TypeAdapter(Manifest)


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that has verified.

    Attributes:
        path: Its folder.
        manifest: What it says of itself.
        hash: sha256 of the manifest, which holds the hashes of all files.
    """

    path: Path
    manifest: AnyManifest
    hash: str

    @property
    def name(self) -> str:
        """By which streams name it."""
        return self.manifest.name

    @property
    def kind(self) -> Literal["head", "detector", "encoder"]:
        """What it is a pack of."""
        return self.manifest.kind

    def manifest_of(self, kind: type[OneManifest]) -> OneManifest:
        """The manifest, if the pack is of this kind.

        Raises:
            PackError: ``pack_kind``.
        """
        if not isinstance(self.manifest, kind):
            (expected,) = get_args(kind.model_fields["kind"].annotation)
            code, message = "pack_kind", f"expected a pack of kind {expected}, got {self.name!r} of kind {self.kind}"
            raise PackError(code, message)
        return self.manifest

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
        signatures = {graph.file: _signature(folder, graph) for graph in manifest.all_graphs()}
        if isinstance(manifest, HeadManifest):
            for arrays in manifest.arrays.values():
                _verify_arrays(folder, arrays)
        if isinstance(manifest, EncoderManifest):
            _verify_arrays(folder, manifest.bank)
            _verify_encoder(folder, manifest, signatures)
        return cls(folder, manifest, hashlib.sha256(text).hexdigest())

    def file(self, file: File) -> Path:
        """Where one of its files lies."""
        return _inside(self.path, file.file)

    def arrays(self, role: str) -> dict[str, NDArray[np.generic]]:
        """The arrays of one role, read into memory; the one role of an encoder is ``bank``.

        Raises:
            KeyError: If the pack has no arrays of this role.
            PackError: ``bad_arrays``, if what is packed in them is damaged.
        """
        manifest = self.manifest
        roles = manifest.arrays if isinstance(manifest, HeadManifest) else {}
        if isinstance(manifest, EncoderManifest):
            roles = {"bank": manifest.bank}
        path = self.file(roles[role])
        with _reading_arrays(path), np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    def phrases(self) -> tuple[Phrase, ...]:
        """The phrases of an encoder's bank, in the order of its features.

        Raises:
            PackError: ``pack_kind``, if it is no encoder.
        """
        return _phrases(self.path, self.manifest_of(EncoderManifest).phrases)


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
                names = _shown(", ".join(sorted({path.name for path in self._paths()})))
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
        try:
            fingerprint = _fingerprint(path)
            known = self._verified.get(path)
            if known is None or known[0] != fingerprint:
                known = fingerprint, _verified_entry(path)
                self._verified[path] = known
            return known[1]
        except Exception as error:  # unreadable, or being removed right now: the other packs do not suffer from it
            return _broken(path, "unreadable", f"it cannot be read: {type(error).__name__}: {error}")


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
        return _broken(path, error.code, error.message)
    return PackEntry(path.name, path, pack)


def _broken(path: Path, code: str, message: str) -> PackEntry:
    return PackEntry(_shown(path.name), path, error=_shown(message), code=code)


def _shown(text: str) -> str:
    """As UTF-8 has it: the name of a folder or an array can hold what is no text."""
    return text.encode(errors="backslashreplace").decode()


def parse_manifest(text: bytes) -> AnyManifest:
    """Read a manifest.

    Raises:
        PackError: ``bad_manifest``, ``unknown_format``, ``program_too_old`` or ``unknown_key``.
    """
    try:
        content = json.loads(text)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        code, message = "bad_manifest", f"expected JSON in {MANIFEST}: {error}"
        raise PackError(code, message) from error
    if not isinstance(content, dict):
        code, message = "bad_manifest", f"expected an object in {MANIFEST}, got {type(content).__name__}"
        raise PackError(code, message)
    _check_age(content)
    try:
        return _MANIFEST.validate_python(content)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = problem["loc"][1:] if problem["loc"][:1] == (content.get("kind"),) else problem["loc"]
        where = ".".join(map(str, place)) or "manifest"
        unknown = problem["type"] == "extra_forbidden"
        code = "unknown_key" if unknown else "bad_manifest"
        said = "expected no such key" if unknown else problem["msg"]
        raise PackError(code, f"{MANIFEST}: {where}: {said}") from error


def _check_age(content: Mapping[str, object]) -> None:
    """Say which program a pack of the future needs, before anything else in it is found strange."""
    required, program = content.get("requires"), installed_version("watchword")
    known = isinstance(required, str) and re.fullmatch(_VERSION, required) is not None
    needs = f"; the pack needs watchword {required} or newer, this is {program}" if known else ""
    if content.get("format") != FORMAT:
        code, message = (
            "unknown_format",
            f"expected format {FORMAT} in {MANIFEST}, got {content.get('format')!r}{needs}",
        )
        raise PackError(code, message)
    if known and _parts(str(required)) > _parts(program):
        code, message = "program_too_old", f"expected a pack for watchword {program}{needs}"
        raise PackError(code, message)


def _parts(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in re.findall(r"[0-9]+", version)[:3]]
    return (*numbers, *[0] * (3 - len(numbers)))


def _read_manifest(folder: Path) -> bytes:
    path = folder / MANIFEST
    if path.is_symlink():
        code, message = "symlink", f"expected a file {MANIFEST}, got a link"
        raise PackError(code, message)
    if not path.is_file():
        code, message = "missing_file", f"expected {MANIFEST} in {folder.name}, found none"
        raise PackError(code, message)
    if path.stat().st_size > _MAX_MANIFEST:
        code, message = "wrong_size", f"expected at most {_MAX_MANIFEST} bytes of {MANIFEST}"
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
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _signature(folder: Path, graph: File) -> Signature:
    try:
        return read_signature(folder / graph.file)
    except NotAGraph as error:
        code, message = "bad_graph", f"expected an ONNX graph in {graph.file}: {error}"
        raise PackError(code, message) from error


_Shape = tuple[int | None, ...]


def _verify_encoder(folder: Path, manifest: EncoderManifest, signatures: Mapping[str, Signature]) -> None:
    """Check that the towers fit each other, and the phrases the bank."""
    dim, image, temporal, text = manifest.dim, manifest.image, manifest.temporal, manifest.text
    made = signatures[image.graph.file].outputs[0].shape
    width = dim if temporal is None else (made[1] if len(made) == 2 else None)
    for graph in image.graphs():
        crops = Tensor("crops", "uint8", (None, image.size, image.size, 3))
        _expect(graph, signatures, [crops], Tensor("features", "float32", (None, width)))
    if temporal is not None:
        frames = Tensor("frames", "float32", (None, temporal.frames, width))
        geometry = [Tensor("geometry", "float32", (None, temporal.frames, 5))] if temporal.geometry else []
        for graph in temporal.graphs():
            _expect(graph, signatures, [frames, *geometry], Tensor("clip", "float32", (None, dim)))
    for graph in text.graphs():
        given = signatures[graph.file].inputs
        fixed = len(given) == 1 and given[0].shape == (None, text.length)
        tokens = Tensor("tokens", "int64", (None, text.length if fixed else None))
        _expect(graph, signatures, [tokens], Tensor("text", "float32", (None, dim)))
    phrases, rows = len(_phrases(folder, manifest.phrases)), manifest.bank.arrays["features"].shape[0]
    if phrases != rows:
        code, message = (
            "bad_phrases",
            f"expected {rows} phrases in {manifest.phrases.file}, as the bank has; got {phrases}",
        )
        raise PackError(code, message)
    _verify_tokenizer(folder, text.tokenizer)


def _expect(graph: File, signatures: Mapping[str, Signature], inputs: Sequence[Tensor], output: Tensor) -> None:
    """Check what a graph takes and gives. The batch, and what the expected shape leaves open, has to be open in it."""
    signature = signatures[graph.file]
    if signature.inputs != tuple(inputs) or signature.outputs != (output,):
        expected = f"{', '.join(map(str, inputs))} to {output}"
        got = f"{', '.join(map(str, signature.inputs))} to {', '.join(map(str, signature.outputs))}"
        code, message = "wrong_shape", f"expected the graph {graph.file} to take {expected}; it takes {got}"
        raise PackError(code, message)


def _phrases(folder: Path, file: File) -> tuple[Phrase, ...]:
    try:
        return read_phrases(folder / file.file)
    except ValueError as error:
        code, message = "bad_phrases", f"expected phrases: {error}"
        raise PackError(code, message) from error


def _verify_tokenizer(folder: Path, file: File) -> None:
    """Tell a tokenizer from another file; the ``tokenizers`` library reads all of it when it is loaded."""
    try:
        if file.bytes > _MAX_TOKENIZER:
            raise ValueError(f"it is larger than {_MAX_TOKENIZER} bytes")
        content = json.loads((folder / file.file).read_bytes())
        if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
            raise ValueError("it has no model")
    except (ValueError, RecursionError) as error:
        code, message = "bad_tokenizer", f"expected a tokenizer in {file.file}: {str(error)[:200]}"
        raise PackError(code, message) from error


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
        PackError: ``bad_arrays``, if it is none, holds Python objects, or would take more than 256 MiB of memory.
    """
    with _reading_arrays(path), zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        files = [entry.filename for entry in entries]
        names = [file.removesuffix(".npy") for file in files]
        if len({*files, *names}) != 2 * len(files):  # of two of one name, another may be read than was looked at
            raise ValueError("one is in it twice, or is not called NAME.npy")
        if any(entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for entry in entries):
            raise ValueError("one is neither stored nor deflated")  # zipfile does not bound what others unpack to
        if sum(entry.file_size for entry in entries) > _MAX_ARRAYS:
            raise ValueError(f"they are more than {_MAX_ARRAYS} bytes")
        return {name: _header(archive, file) for name, file in zip(names, files, strict=True)}


@contextmanager
def _reading_arrays(path: Path) -> Iterator[None]:
    try:
        yield
    except PackError:
        raise
    except Exception as error:  # zipfile, zlib and numpy have no error in common
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
        size = math.prod(shape) * dtype.itemsize
        if archive.getinfo(name).file_size - stream.tell() != size:
            code, message = "bad_arrays", f"expected {size} bytes of {name}, got another size"
            raise PackError(code, message)
    return Array(dtype=dtype.name, shape=shape)


def _words(array: Array) -> str:
    return f"{array.dtype} {list(array.shape)}"
