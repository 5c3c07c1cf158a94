"""Graphs in fewer bits, with what that costs measured and written into the pack.

``fp16`` is for GPUs: half the bytes, and on a CPU no faster. ``int8`` is for CPUs: convolutions with scales calibrated
on real crops (static), matrix products of transformers with scales taken from each batch (dynamic), since their
activations differ too much from token to token for one scale.

A processor runs float16 graphs in float32: what is measured of them here is the rounding of their weights. That their
activations fit into float16 is looked at in the float32 graph.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.transformers.float16 import convert_float_to_float16
from tokenizers import Tokenizer

from export.encoder import SampleClips, Say, embed_samples, run_graph, tokenise
from export.pack_writer import PackWriter
from export.parity import ExportError, Inputs, Parity, compare
from models.arrays import Float32
from models.packs import EncoderManifest, Pack

Bits = Literal["fp16", "int8"]
Role = Literal["image", "temporal", "text"]

MIN_COSINE: Final = {"fp16": 0.999, "int8": 0.95}
"""Between features of a variant and of the graph it was made of. A graph that overflows, or whose scales were
calibrated on something else, falls far below; scores decide about the rest."""

MAX_LOSS: Final = 0.01
"""Of AUC. Quantisation that costs more is not worth its speed."""

_FLOAT = onnx.TensorProto.FLOAT
_MAX_HALF = 65504.0
_CALIBRATED = 256  # crops; ranges settle before that, and the calibrator keeps every activation of them


@dataclass(frozen=True, slots=True)
class Judge:
    """How well a head tells what is unusual, given features in some precision.

    Attributes:
        samples: Real clips that it knows the answer of.
        auc: Of the head's scores of their features ``(M, D)``, with the bank's ``(K, D)``.
        measured_on: What these clips are, in words.
    """

    samples: SampleClips
    auc: Callable[[Float32, Float32], float]
    measured_on: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What a variant costs. ``auc`` and ``auc_change`` are None where there was no judge."""

    parity: Parity
    bytes: int
    auc: float | None
    auc_change: float | None


def to_fp16(source: Path, target: Path) -> Path:
    """Write a graph with its weights and arithmetic in float16, its inputs and outputs as they were."""
    with _quiet():
        onnx.save(convert_float_to_float16(_in_float(source), keep_io_types=True), target)
    return target


def largest_value(graph: Path, inputs: Inputs, items: int = 4) -> float:
    """The largest absolute value in a graph, weights and everything in between, over the first items of its inputs."""
    model = onnx.load(graph)
    weights = (numpy_helper.to_array(tensor) for tensor in model.graph.initializer if tensor.data_type == _FLOAT)
    largest = max(map(_largest, weights), default=0.0)
    del model.graph.output[:]
    names = {name for node in model.graph.node for name in node.output if name}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(names))
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    with tempfile.TemporaryDirectory(prefix="watchword-quantise-") as folder:
        onnx.save(model, Path(folder) / "all.onnx")
        session = ort.InferenceSession(str(Path(folder) / "all.onnx"), options, providers=["CPUExecutionProvider"])
        for item in range(min(items, len(next(iter(inputs.values()))))):
            for value in session.run(None, {name: array[[item]] for name, array in inputs.items()}):
                if np.issubdtype(value.dtype, np.floating):
                    largest = max(largest, _largest(value))
    return largest


def _largest(values: NDArray[np.generic]) -> float:
    """Minus infinity, which masks of attention hold, float16 has too."""
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max(initial=0))


