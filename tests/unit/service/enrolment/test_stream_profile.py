from __future__ import annotations

from concurrent.futures import Executor
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest

from models.packs import PackLibrary
from models.scoring.calibration import Calibration
from service.contracts.enrolment import EnrolmentSpec
from service.contracts.stream import Detection, StreamSpec
from service.engine.detectors import MotionDetector
from service.engine.heads import open_head
from service.enrolment.stream_profile import EnrolmentServices, StreamProfile
from service.errors import PROFILE_MISFIT, Conflict
from service.pipeline.context import StreamContext
from service.pipeline.stages import Stages
from service.profiles.profile import HeadProfile, Profile
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
    other = Profile(heads, calibration, "yolox 0123", datetime.now(UTC), "live", 100, 10.0, None)
    with pytest.raises(Conflict, match="with detector motion, got one of attributes with yolox 0123") as refused:
        profile.enrol(EnrolmentSpec(stream="gate"), other)
    assert refused.value.kind is PROFILE_MISFIT
    assert not profile.enrolled
