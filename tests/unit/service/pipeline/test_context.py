"""What an enrolment gets of the frames of a stream, and what it has to wait for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.observation import Motion, SceneChange
from service.contracts.stream import Detection
from service.frames import CLEAR, Blindness, Frame, PreparedFrame, Sight
from service.pipeline.context import StreamContext
from service.profiles.samples import Samples

DOUBT = replace(CLEAR, doubtful=True)
UNSETTLED = replace(CLEAR, settled=False)
FROZEN = Sight(Blindness.FROZEN, 10.0)
MOTION = Motion(np.zeros((4, 4, 2), np.float32), np.zeros((4, 4), np.uint8), 0.1)


class Learner:
    """A context that is shown frames ten times a second, and what it has gathered."""

    def __init__(self) -> None:
        self.samples = Samples()
        self.context = StreamContext("yard", 10, Detection(), [])
        self.context.collect(self.samples)
        self.index = 0

    def show(self, sight: Sight, count: int, epoch: int = 0, step: float = 0.1, tracks: tuple[int, ...] = ()) -> None:
        for _ in range(count):
            pts = self.index * step
            frame = Frame(self.index, pts, pts, pts, np.zeros((4, 4, 3), np.uint8))
            prepared = PreparedFrame("yard", epoch, frame, MOTION, sight=sight)
            if sight.blind is None:
                self.context.enter(prepared)
                self.context.sample({}, prepared, np.array(tracks, np.int64))
            else:
                self.context.pass_over(prepared)
            self.index += 1

    @property
    def learned(self) -> list[int]:
        """Numbers of the frames that were gathered."""
        return [round(sample.pts * 10) for sample in self.samples.kept()]


def test_what_is_in_doubt_is_learned_once_it_is_clear() -> None:
    learner = Learner()
    learner.show(CLEAR, 3)
    learner.show(DOUBT, 4)
    assert learner.learned == [0, 1, 2]
    learner.show(CLEAR, 1)
    assert learner.learned == list(range(8))
    assert learner.samples.left_out_s == 0


def test_what_turns_out_to_be_blind_is_left_out_from_its_beginning() -> None:
    learner = Learner()
    learner.show(CLEAR, 3)
    learner.show(DOUBT, 10)
    learner.show(FROZEN, 11)
    learner.show(CLEAR, 2)
    assert learner.learned == [0, 1, 2, 24, 25]
    assert learner.samples.left_out_s == pytest.approx(2.0)
    assert learner.samples.seconds == pytest.approx(0.3)  # the time between is not learned either
    assert len({sample.recording for sample in learner.samples.kept()}) == 2


def test_a_start_is_left_out_and_so_is_the_next_one() -> None:
    learner = Learner()
    learner.show(UNSETTLED, 3)
    learner.show(CLEAR, 3)
    learner.show(UNSETTLED, 3, epoch=1)
    learner.show(CLEAR, 3, epoch=1)
    learner.context.finish()
    assert learner.learned == [3, 4, 5, 9, 10, 11]


def test_a_recording_shorter_than_a_start_is_learned_whole() -> None:
    learner = Learner()
    learner.show(UNSETTLED, 5)
    assert learner.learned == []
    learner.context.finish()
    assert learner.learned == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("step", "every"), [(0.1, 10), (0.5, 5), (1 / 3, 5), (5.0, 5), (0.04, 25)])
def test_a_small_picture_is_kept_once_a_second_but_of_no_more_than_every_fifth_frame(step: float, every: int) -> None:
    learner = Learner()
    learner.show(CLEAR, 60, step=step)
    pictured = [index for index, sample in enumerate(learner.samples.kept()) if sample.picture is not None]
    assert pictured[0] == 0
    assert set(np.diff(pictured).tolist()) == {every}


def test_each_recording_begins_with_a_picture() -> None:
    learner = Learner()
    learner.show(CLEAR, 13)
    learner.show(CLEAR, 13, epoch=1)
    pictured = [index for index, sample in enumerate(learner.samples.kept()) if sample.picture is not None]
    assert pictured == [0, 10, 13, 23]


def test_objects_are_counted_once_each() -> None:
    learner = Learner()
    learner.show(CLEAR, 3, tracks=(4, -1))
    learner.show(CLEAR, 3, tracks=(4, 7, 5, -1))
    learner.show(CLEAR, 3, tracks=())
    learner.show(CLEAR, 1, tracks=(5, 9))
    assert learner.samples.objects == 4
    learner.context.collect(None)
    learner.show(CLEAR, 1, tracks=(12,))
    assert learner.samples.objects == 4


def test_how_long_ago_the_light_changed_is_known_until_the_picture_is_another() -> None:
    context = StreamContext("yard", 10, Detection(), [])

    def since(pts: float, change: SceneChange | None = None, epoch: int = 0) -> float:
        frame = Frame(0, pts, pts, pts, np.zeros((4, 4, 3), np.uint8))
        prepared = PreparedFrame("yard", epoch, frame, MOTION, scene_change=change)
        context.enter(prepared)
        return context.since_light_s(prepared)

    assert since(1.0) == np.inf
    assert since(2.0, SceneChange.EXPOSURE) == np.inf
    assert since(3.0, SceneChange.LIGHT) == 0
    assert since(5.0) == 2
    assert since(6.0, SceneChange.INFRARED) == 0
    assert since(7.0, epoch=1) == np.inf
