from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from unittest.mock import Mock

import pytest

from models.arrays import Arrays
from models.heads.base import Head, Term
from models.packs import PackLibrary
from models.scoring.calibration import Calibration
from service.contracts.enrolment import EnrolmentSpec
from service.contracts.stream import Detection, StreamSpec
from service.engine.detectors import MotionDetector
from service.engine.heads import LoadedHead, open_head
from service.enrolment.stream_profile import EnrolmentServices, StreamProfile
from service.errors import PROFILE_MISFIT, Conflict
from service.pipeline.context import StreamContext
from service.pipeline.stages import Stages
from service.profiles.profile import HeadProfile, Profile
from service.profiles.samples import Samples
from service.settings import Settings


@pytest.fixture
def profile(tmp_path: Path) -> StreamProfile:
    stages = Stages(MotionDetector(), {"attributes": open_head(PackLibrary().get("attributes"))})
    context = StreamContext("yard", 10.0, Detection(), [], stages.buffers())
    services = EnrolmentServices(
        Settings(_env_file=None, data_dir=tmp_path), Mock(Executor), lambda _stream, _spec: None
    )
    spec = StreamSpec(name="Yard", url="rtsp://camera.example/1")
    return StreamProfile("yard", spec, stages, context, services, lambda: None)


def test_a_profile_of_another_detector_is_not_taken_over(profile: StreamProfile) -> None:
    calibration = Calibration.fit([float(number) for number in range(100)], [0] * 100)
    heads = {"attributes": HeadProfile("attributes", PackLibrary().get("attributes").hash, {}, calibration)}
    other = Profile(heads, calibration, "yolox 0123", datetime.now(UTC), "live", 100, 10.0, Samples())
    with pytest.raises(
        Conflict, match="is for attributes with detector yolox 0123, and this runs attributes with detector motion"
    ) as refused:
        profile.enrol(EnrolmentSpec(stream="gate"), other)
    assert refused.value.kind is PROFILE_MISFIT
    assert not profile.enrolled


class Unwell:
    """A head that fails wherever it is asked about a profile."""

    name = "unwell"
    terms: Mapping[str, Term] = {}
    inputs = ()

    def check(self, profile: Arrays) -> None:
        raise IndexError("of nothing")

    def summary(self, profile: Arrays) -> dict[str, float | str]:
        raise KeyError("mean")


def unwell(profile: StreamProfile) -> Profile:
    """A profile of such a head, on a stream that has it."""
    profile._stages.heads = {"unwell": LoadedHead(cast("Head", Unwell()), "unwell", "0123")}
    calibration = Calibration.fit([float(number) for number in range(100)], [0] * 100)
    heads = {"unwell": HeadProfile("unwell", "0123", {}, calibration)}
    return Profile(heads, calibration, "motion", datetime.now(UTC), "live", 100, 10.0, Samples())


def test_a_head_that_fails_over_a_profile_does_not_fit_it(profile: StreamProfile) -> None:
    with pytest.raises(Conflict, match="profile of unwell: of nothing: enrol again"):
        profile.enrol(EnrolmentSpec(stream="gate"), unwell(profile))


def test_a_head_that_cannot_sum_up_costs_nobody_the_rest(
    profile: StreamProfile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = unwell(profile)
    monkeypatch.setattr(Unwell, "check", lambda _head, _arrays: None)
    profile.enrol(EnrolmentSpec(stream="gate"), other)
    out = profile.out()
    assert [(each.pack, each.summary) for each in out.profiles] == [("unwell", {})]
    assert "head unwell does not sum up its profile" in caplog.text
