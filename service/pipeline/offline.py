"""The service's own stages over recordings: as fast as they decode, in order, with nothing dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

from models.guidance.language import Language
from models.inputs import FrameWindow
from models.packs import PackLibrary
from service.contracts.stream import Detection, Zone
from service.engine.appearance import load_appearance
from service.engine.detectors import Detector, load_detector
from service.engine.encoder import JointEncoder
from service.engine.heads import open_head
from service.engine.pose import load_pose
from service.frames import PreparedFrame
from service.pipeline.context import StreamContext
from service.pipeline.pool import NOTHING, load_encoder, load_sentences
from service.pipeline.scored import ScoredFrame
from service.pipeline.stages import EncoderNames, Stages
from service.profiles.fit import fit_profile
from service.profiles.profile import Profile
from service.profiles.rehearsal import Rehearsal
from service.profiles.samples import Samples
from service.settings import Settings

OFFLINE_FPS = 25.0
"""Frame rate that trackers are built for when a recording's own is unknown."""


class OfflinePipeline:
    """Enrol on recordings, score recordings. Evaluation, enrolment from files and ``watch`` use it."""

    def __init__(
        self,
        stages: Stages,
        *,
        fps: float = OFFLINE_FPS,
        detection: Detection | None = None,
        zones: Sequence[Zone] = (),
    ) -> None:
        """Take the stages; nothing runs yet.

        Args:
            stages: What frames go through; they stay the caller's to close.
            fps: Frames a second looked at.
            detection: Which objects count; None for the defaults.
            zones: As of a stream.
        """
        self.stages = stages
        self._fps = fps
        self._detection = detection or Detection()
        self._zones = tuple(zones)

    @property
    def windows(self) -> tuple[FrameWindow, ...]:
        """What has to be gathered of recordings beside their frames: an argument of ``read_all``."""
        return self.stages.windows

    def gather(
        self,
        recordings: Iterable[Iterable[PreparedFrame]],
        samples: Samples | None = None,
        on_frame: Callable[[], object] = lambda: None,
    ) -> Samples:
        """Collect the features of normal recordings, each of them unbroken.

        Args:
            recordings: The recordings' prepared frames.
            samples: To be extended, or None to start afresh.
            on_frame: Called after each frame: progress, and the place to stop by raising.
        """
        samples = Samples() if samples is None else samples
        if samples.onlooker is None:
            Rehearsal(samples, self.stages.heads)
        for recording in recordings:
            context = self._context()
            context.collect(samples)
            for frame in recording:
                self.stages.process([(context, frame)])
                on_frame()
            context.finish()
        return samples

    def enrol(
        self,
        recordings: Iterable[Iterable[PreparedFrame]],
        origin: str = "files",
        on_frame: Callable[[], object] = lambda: None,
    ) -> Profile:
        """Learn a profile from normal recordings.

        Raises:
            EnrolmentError: If they do not suffice.
        """
        return self.fit(self.gather(recordings, on_frame=on_frame), origin)

    def fit(self, samples: Samples, origin: str) -> Profile:
        """Learn a profile from features gathered before, with the trial of what was learned while they were."""
        stages, onlooker = self.stages, samples.onlooker
        profile = fit_profile(
            stages.heads,
            samples,
            stages.detector.name,
            stages.encoder_identities,
            origin,
            stages.pose_identity,
            stages.appearance_identity,
        )
        tried = onlooker.trial(profile) if isinstance(onlooker, Rehearsal) else None
        return profile if tried is None else replace(profile, trial=tried)

    def score(
        self, frames: Iterable[PreparedFrame], profile: Profile, threshold: float | None = None
    ) -> Iterator[ScoredFrame]:
        """Score one recording, every frame in order, as the live service would have.

        Raises:
            ProfileError: If the profile is of other packs or another detector.
        """
        self.stages.check(profile)
        context = self._context()
        context.use_profile(profile, threshold)
        for frame in frames:
            yield from self.stages.process([(context, frame)])

    def _context(self) -> StreamContext:
        return StreamContext("offline", self._fps, self._detection, self._zones, self.stages.buffers())


@contextmanager
def build_pipeline(
    settings: Settings,
    detector: str | Detector,
    packs: Sequence[str],
    fps: float,
    encoder: str | None = None,
    library: PackLibrary | None = None,
    *,
    pose: str = NOTHING,
    appearance: str = NOTHING,
) -> Iterator[OfflinePipeline]:
    """A pipeline with this detector and the heads of these packs; closes everything at the end.

    Args:
        settings: Of them the packs' folder and how graphs run.
        detector: A pack's name, the path of an ``.onnx`` file, or one that is there already.
        packs: Names of heads' packs.
        fps: Frames looked at per second.
        encoder: The encoder pack that text rules look through, or ``none``; None takes the first one that the heads
            need, if any.
        library: Where packs are looked for; None is where the service does.
        pose: Finds people's keypoints: a pack's name, the path of an ``.onnx`` file, or ``none``.
        appearance: Says how objects look, likewise; an encoder's pack will do as well.
    """
    library = library or PackLibrary([settings.packs_path])
    with ExitStack() as stack:
        loaded = load_detector(detector, library, settings.threads) if isinstance(detector, str) else detector
        stack.enter_context(closing(loaded))
        heads = {name: stack.enter_context(closing(open_head(library.get(name), settings.threads))) for name in packs}
        names = EncoderNames.chosen(heads, encoder)

        def encoder_of(name: str) -> JointEncoder:
            return stack.enter_context(closing(load_encoder(library.get(name), settings)))

        ruled = None if names.ruled is None else encoder_of(names.ruled)
        others = [*map(encoder_of, names.others)]
        poser = network = None
        if pose != NOTHING:
            poser = stack.enter_context(closing(load_pose(pose, library, settings.threads)))
        if appearance != NOTHING:
            network = stack.enter_context(closing(load_appearance(appearance, library, settings.threads)))
        stages = Stages(loaded, heads, ruled, others=others, pose=poser, appearance=network)
        yield OfflinePipeline(stages, fps=fps)


@contextmanager
def build_language(settings: Settings, stages: Stages, library: PackLibrary) -> Iterator[Language]:
    """What text rules are read with under these stages; closes at the end what it had to load beside them.

    Args:
        settings: Of them how graphs run, and the operator's phrases.
        stages: Of a pipeline.
        library: Where packs are looked for.
    """
    with ExitStack() as stack:
        yield Language.of(
            stages.detector.names,
            stages.encoder,
            lambda: stack.enter_context(closing(load_sentences(library, settings))),
        )
