"""A pack's manifest: what is in it, and the files that it names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError, model_validator

from models.packs.errors import PackError

FORMAT = 1
REQUIRES = "0.1.0"
"""The first version of this program that reads every manifest of this format; what writes packs puts it into them."""

MANIFEST = "manifest.json"
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"

_VERSION = r"^[0-9]{1,6}(\.[0-9]{1,6}){1,2}$"


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


class ArraySpec(_Strict):
    """What an array of an ``.npz`` is. ``dtype`` is numpy's name of it, such as ``float32``."""

    dtype: str
    shape: tuple[Annotated[int, Field(ge=0)], ...] = Field(strict=False)

    def __str__(self) -> str:
        return f"{self.dtype} {list(self.shape)}"


class ArraysFile(File):
    """An ``.npz`` file and the arrays in it, by name."""

    arrays: dict[str, ArraySpec]


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
        head: The head's name, in ``models.heads`` or as an entry point of another distribution.
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


class _TowerFiles(_Strict):
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


class ImageTowerFiles(_TowerFiles):
    """Crops to features: input ``crops`` ``(B, S, S, 3)`` uint8 BGR, output ``features`` ``(B, F)`` float32.

    Attributes:
        size: ``S``.
        context: A box is made square by its longer side and enlarged by this before it is cut out.
    """

    size: int = Field(ge=16, le=1024)
    context: float = Field(ge=1, le=4)


class TemporalTowerFiles(_TowerFiles):
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


class TextTowerFiles(_TowerFiles):
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
        names_from: Cosine of a clip with a phrase from which on alerts say that it looks a little like it: a bar that
            was measured on real footage. None where none was, or none is good: then it names nothing.
        image: Of crops.
        temporal: Of clips; without it the embedding of a clip is its middle frame's feature, made unit length.
        text: Of words.
        bank: Array ``features`` ``(K, D)`` float32 of unit length: the phrases, as the text tower has them or as
            prompts were learned for them.
        phrases: JSON, the ``K`` phrases in that order: ``[{"text": ..., "kind": "action" | "background"}, ...]``.
    """

    kind: Literal["encoder"]
    dim: int = Field(ge=8, le=4096)
    sentence: bool
    temperature: Positive
    names_from: float | None = Field(None, ge=-1, le=1)
    image: ImageTowerFiles
    temporal: TemporalTowerFiles | None
    text: TextTowerFiles
    bank: ArraysFile
    phrases: File

    @model_validator(mode="after")
    def _complete(self) -> Self:
        features = self.bank.arrays.get("features")
        if self.bank.arrays.keys() != {"features"} or features is None:
            msg = f"expected one array, features, in the bank, got {', '.join(sorted(self.bank.arrays)) or 'none'}"
            raise ValueError(msg)
        if features.dtype != "float32" or len(features.shape) != 2 or features.shape[1] != self.dim:
            msg = f"expected features of the bank to be float32 [K, {self.dim}], got {features}"
            raise ValueError(msg)
        return self

    def files(self) -> tuple[File, ...]:
        """Every file of the pack."""
        return (*self.all_graphs(), self.text.tokenizer, self.bank, self.phrases, *self.documents)

    def all_graphs(self) -> tuple[File, ...]:
        """Those of its files that are graphs."""
        return tuple(graph for tower in self.towers() for graph in tower.graphs())

    def towers(self) -> tuple[ImageTowerFiles | TemporalTowerFiles | TextTowerFiles, ...]:
        """Those it has, in the order in which they are used."""
        return (self.image, self.text) if self.temporal is None else (self.image, self.temporal, self.text)


class _OneGraph(_Manifest):
    """A pack whose one graph is all that it needs."""

    graph: File

    def files(self) -> tuple[File, ...]:
        """Every file of the pack."""
        return (self.graph, *self.documents)

    def all_graphs(self) -> tuple[File, ...]:
        """Those of its files that are graphs."""
        return (self.graph,)


class PoseManifest(_OneGraph):
    """A pack of a pose estimator: pictures to the 17 keypoints of COCO.

    Attributes:
        layout: How its graph is fed and read (``service/engine/pose``). Whether there is such a layout shows when it is
            loaded: another distribution may bring it.
    """

    kind: Literal["pose"]
    layout: str = Field(pattern=NAME_PATTERN)


Channels = Annotated[tuple[float, float, float], Field(strict=False)]


class AppearanceManifest(_OneGraph):
    """A pack of an image network: crops ``(N, 3, h, w)`` float32 RGB to vectors ``(N, D)``.

    Attributes:
        input: Width and height of the input, for a graph that takes any size.
        mean: Subtracted from each channel of values from 0 to 1, red first.
        deviation: What the rest is divided by, likewise.
    """

    kind: Literal["appearance"]
    input: Annotated[
        tuple[Annotated[int, Field(ge=16, le=1024)], Annotated[int, Field(ge=16, le=1024)]], Field(strict=False)
    ]
    mean: Channels
    deviation: Annotated[tuple[Positive, Positive, Positive], Field(strict=False)]


AnyManifest = HeadManifest | DetectorManifest | EncoderManifest | PoseManifest | AppearanceManifest
OneManifest = TypeVar("OneManifest", HeadManifest, DetectorManifest, EncoderManifest, PoseManifest, AppearanceManifest)
Manifest = Annotated[AnyManifest, Field(discriminator="kind")]
_MANIFEST: TypeAdapter[AnyManifest] = TypeAdapter(Manifest)


def parse_manifest(text: bytes) -> AnyManifest:
    """Read a manifest.

    Args:
        text: What stands in ``manifest.json``.

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
