"""All stages in a row, over the encoder that knows colours: clips, the svad head, text rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import pytest

from models.guidance.effect import Judgement
from models.guidance.rules import Match, Seen
from models.inputs import Keypoints, ObjectEmbedding
from models.packs import PackLibrary
from service.contracts.stream import Detection, StreamState
from service.engine.encoder import JointEncoder
from service.engine.heads import LoadedHead, open_head
from service.errors import InvalidInput
from service.metrics import STAGES
from service.pipeline.context import StreamContext, UnguidedFrame
from service.pipeline.inputs.embedding import EmbeddingBuffer
from service.pipeline.offline import OfflinePipeline
from service.pipeline.scored import ScoredFrame
from service.pipeline.stages import Stages, needed_encoders
from service.presentation.message import score_message, scored_objects
from service.profiles.profile import Profile, ProfileError
from support.colours import SquareDetector, strolling, write_svad
from support.encoders import COLOURS, write_encoder
from support.poses import ColourAppearance, StickPose


class Rules:
    """Relieves the first object, raises the second, and keeps what it was told."""

    def __init__(self, relief: float = 0.0, lift: float = 0.0) -> None:
        self.relief, self.lift = relief, lift
        self.seen: list[Seen] = []
        self.recorded: list[UnguidedFrame] = []

    def judge(self, seen: Seen, at: float) -> Judgement:
        self.seen.append(seen)
        count = len(seen)
        match = Match("r1", "green squares", "normal", 0.9, "image")
        relief, lift = np.zeros(count), np.zeros(count)
        relief[:1], lift[1:2] = self.relief, self.lift
        return Judgement(relief, lift, tuple((match,) if relief[row] else () for row in range(count)))

    def record(self, frame: UnguidedFrame) -> None:
        self.recorded.append(frame)


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("colours") / "packs"
    write_encoder(folder)
    write_svad(folder)
    return folder


@pytest.fixture(scope="module")
def encoder(packs: Path) -> Iterator[JointEncoder]:
    with closing(JointEncoder(PackLibrary([packs]).get("colours"), threads=1)) as encoder:
        yield encoder


@pytest.fixture(scope="module")
def stages(packs: Path, encoder: JointEncoder) -> Stages:
    heads = {"tints": open_head(PackLibrary([packs]).get("tints"))}
    return Stages(SquareDetector(), heads, encoder)


@pytest.fixture(scope="module")
def profile(stages: Stages) -> Profile:
    normal = (strolling(index, "red") for index in range(200))
    return OfflinePipeline(stages, fps=10).enrol([normal])


def context(stages: Stages, profile: Profile | None = None, guidance: Rules | None = None) -> StreamContext:
    made = StreamContext("yard", 10.0, Detection(), [], stages.buffers(), guidance)
    made.use_profile(profile, 3.0)
    return made


def surprise_of(frame: ScoredFrame) -> float:
    assert frame.surprise is not None
    return frame.surprise


def embeddings_of(frame: ScoredFrame) -> np.ndarray:
    assert frame.objects.embeddings is not None
    return frame.objects.embeddings


def test_what_was_never_done_there_stands_out_and_is_named(stages: Stages, profile: Profile) -> None:
    pipeline = OfflinePipeline(stages, fps=10)
    calm = list(pipeline.score((strolling(index, "red") for index in range(60)), profile))
    odd = list(pipeline.score((strolling(index, "red", "blue") for index in range(60)), profile))
    assert max(surprise_of(frame) for frame in calm) < 3
    last = odd[-1]
    assert surprise_of(last) > 4
    blue, red = (int(np.argmin(last.objects.boxes[:, 1] * sign)) for sign in (-1, 1))
    assert last.objects.surprise[blue] > 4 > last.objects.surprise[red]
    likeness = last.objects.likeness
    assert [likeness.phrases[likeness.actions[index, 0]] for index in (blue, red)] == ["blue", "red"]
    assert {likeness.phrases[index] for index in likeness.modes} == {"red"}


def test_objects_without_a_confirmed_track_have_no_clip_yet(stages: Stages, profile: Profile) -> None:
    frames = OfflinePipeline(stages, fps=10).score((strolling(index, "green") for index in range(4)), profile)
    first, *_, later = frames
    assert np.isnan(embeddings_of(first)).all()
    assert np.isnan(first.objects.surprise).all()
    assert np.isfinite(embeddings_of(later)).all()
    assert np.isfinite(later.objects.surprise).all()


def test_all_streams_share_one_batch_and_each_has_its_own_clips(stages: Stages, monkeypatch) -> None:
    counts: list[tuple[int, int]] = []
    crops, clips = stages.encoder.embed_crops, stages.encoder.embed_clips
    monkeypatch.setattr(stages.encoder, "embed_crops", lambda batch: counts.append((len(batch), 0)) or crops(batch))
    monkeypatch.setattr(
        stages.encoder, "embed_clips", lambda *given: counts.append((0, len(given[0]))) or clips(*given)
    )
    one, two, empty = (context(stages) for _ in range(3))
    for index in range(6):
        batch = [(one, strolling(index, "red")), (empty, strolling(index)), (two, strolling(index, "blue", "green"))]
        first, nobody, second = stages.process(batch)
    assert counts[-2:] == [(3, 0), (0, 3)]
    texts = stages.encoder.embed_texts(list(COLOURS))  # blue, green, red
    assert (embeddings_of(first) @ texts.T).argmax(axis=1).tolist() == [2]
    assert sorted((embeddings_of(second) @ texts.T).argmax(axis=1).tolist()) == [0, 1]
    assert nobody.objects.embeddings.shape == (0, stages.encoder.dim)


def test_each_stage_is_timed_under_a_name_of_the_metrics(stages: Stages) -> None:
    timed: list[str] = []
    timing = Stages(stages.detector, stages.heads, stages.encoder, lambda stage, _seconds: timed.append(stage))
    timing.process([(context(timing), strolling(0, "red"))])
    assert ["prepare", *timed, "alerts"] == list(STAGES)  # those two have other owners


def test_a_gap_forgets_the_clips(stages: Stages) -> None:
    stream = context(stages)
    for index in range(6):
        stages.process([(stream, strolling(index, "red"))])
    buffer = stream.buffers[ObjectEmbedding("colours")]
    assert isinstance(buffer, EmbeddingBuffer)
    assert len(buffer.clips) == 1
    (frame,) = stages.process([(stream, strolling(6, "red", epoch=1))])
    assert np.isnan(embeddings_of(frame)).all()


def message_of(frame: ScoredFrame):
    return score_message(frame, scored_objects(frame), "yard", 1, StreamState.LIVE, 1.0, None)


# ---- text rules


def run(stages: Stages, profile: Profile, rules: Rules | None, count: int = 30):
    stream = context(stages, profile, rules)
    return [stages.process([(stream, strolling(index, "red", "blue"))])[0] for index in range(count)][-1]


def test_rules_move_the_guided_score_and_leave_the_other(stages: Stages, profile: Profile) -> None:
    plain = run(stages, profile, None)
    relieved = run(stages, profile, Rules(relief=1.0))
    blue = int(np.nanargmax(plain.objects.surprise))
    assert blue == 0  # the rule relieves it
    assert plain.surprise == plain.unguided == relieved.unguided
    assert relieved.surprise < 1 < plain.surprise
    assert relieved.objects.surprise[blue] == 0
    assert relieved.objects.unguided[blue] == plain.objects.surprise[blue]
    message = message_of(relieved)
    assert message.guided
    assert message.score < message.raw_score
    assert [match.text for match in message.objects[blue].matches] == ["green squares"]
    assert message.objects[blue].caption
    assert not message_of(plain).guided


def test_a_rule_can_raise_what_is_normal(stages: Stages, profile: Profile) -> None:
    raised = run(stages, profile, Rules(relief=1.0, lift=5.5))
    assert raised.objects.surprise[1] == 5.5
    assert raised.surprise > 4


def test_rules_see_every_object_and_remember_the_frame_without_themselves(stages: Stages, profile: Profile) -> None:
    rules = Rules(relief=1.0)
    frame = run(stages, profile, rules)
    seen, last = rules.seen[-1], rules.recorded[-1]
    assert last.seen is seen
    assert seen.embeddings.shape == (2, stages.encoder.dim)
    assert seen.captions == frame.objects.captions
    np.testing.assert_array_equal(seen.surprise, frame.objects.unguided)
    assert last.surprise > frame.unsmoothed
    assert (last.at, last.pts) == pytest.approx((1.7e9 + 2.9, 2.9))
    assert last.epoch == 0
    assert last.tracks == frame.objects.track_ids.tolist()
    assert last.labels == ("square", "square")


def test_a_silent_object_stays_silent_unless_a_rule_raises_it(stages: Stages, profile: Profile) -> None:
    stream = context(stages, profile, Rules(relief=1.0, lift=4.0))
    (frame,) = stages.process([(stream, strolling(0, "red", "blue"))])  # no track is confirmed yet
    assert np.isnan(frame.objects.surprise[0])
    assert frame.objects.surprise[1] == 4.0
    assert np.isnan(frame.objects.unguided).all()


# ---- what fits together


def test_a_profile_is_of_its_encoder(stages: Stages, profile: Profile, packs: Path, tmp_path: Path) -> None:
    assert profile.encoders == (str(stages.encoder),)
    profile.save(tmp_path / "profile.npz")
    stages.check(Profile.load(tmp_path / "profile.npz"))
    with closing(JointEncoder(write_encoder(tmp_path / "packs", geometry=True), threads=1)) as other:
        changed = Stages(SquareDetector(), stages.heads, other)
        with pytest.raises(
            ProfileError, match=r"is for encoder colours .*, and this runs encoder colours .* Enrol again"
        ):
            changed.check(profile)


def test_a_profile_whose_arrays_were_tampered_with_is_refused(stages: Stages, profile: Profile) -> None:
    tints = profile.heads["tints"]
    cut = replace(tints, arrays={**tints.arrays, "centres": tints.arrays["centres"][:, :2]})
    with pytest.raises(ProfileError, match="profile of tints: expected centres to be numbers of shape"):
        stages.check(replace(profile, heads={**profile.heads, "tints": cut}))


def test_a_head_that_needs_an_encoder_gets_it_or_none_runs(stages: Stages, packs: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="expected encoder colours, which the heads need, got none"):
        Stages(SquareDetector(), stages.heads)
    write_svad(tmp_path, encoder="words", name="other")
    both = {**stages.heads, "other": open_head(PackLibrary([tmp_path]).get("other"))}
    assert needed_encoders(both) == ("colours", "words")


def test_heads_of_different_encoders_run_together(stages: Stages, packs: Path, tmp_path: Path) -> None:
    write_encoder(tmp_path, "shades", geometry=True)
    write_svad(tmp_path, encoder="shades", name="other")
    library = PackLibrary([tmp_path])
    with closing(JointEncoder(library.get("shades"), threads=1)) as shades:
        heads = {**stages.heads, "other": open_head(library.get("other"))}
        both = Stages(SquareDetector(), heads, stages.encoder, others=[shades])
        learned = OfflinePipeline(both, fps=10).enrol([(strolling(index, "red") for index in range(200))])
        assert learned.encoders == tuple(sorted((str(stages.encoder), str(shades))))
        odd = list(OfflinePipeline(both, fps=10).score((strolling(i, "red", "blue") for i in range(60)), learned))
        assert min(odd[-1].heads.values()) > 3
        with pytest.raises(ProfileError, match=r"is for encoder colours .*, shades .*, and this runs encoder colours"):
            stages.check(replace(learned, heads={"tints": learned.heads["tints"]}))


def test_a_head_that_needs_a_pose_estimator_is_refused_without(stages: Stages) -> None:
    class Posing:
        inputs = (Keypoints("movenet"),)
        terms: ClassVar[dict[str, str]] = {}

    with pytest.raises(InvalidInput, match="expected pose movenet, which the heads need, got none") as refused:
        Stages(SquareDetector(), {"posing": LoadedHead(cast(Any, Posing()), "posing", "hash")})
    assert refused.value.code == "pose_needed"


def test_a_profile_is_of_its_pose_estimator_and_of_its_appearance_network(
    stages: Stages, profile: Profile, tmp_path: Path
) -> None:
    pose, network = StickPose(), ColourAppearance()
    posing = Stages(SquareDetector(), stages.heads, stages.encoder, pose=pose, appearance=network)
    with pytest.raises(ProfileError, match=r"is for pose none, and this runs pose stick 1\. Enrol again"):
        posing.check(profile)
    learned = replace(profile, pose=pose.identity, appearance=network.identity)
    posing.check(learned)
    posing.unobserved().check(learned)
    learned.save(tmp_path / "profile.npz")
    posing.check(Profile.load(tmp_path / "profile.npz"))
    with pytest.raises(ProfileError, match=r"is for appearance another 2, and this runs appearance colour 1\. Enrol"):
        posing.check(replace(learned, appearance="another 2"))
    with pytest.raises(ProfileError, match=r"is for pose stick 1, and this runs pose none\. Enrol again"):
        stages.check(learned)


def test_keypoints_are_gathered_whether_a_head_asks_or_not(stages: Stages) -> None:
    pose = StickPose()
    posing = Stages(SquareDetector(), stages.heads, stages.encoder, pose=pose)
    assert Keypoints() in posing.buffers()
    assert Keypoints() not in stages.buffers()
