"""What an ONNX file says of itself, read without ONNX Runtime and without its weights.

A walk over the protobuf fields of ``ModelProto`` (onnx.proto3 of ONNX 1.x) that skips what it does not need: a graph
of 350 MB is read in milliseconds, and a file that is something else never reaches a parser written in C.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_DEPTH = (
    50  # messages within messages; a graph within a graph (If, Loop) is three, and exporters stay below 4 graphs
)
_MAX_NAME = 4096
_MAX_FIELDS = 1_000_000  # of one message: bounds the memory that a file made for it could take
_TYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64"}
_LEADS_TO_WEIGHTS = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
}  # by message: its fields that are a ``TensorProto`` or can hold one
_KNOWN_STARTS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"PK\x03\x04": "a zip archive, such as a torch checkpoint",
    b"\x80": "a pickle",
    b"version https://git-lfs": "a Git LFS pointer",
    b"<": "a page of HTML or XML",
}


class NotAGraph(ValueError):
    """A file that is no ONNX graph, or one that leans on files beside it."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or an output.

    Attributes:
        name: As the graph calls it.
        dtype: numpy's name of its type.
        shape: Its sizes; None where any size goes.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        return f"{self.name} ({', '.join('any' if size is None else str(size) for size in self.shape)}) {self.dtype}"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a graph takes and gives, in its own order; ``half``, whether it computes with float16 inside."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    half: bool = False


class _Field(NamedTuple):
    """One protobuf field: its number, the value of a varint, and where its bytes lie."""

    number: int
    value: int
    start: int
    end: int


def read_signature(path: Path) -> Signature:
    """Read what a graph takes and gives.

    Raises:
        NotAGraph: If it is no ONNX model, is cut short, or keeps weights in other files, which would be read
            unverified.
    """
    if path.suffix.lower() == ".ort":  # by that name ONNX Runtime takes a file for one of its own format
        raise NotAGraph("it is named as a model of ONNX Runtime's own format")
    model = _Field(0, 0, 0, path.stat().st_size)
    with path.open("rb") as stream:
        head = stream.read(32)
        try:
            fields = list(_fields(stream, model.start, model.end))
            graphs = [field for field in fields if field.number == 7 and field.end > field.start]
            if len(graphs) != 1 or not any(field.number == 1 for field in fields):
                raise NotAGraph("it holds no graph")
            _refuse_outside_weights(stream, model, "model")
            return _signature(stream, graphs[0])
        except NotAGraph as error:
            kind = next((kind for start, kind in _KNOWN_STARTS.items() if head.startswith(start)), None)
            raise NotAGraph(f"it is {kind}" if kind else str(error)) from error


def unsafe_passes(path: Path) -> list[str] | None:
    """Passes of ONNX Runtime that a graph has to be loaded without; None for none.

    On x86, NchwcTransformer ends the process at float16 products behind a transpose (microsoft/onnxruntime#28392).

    Raises:
        NotAGraph: As ``read_signature``.
    """
    return ["NchwcTransformer"] if read_signature(path).half else None


def _signature(stream: BinaryIO, graph: _Field) -> Signature:
    inputs, outputs, stored, half = [], [], set(), False
    for field in _fields(stream, graph.start, graph.end):
        if field.number == 11:
            inputs.append(_tensor(stream, field))
        elif field.number == 12:
            outputs.append(_tensor(stream, field))
        elif field.number == 5:
            name, dtype = _weight(stream, field)
            stored.add(name)
            half = half or dtype == "float16"
    if not outputs:
        raise NotAGraph("its graph gives nothing")
    # Before IR version 4 weights were inputs too.
    return Signature(tuple(tensor for tensor in inputs if tensor.name not in stored), tuple(outputs), half)


def _refuse_outside_weights(stream: BinaryIO, message: _Field, kind: str, depth: int = 0) -> None:
    """Refuse weights in other files, wherever a model can hold weights."""
    if depth > _MAX_DEPTH:
        raise NotAGraph("its graphs are nested too deep")
    for field in _fields(stream, message.start, message.end):
        if kind == "tensor":
            if field.number == 13 or (field.number == 14 and field.value != 0):
                raise NotAGraph("it keeps weights in another file")
        elif field.number in _LEADS_TO_WEIGHTS[kind]:
            _refuse_outside_weights(stream, field, _LEADS_TO_WEIGHTS[kind][field.number], depth + 1)


def _weight(stream: BinaryIO, tensor: _Field) -> tuple[str, str]:
    """Name and type of a ``TensorProto``."""
    name, dtype = "", "unknown"
    for field in _fields(stream, tensor.start, tensor.end):
        if field.number == 8:
            name = _text(stream, field)
        elif field.number == 2:
            dtype = _TYPES.get(field.value, dtype)
    return name, dtype


def _tensor(stream: BinaryIO, info: _Field) -> Tensor:
    """A ``ValueInfoProto`` of a tensor."""
    name, dtype, shape = "", "unknown", []
    for field in _fields(stream, info.start, info.end):
        if field.number == 1:
            name = _text(stream, field)
        elif field.number == 2:
            for tensor in _of(stream, field, 1):
                for part in _fields(stream, tensor.start, tensor.end):
                    if part.number == 1:
                        dtype = _TYPES.get(part.value, f"type {part.value}")
                    elif part.number == 2:
                        shape = [_size(stream, dimension) for dimension in _of(stream, part, 1)]
    return Tensor(name, dtype, tuple(shape))


def _size(stream: BinaryIO, dimension: _Field) -> int | None:
    values = [field.value for field in _of(stream, dimension, 1)]
    return values[-1] if values and 0 < values[-1] < 2**63 else None


def _of(stream: BinaryIO, message: _Field, number: int) -> list[_Field]:
    return [field for field in _fields(stream, message.start, message.end) if field.number == number]


def _text(stream: BinaryIO, field: _Field) -> str:
    if field.end - field.start > _MAX_NAME:
        raise NotAGraph("a name in it is too long")
    stream.seek(field.start)
    try:
        return stream.read(field.end - field.start).decode()
    except UnicodeDecodeError as error:
        raise NotAGraph("a name in it is no text") from error


def _fields(stream: BinaryIO, start: int, end: int) -> Iterator[_Field]:
    """The fields of a message, without what lies in them."""
    at = start
    for _ in range(_MAX_FIELDS):
        if at >= end:
            return
        stream.seek(at)
        key = _varint(stream)
        number, wire, value = key >> 3, key & 7, 0
        if wire in {_VARINT, _BYTES}:
            value = _varint(stream)
        begin = stream.tell()
        lengths = {_VARINT: 0, _FIXED64: 8, _BYTES: value, _FIXED32: 4}
        # ONNX Runtime's reader cuts a key off at 32 bits: a larger one is another field there than here.
        if not 0 < number < 1 << 29 or wire not in lengths or begin + lengths[wire] > end:
            raise NotAGraph("it is no protobuf, or is cut short")
        at = begin + lengths[wire]
        yield _Field(number, value, begin, at)
    raise NotAGraph("it has too many parts")


def _varint(stream: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = stream.read(1)
        if not byte:
            break
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise NotAGraph("it is no protobuf, or is cut short")