def to_int8(source: Path, target: Path, inputs: Inputs) -> Path:
    """Write a graph with its heavy operators in 8-bit integers.

    Args:
        source: In float32.
        target: Where it goes.
        inputs: Real ones to calibrate on, ``(N, ...)`` each; not looked at where scales are taken at run time.
    """
    with _quiet(), tempfile.TemporaryDirectory(prefix="watchword-quantise-") as folder:
        plain = Path(folder) / source.name
        onnx.save(_in_float(source), plain)
        if not _is_convolutional(plain):
            operators = ["MatMul", "Gemm", "Gather"]
            quantize_dynamic(
                plain, target, op_types_to_quantize=operators, per_channel=True, weight_type=QuantType.QInt8
            )
            return target
        quantize_static(
            plain,
            target,
            _Reader(inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            per_channel=True,
            # Without VNNI, x86 adds two products of 8 by 8 bits in 16, which saturates; 7 bits cannot. The other way
            # out, unsigned weights, is slower than float32: 0.43, 0.29 and, with 7 bits, 0.18 ms a crop of `words`.
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
    return target


def _in_float(path: Path) -> onnx.ModelProto:
    """A graph with weights that it keeps in 8 bits (``export.weights``) written out: nothing else knows them."""
    model = onnx.load(path)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        constant = len(node.input) == 2 and all(name in stored for name in node.input)
        if node.op_type not in {"DequantizeLinear", "Mul"} or not constant:
            nodes.append(node)
            continue
        first, second = (numpy_helper.to_array(stored[name]) for name in node.input)
        if node.op_type == "DequantizeLinear" and second.ndim:
            axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
            second = second.reshape([-1 if place == axis % first.ndim else 1 for place in range(first.ndim)])
        stored[node.output[0]] = numpy_helper.from_array(np.asarray(first * second, second.dtype), node.output[0])
    used = {name for node in nodes for name in node.input}
    del model.graph.node[:], model.graph.initializer[:], model.graph.value_info[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(tensor for name, tensor in stored.items() if name in used)
    return onnx.shape_inference.infer_shapes(model)


def add_variants(
    pack: Pack,
    bits: Sequence[Bits],
    calibration: SampleClips,
    judge: Judge | None = None,
    *,
    roles: Sequence[Role] = ("image", "temporal", "text"),
    say: Say = lambda _: None,
) -> tuple[Pack, dict[tuple[Role, Bits], Cost]]:
    """Write an encoder pack anew, with its graphs in fewer bits beside them. Variants that it had are left out.

    Args:
        pack: Of an encoder.
        bits: Which variants.
        calibration: Real clips, other than the judge's.
        judge: Measures what the variants do to a head's scores; None leaves that out of the manifest.
        roles: Of which towers.
        say: Is told each step.

    Returns:
        The new pack, and what each variant costs, by role and bits.

    Raises:
        models.packs.PackError: ``pack_kind``, if it is no encoder.
        ExportError: ``parity`` or ``scores``, if a variant costs too much. The pack is then as it was.
    """
    manifest = pack.manifest_of(EncoderManifest)
    costs: dict[tuple[Role, Bits], Cost] = {}
    with (
        tempfile.TemporaryDirectory(prefix="watchword-quantise-") as scratch,
        PackWriter(pack.path.parent, pack.name, replace=True) as writer,
    ):
        own = _Encoder(pack, manifest)
        inputs = own.inputs(calibration)
        baseline = None if judge is None else judge.auc(own.embeddings(judge.samples), own.bank())
        content = manifest.model_dump(mode="json", exclude_none=True, exclude={"format", "requires", "name"})
        content["temporal"] = content.get("temporal")
        for role in own.roles:
            content[role]["variants"] = {}
        for role in (role for role in own.roles if role in roles):
            source = own.graphs[role]
            for bit in bits:
                say(f"{role}: to {bit}")
                graph = Path(scratch) / f"{role}.{bit}.onnx"
                if bit == "fp16":
                    _check_range(source, inputs[role])
                    to_fp16(source, graph)
                else:
                    to_int8(source, graph, inputs[role])
                parity = compare(run_graph(source, inputs[role]), run_graph(graph, inputs[role]))
                if not parity.cosine >= MIN_COSINE[bit]:
                    code = "parity"
                    message = (
                        f"expected features of {graph.name} at a cosine of at least {MIN_COSINE[bit]} "
                        f"to float32's, got {parity.cosine:.3f}"
                    )
                    raise ExportError(code, message)
                auc = change = None
                if judge is not None and baseline is not None:
                    say(f"{role}: scores in {bit}")
                    auc, change = baseline, _change(own.using(role, graph), own, role, judge, baseline)
                    if change < -MAX_LOSS:
                        code = "scores"
                        message = f"expected {graph.name} to cost at most {MAX_LOSS} of AUC, got {-change:.3f}"
                        raise ExportError(code, message)
                costs[role, bit] = Cost(parity, graph.stat().st_size, auc, change)
                measured = {} if auc is None else {"auc": auc, "auc_change": change}
                content[role]["variants"][bit] = {
                    "graph": writer.add(graph, graph.name),
                    "error": parity.error,
                    "cosine": parity.cosine,
                    **measured,
                    **({} if judge is None else {"measured_on": judge.measured_on}),
                }
        variants = {variant.file for tower in manifest.towers() for variant in tower.graphs()[1:]}
        for file in manifest.files():
            if file.file not in variants:
                writer.add(pack.file(file), file.file)
        return writer.commit(content), costs


def _check_range(graph: Path, inputs: Inputs) -> None:
    largest = largest_value(graph, inputs)
    if largest > _MAX_HALF:
        code = "parity"
        message = f"expected values in {graph.name} that float16 holds, up to {_MAX_HALF:g}, got {largest:.3g}"
        raise ExportError(code, message)


class _Encoder:
    """The graphs of a pack, run as they are."""

    def __init__(self, pack: Pack, manifest: EncoderManifest) -> None:
        self._pack, self._manifest = pack, manifest
        self._geometry = manifest.temporal is not None and manifest.temporal.geometry
        self.graphs: dict[Role, Path] = {"image": pack.file(manifest.image.graph)}
        if manifest.temporal is not None:
            self.graphs["temporal"] = pack.file(manifest.temporal.graph)
        self.graphs["text"] = pack.file(manifest.text.graph)
        self.roles: tuple[Role, ...] = tuple(self.graphs)

    def using(self, role: Role, graph: Path) -> _Encoder:
        """The same with one graph in another precision."""
        other = _Encoder(self._pack, self._manifest)
        other.graphs[role] = graph
        return other

    def inputs(self, samples: SampleClips) -> dict[Role, Inputs]:
        """Real inputs of each graph."""
        crops = samples.crops.reshape(-1, *samples.crops.shape[2:])
        features = run_graph(self.graphs["image"], {"crops": crops})
        found: dict[Role, Inputs] = {"image": {"crops": crops}, "text": {"tokens": self._tokens()}}
        if "temporal" in self.graphs:
            frames = features.reshape(*samples.crops.shape[:2], -1)
            geometry = {"geometry": samples.geometry} if self._geometry and samples.geometry is not None else {}
            found["temporal"] = {"frames": frames, **geometry}
        return found

    def embeddings(self, samples: SampleClips) -> Float32:
        """``(M, D)`` of unit length."""
        return embed_samples(self._run, samples, temporal="temporal" in self.graphs, geometry=self._geometry)

    def bank(self) -> Float32:
        """``(K, D)`` as the pack has it."""
        return self._pack.arrays("bank")["features"].astype(np.float32)

    def texts(self) -> Float32:
        """``(K, D)`` as its text tower gives it."""
        return self._run("text", {"tokens": self._tokens()})

    def _run(self, role: str, inputs: Inputs) -> Float32:
        return run_graph(self.graphs[cast(Role, role)], inputs)

    def _tokens(self) -> NDArray[np.int64]:
        tokenizer = Tokenizer.from_file(str(self._pack.file(self._manifest.text.tokenizer)))
        return tokenise(tokenizer, [phrase.text for phrase in self._pack.phrases()])


def _change(variant: _Encoder, own: _Encoder, role: Role, judge: Judge, baseline: float) -> float:
    """Of AUC. A text tower acts on the bank: there both banks are the towers' own, without learned prompts."""
    if role == "text":
        embeddings = own.embeddings(judge.samples)
        return judge.auc(embeddings, variant.texts()) - judge.auc(embeddings, own.texts())
    return judge.auc(variant.embeddings(judge.samples), own.bank()) - baseline


def _is_convolutional(graph: Path) -> bool:
    """Whether most of a graph's arithmetic is in convolutions: most of its weights are, counted once a position."""
    model = onnx.load(graph)
    weights = {tensor.name: int(np.prod(numpy_helper.to_array(tensor).shape)) for tensor in model.graph.initializer}
    kinds = {"Conv": 0, "MatMul": 0, "Gemm": 0}
    for node in model.graph.node:
        if node.op_type in kinds:
            kinds[node.op_type] += sum(weights.get(name, 0) for name in node.input)
    return kinds["Conv"] > kinds["MatMul"]


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Inputs one at a time, as many as calibration needs, from all over."""

    def __init__(self, inputs: Inputs) -> None:
        count = len(next(iter(inputs.values())))
        chosen = np.linspace(0, count - 1, min(count, _CALIBRATED)).astype(int)
        self._batches = iter([{name: array[[index]] for name, array in inputs.items()} for index in chosen])

    def get_next(self) -> Inputs | None:
        return next(self._batches, None)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser recommends its own pre-processing by a warning in the root logger; our graphs need none."""
    disabled, logging.root.disabled = logging.root.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.root.disabled = disabled
