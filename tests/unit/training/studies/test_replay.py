"""One rule over the same footage, live, in a preview and in a replay: one result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.guidance.language import Language
from models.packs import PackLibrary
from models.scoring.calibration import Calibration
from service.contracts.guidance import GuidanceSpec, PreviewSpec
from service.contracts.stream import Detection, StreamSpec
from service.engine.encoder import JointEncoder
from service.engine.heads import open_head
from service.errors import InvalidInput
from service.frames import Blindness, PreparedFrame, Sight
from service.guidance.stream_guidance import StreamGuidance
from service.pipeline.context import StreamContext
from service.pipeline.offline import OfflinePipeline
from service.pipeline.scored import ScoredFrame, display
from service.pipeline.stages import Stages
from service.profiles.profile import Profile
from service.store.database import Database
from service.store.feedback import FeedbackStore
from service.store.guidance import GuidanceStore
from service.store.streams import StreamStore
from support.colours import SquareDetector, strolling, write_svad
from support.encoders import write_encoder
from training.studies.replay import record, replay
from training.studies.rules import Rulebook

THRESHOLD = 4.0
COMES, LEAVES, GAP = 20, 40, 70
DISTURBED = {0, 1, *range(COMES, COMES + 10), GAP, GAP + 1}
PLAIN = Calibration(np.array([0.0, 1.0]), np.array([1.0, 0.1]), 1 / np.log(10), 0.0, 1.0, 1000)
"""A raw score of 1 and above is its own surprise."""
RULE = GuidanceSpec(text="green", verdict="anomaly")


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    packs = tmp_path_factory.mktemp("colours") / "packs"
    write_encoder(packs)
    write_svad(packs)
    library = PackLibrary([packs])
    with closing(JointEncoder(library.get("colours"), threads=1)) as encoder:
        yield Stages(SquareDetector(), {"tints": open_head(library.get("tints"))}, encoder)


@pytest.fixture(scope="module")
def profile(stages: Stages) -> Profile:
    learned = OfflinePipeline(stages, fps=10).enrol([(strolling(index, "green", "red") for index in range(200))])
    heads = {name: replace(head, calibration=PLAIN) for name, head in learned.heads.items()}
    return replace(learned, heads=heads, fused=PLAIN)


@pytest.fixture
def guidance(stages: Stages, tmp_path: Path) -> Iterator[StreamGuidance]:
    with closing(Database(f"sqlite:///{tmp_path / 'watchword.db'}")) as database:
        stream = StreamStore(database).create(StreamSpec(name="Yard", url="file:yard.mp4"), None).id
        guidance = StreamGuidance(
            stream, GuidanceStore(database), FeedbackStore(database), max_rules=5, past_bytes=10_000_000
        )
        guidance.understand(lambda: words_of(stages), stages.encoder.hash)
        yield guidance


def words_of(stages: Stages) -> Language:
    encoder = stages.encoder
    assert encoder is not None
    return Language.of(stages.detector.names, encoder, lambda: encoder.text)


def footage() -> Iterator[PreparedFrame]:
    """Red strolls; green comes while the picture is disturbed, and leaves; then there is a gap."""
    for index in range(90):
        colours = ("green", "red") if COMES <= index < LEAVES else ("red",)
        frame = strolling(index, *colours, epoch=int(index >= GAP))
        assert frame.motion is not None
        yield replace(frame, motion=replace(frame.motion, disturbed=index in DISTURBED))


def live(stages: Stages, profile: Profile, guidance: StreamGuidance) -> list[ScoredFrame]:
    context = StreamContext("yard", 10.0, Detection(), [], stages.buffers(), guidance)
    context.use_profile(profile, THRESHOLD)
    return [stages.process([(context, frame)])[0] for frame in footage()]


def test_live_preview_and_replay_agree(stages: Stages, profile: Profile, guidance: StreamGuidance) -> None:
    plain = live(stages, profile, guidance)
    preview = guidance.preview(PreviewSpec(rule=RULE), profile.fused, THRESHOLD)
    guidance.history.clear()
    guidance.add(RULE, "mara")
    ruled = live(stages, profile, guidance)

    language = words_of(stages)
    recording = record("yard", footage(), OfflinePipeline(stages, fps=10), profile, THRESHOLD)
    replayed = replay(recording, Rulebook(language).judge(recording, RULE.text, RULE.verdict))

    before, after = (np.array([frame.surprise for frame in frames]) for frames in (plain, ruled))
    assert before.max() < THRESHOLD < after[COMES + 9]  # nothing but the rule speaks of the disturbed frames
    np.testing.assert_allclose(replayed.surprise, after, atol=1e-6)
    np.testing.assert_allclose(preview.curves.raw, list(map(display, before)), atol=1e-3)
    np.testing.assert_allclose(preview.curves.with_rule, list(map(display, after)), atol=1e-3)
    objects = np.concatenate([frame.objects.surprise for frame in ruled])
    np.testing.assert_allclose(replayed.objects, objects, atol=1e-6)
    assert len(preview.alerts_raised) == 1


def dark(frames: Iterator[PreparedFrame], off: range) -> Iterator[PreparedFrame]:
    """The same with the lights off for a while."""
    for number, frame in enumerate(frames):
        yield replace(frame, sight=Sight(blind=Blindness.BLACK)) if number in off else frame


def test_what_happened_while_nothing_could_be_seen_is_left_out(stages: Stages, profile: Profile) -> None:
    pipeline = OfflinePipeline(stages, fps=10)
    scored = list(pipeline.score(dark(footage(), range(45, 60)), profile, THRESHOLD))
    recording = record("yard", dark(footage(), range(45, 60)), pipeline, profile, THRESHOLD)
    assert recording.index.tolist() == [*range(45), *range(60, 90)]
    np.testing.assert_allclose(recording.surprise, [frame.surprise for frame in scored if frame.surprise is not None])
    assert len(np.unique(recording.epochs)) == 3  # before, after, and after the gap
    with pytest.raises(InvalidInput, match="clip yard: expected frames in which something can be seen, got none"):
        record("yard", dark(footage(), range(90)), pipeline, profile, THRESHOLD)
