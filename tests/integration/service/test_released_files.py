"""Profiles and packs that a released version wrote are taken over, to the last figure."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.heads.base import HeadScores
from models.packs import PackLibrary
from models.scoring.smoothing import final_surprise, smooth_series
from service.engine.detectors import load_pack_detector
from service.engine.heads import LoadedHead, open_head
from service.enrolment.stream_profile import profile_path
from service.pipeline.offline import build_pipeline
from service.pipeline.pool import load_encoder
from service.profiles.fit import fit_profile
from service.profiles.profile import Profile, ProfileOutdated
from service.profiles.samples import Sample
from service.settings import Settings
from support.released import RELEASED, told
from support.service import running
from support.video import write_video

PROFILES = {"attributes": ["attributes"], "attributes-svad": ["attributes", "svad"]}
SAME: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-6}
"""What another processor's rounding may change."""


def test_a_stream_learns_its_frames_anew_where_heads_learn_otherwise_by_now(tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    write_video(media / "yard.mp4")
    settings = Settings(_env_file=None, port=0, data_dir=tmp_path / "data", media_dir=media)
    with running(settings) as client:
        spec = {"name": "Yard", "url": "file:yard.mp4?loop=true", "packs": ["attributes"]}
        stream = str(client.post("/streams", json=spec).raise_for_status().json()["id"])
    profile_path(settings, stream).parent.mkdir(exist_ok=True)
    shutil.copy(RELEASED / "attributes.npz", profile_path(settings, stream))
    with running(settings) as client:
        (learned,) = client.enrolled(stream)["profiles"]
    expected = told("attributes")
    assert (learned["origin"], learned["frames"]) == (expected["origin"], expected["frames"])


@pytest.mark.parametrize(("name", "packs"), PROFILES.items())
def test_a_profile_is_taken_over(name: str, packs: list[str]) -> None:
    expected, profile = told(name), Profile.load(RELEASED / f"{name}.npz")
    assert (profile.origin, profile.detector) == (expected["origin"], expected["detector"])
    assert profile.encoders == tuple(filter(None, [expected["encoder"]]))  # it knew of one at most
    assert (profile.created_at.isoformat(), profile.frames) == (expected["created_at"], expected["frames"])
    assert profile.seconds == pytest.approx(expected["seconds"])
    assert profile.threshold() == pytest.approx(expected["threshold"])
    # Profiles are bound to the hash of their packs: those that are built in must not change.
    assert {head: part.pack_hash for head, part in profile.heads.items()} == expected["packs"]
    with build_pipeline(Settings(), "motion", packs, fps=10) as pipeline:
        with pytest.raises(ProfileOutdated, match="enrol again"):
            pipeline.stages.check(profile)  # attributes has terms that it had not then
        assert profile.samples is not None
        anew = fit_profile(pipeline.stages.heads, profile.samples, "motion", profile.encoders, profile.origin)
        pipeline.stages.check(anew)
        assert (anew.frames, anew.detector) == (expected["frames"], expected["detector"])
        others = {name: loaded for name, loaded in pipeline.stages.heads.items() if name != "attributes"}
        compare(profile, others, expected)


def compare(profile: Profile, heads: Mapping[str, LoadedHead], expected: dict[str, Any]) -> None:
    """Score the frames that the profile was learned from, and compare with what the released version said of them."""
    assert profile.samples is not None
    frames = profile.samples.kept()
    recordings = np.array([frame.recording for frame in frames])
    assert recordings.tolist() == expected["recordings"]
    said = {name: scores_of(name, loaded, profile, frames) for name, loaded in heads.items()}
    surprises = {}
    for name, scores in said.items():
        raw = np.array([each.frame for each in scores])
        surprises[name] = np.asarray(profile.heads[name].calibration.surprise(raw))
        assert [each.informative for each in scores] == expected["informative"][name]
        np.testing.assert_allclose(raw, expected["raw"][name], **SAME)
        np.testing.assert_allclose(surprises[name], expected["surprises"][name], **SAME)
        for each, objects in zip(scores, expected["objects"][name], strict=True):
            np.testing.assert_allclose(each.objects, np.array(objects, np.float64), **SAME)
    # What other heads said then, as it was then.
    surprises = {name: surprises.get(name, np.array(then)) for name, then in expected["surprises"].items()}
    informed = [np.where(expected["informative"][name], surprises[name], -np.inf) for name in surprises]
    fused = np.max(informed, axis=0)
    pts = np.array([frame.pts for frame in frames])
    smooth = smooth_series(np.where(np.isinf(fused), np.nan, fused), pts, recordings)
    final = final_surprise(profile.fused, smooth, np.max(list(surprises.values()), axis=0))
    np.testing.assert_allclose(final, expected["final"], **SAME)


def scores_of(name: str, loaded: LoadedHead, profile: Profile, frames: list[Sample]) -> list[HeadScores]:
    return [loaded.head.score(frame.features[name], profile.heads[name].arrays) for frame in frames]


def test_packs_are_taken_over() -> None:
    library, settings = PackLibrary([RELEASED / "packs"]), Settings()
    assert {name: library.get(name).hash for name in told("packs")} == told("packs")
    assert open_head(library.get("own-attributes")).pack_hash == told("packs")["own-attributes"]
    with closing(load_pack_detector("door-detector", library)) as detector:
        assert detector.name == f"door-detector {told('packs')['door-detector'][:12]}"
    with closing(load_encoder(library.get("colours"), settings)) as encoder:
        assert (encoder.name, encoder.frames) == ("colours", 9)
