"""All inputs that the heads of some stages declare, gathered for all streams of a tick."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.inputs import Appearance, FrameWindow, Input, Keypoints, ObjectCrops, ObjectEmbedding
from service.engine.appearance import AppearanceNetwork
from service.engine.encoder import JointEncoder
from service.engine.pose import PoseEstimator
from service.errors import APPEARANCE_NEEDED, ENCODER_NEEDED, INPUT_UNKNOWN, POSE_NEEDED, ErrorKind, InvalidInput
from service.pipeline.inputs.appearance import AppearanceProvider
from service.pipeline.inputs.crops import CropsProvider
from service.pipeline.inputs.embedding import EmbeddingProvider
from service.pipeline.inputs.evaluations import WindowProvider
from service.pipeline.inputs.keypoints import KeypointsProvider
from service.pipeline.inputs.nothing import NothingProvider
from service.pipeline.inputs.provider import Buffers, Look, Provider


@dataclass(frozen=True, slots=True)
class Networks:
    """What inputs are gathered with.

    Attributes:
        encoders: By pack name.
        pose: Finds keypoints; None where nobody does.
        appearance: Says how objects look; None where nothing does.
        recognises: Whether the detector knows what its objects are.
    """

    encoders: Mapping[str, JointEncoder] = field(default_factory=dict)
    pose: PoseEstimator | None = None
    appearance: AppearanceNetwork | None = None
    recognises: bool = True


class Gathering:
    """One provider for each distinct input. Holds no state of any stream."""

    def __init__(self, wanted: Iterable[Input], networks: Networks) -> None:
        """Find a provider for each input.

        Args:
            wanted: Inputs of all heads; equal ones are gathered once.
            networks: What they are gathered with.

        Raises:
            InvalidInput: ``encoder_needed``, ``pose_needed`` or ``appearance_needed``, if that is not there;
                ``input_unknown``, if nothing gathers an input of its kind.
        """
        self._providers = {each: _provider(each, networks) for each in dict.fromkeys(wanted)}

    @property
    def windows(self) -> tuple[FrameWindow, ...]:
        """What ingest has to gather beside the frames."""
        return tuple(each for each in self._providers if isinstance(each, FrameWindow))

    def buffers(self) -> Buffers:
        """Empty buffers for a stream."""
        return {wanted: provider.buffer() for wanted, provider in self._providers.items()}

    def gather(self, looks: Sequence[tuple[Buffers, Look]]) -> list[dict[Input, Any]]:
        """Every input of each frame.

        Args:
            looks: One frame each of any streams, with the stream's own buffers.

        Returns:
            For each frame what ``Observation.inputs`` is.
        """
        gathered: list[dict[Input, Any]] = [{} for _ in looks]
        for wanted, provider in self._providers.items():
            values = provider.gather([(buffers[wanted], look) for buffers, look in looks])
            for inputs, value in zip(gathered, values, strict=True):
                inputs[wanted] = value
        return gathered


def _provider(wanted: Input, networks: Networks) -> Provider:
    match wanted:
        case ObjectEmbedding(encoder):
            if encoder not in networks.encoders:
                got = ", ".join(networks.encoders) or "none"
                msg = f"expected encoder {encoder}, which the heads need, got {got}"
                raise InvalidInput(ENCODER_NEEDED, msg)
            return EmbeddingProvider(networks.encoders[encoder])
        case ObjectCrops():
            return CropsProvider(wanted)
        case FrameWindow():
            return WindowProvider(wanted)
        case Keypoints(name):
            pose = networks.pose
            _check_name("pose", name, pose, POSE_NEEDED)
            return NothingProvider() if pose is None else KeypointsProvider(pose, networks.recognises)
        case Appearance(name):
            network = networks.appearance
            _check_name("appearance", name, network, APPEARANCE_NEEDED)
            return NothingProvider() if network is None else AppearanceProvider(network)
        case _:
            msg = f"expected an input that this version gathers, got {wanted}"
            raise InvalidInput(INPUT_UNKNOWN, msg)


def _check_name(
    what: str, wanted: str | None, got: PoseEstimator | AppearanceNetwork | None, kind: ErrorKind[InvalidInput]
) -> None:
    """See that a network is the one that a head names, if it names any."""
    if wanted is not None and (got is None or got.name != wanted):
        msg = f"expected {what} {wanted}, which the heads need, got {'none' if got is None else got.name}"
        raise InvalidInput(kind, msg)
