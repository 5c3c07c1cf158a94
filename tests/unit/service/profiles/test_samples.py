from __future__ import annotations

import numpy as np
import pytest

from service.profiles.samples import BLOCK_FRAMES, MAX_BLOCKS, Choice, Sample, Samples, Span, gaps


def sample(recording: int, pts: float, rows: int = 2) -> Sample:
    values = np.full((rows, 3), pts, np.float32)
    return Sample(recording, pts, {"head": {"values": values, "one": np.array([pts], np.float32)}})


def test_all_frames_are_kept_in_order_while_they_fit() -> None:
    samples = Samples()
    for index in range(250):
        samples.add(sample(0, index * 0.1))
    assert [kept.pts for kept in samples.kept()] == [index * 0.1 for index in range(250)]
    assert samples.frames == 250
    assert samples.seconds == pytest.approx(24.9)


def test_time_between_recordings_does_not_count() -> None:
    samples = Samples()
    for recording, start in ((0, 0.0), (1, 500.0)):
        for index in range(11):
            samples.add(sample(recording, start + index * 0.1))
    assert samples.seconds == pytest.approx(2.0)
    assert samples.next_recording == 2


def test_a_long_recording_is_bounded_and_sampled_from_its_whole_length() -> None:
    samples = Samples()
    total = 4 * MAX_BLOCKS * BLOCK_FRAMES
    for index in range(total):
        samples.add(sample(0, index * 0.1, rows=0))
    kept = samples.kept()
    assert len(kept) <= (MAX_BLOCKS + 1) * BLOCK_FRAMES
    assert samples.frames == total
    quarters = np.bincount([int(4 * one.pts / (total * 0.1)) for one in kept], minlength=4)
    assert quarters.min() > 0.1 * len(kept)
    runs = gaps(kept).sum()
    assert runs <= MAX_BLOCKS + 1


def test_arrays_hold_everything() -> None:
    samples = Samples()
    for index in range(120):
        samples.add(sample(index // 60, index * 0.1, rows=index % 3))
    again = Samples.from_arrays(samples.to_arrays())
    assert again.frames == samples.frames
    assert again.seconds == samples.seconds
    for before, after in zip(samples.kept(), again.kept(), strict=True):
        assert (before.recording, before.pts) == (after.recording, after.pts)
        np.testing.assert_array_equal(before.features["head"]["values"], after.features["head"]["values"])
        assert after.features["head"]["values"].dtype == np.float32


@pytest.mark.parametrize(
    ("recordings", "pts", "starts"),
    [
        ([0, 0, 0], [0.0, 0.1, 0.2], [True, False, False]),
        ([0, 0, 1], [0.0, 0.1, 0.2], [True, False, True]),
        ([0, 0, 0], [0.0, 5.0, 5.1], [True, True, False]),
        ([0, 0, 0], [1.0, 0.5, 0.6], [True, True, False]),
        ([0, 0, 0, 0], [0.0, 2.0, 4.0, 9.0], [True, False, False, False]),  # a camera of one frame in two seconds
        ([0, 0, 0, 0], [0.0, 2.0, 4.0, 40.0], [True, False, False, True]),
    ],
)
def test_gaps(recordings: list[int], pts: list[float], starts: list[bool]) -> None:
    kept = [sample(recording, when) for recording, when in zip(recordings, pts, strict=True)]
    assert gaps(kept).tolist() == starts


def test_what_was_said_of_the_footage_is_stored_with_it() -> None:
    samples = Samples()
    samples.begin("monday.mp4")
    for index in range(60):
        samples.add(Sample(0, index * 0.1, {}, picture=b"jpeg %d" % index if index % 10 == 0 else None))
    samples.begin("")
    for index in range(30):
        samples.add(Sample(samples.next_recording if index == 0 else 1, index * 0.1, {}, at=1000.0 + index))
    samples.objects = 7
    samples.choose(Span(0, 1.0, 1.4), Choice.LEAVE_OUT)
    samples.choose(Span(1, 0.0, 0.5), Choice.KEEP)
    again = Samples.from_arrays(samples.to_arrays())
    assert again.choices == samples.choices
    assert (again.objects, again.recordings) == (7, 1)
    assert [again.name_of(recording) for recording in (0, 1, 5)] == ["monday.mp4", "", ""]
    assert [sample.picture for sample in again.kept()] == [sample.picture for sample in samples.kept()]
    np.testing.assert_array_equal([sample.at for sample in again.kept()], [sample.at for sample in samples.kept()])


def test_samples_of_earlier_versions_have_no_pictures_and_nothing_was_said_of_them() -> None:
    samples = Samples()
    for index in range(20):
        samples.add(sample(0, index * 0.1))
    arrays = {name: values for name, values in samples.to_arrays().items() if name.split("/")[0] in EARLIER}
    again = Samples.from_arrays(arrays)
    assert again.choices == {}
    assert again.recordings == 0
    assert all(np.isnan(one.at) and one.picture is None for one in again.kept())


EARLIER = {"clip", "pts", "seen", "rows", "length"}


def test_a_stretch_without_a_name_of_its_own_is_of_the_recording_that_was_named_before_it() -> None:
    samples = Samples()
    samples.begin("gate.mp4")
    for recording in (0, 1):  # a gap within the file
        samples.add(sample(recording, 0.0))
    assert samples.name_of(1) == "gate.mp4"


def test_a_recording_that_gave_no_frame_does_not_name_the_next() -> None:
    samples = Samples()
    samples.begin("damaged.mp4")
    samples.begin("whole.mp4")
    samples.add(sample(0, 0.0))
    assert (samples.name_of(0), samples.recordings) == ("whole.mp4", 1)


def test_what_is_said_last_of_a_stretch_counts() -> None:
    samples = Samples()
    samples.choose(Span(0, 1.0, 2.0), Choice.LEAVE_OUT)
    samples.choose(Span(1, 1.0, 2.0), Choice.LEAVE_OUT)
    samples.choose(Span(0, 1.9, 3.0), Choice.KEEP)
    assert samples.choices == {Span(1, 1.0, 2.0): Choice.LEAVE_OUT, Span(0, 1.9, 3.0): Choice.KEEP}
    samples.choose(Span(0, 1.9, 3.0), None)
    assert samples.choices == {Span(1, 1.0, 2.0): Choice.LEAVE_OUT}


def test_the_samples_of_a_choice_are_those_within_its_stretches() -> None:
    samples = Samples()
    samples.choose(Span(0, 0.2, 0.4), Choice.LEAVE_OUT)
    samples.choose(Span(1, 0.0, 0.0), Choice.KEEP)
    frames = [sample(recording, index / 10) for recording in (0, 1) for index in range(6)]
    left_out, kept = (np.flatnonzero(samples.chosen(frames, choice)) for choice in (Choice.LEAVE_OUT, Choice.KEEP))
    assert left_out.tolist() == [2, 3, 4]
    assert kept.tolist() == [6]


def test_only_the_live_picture_has_times_of_its_own() -> None:
    samples = Samples()
    samples.begin("gate.mp4")
    samples.add(Sample(0, 4.0, {}, at=1.8e9))  # when the file was read
    samples.begin("")
    samples.add(Sample(1, 4.0, {}, at=1.8e9 + 9))
    assert [sample.at for sample in samples.kept()] == [pytest.approx(np.nan, nan_ok=True), 1.8e9 + 9]


def test_each_frame_has_a_time_that_no_other_has() -> None:
    samples = Samples()
    for name, recording in (("monday.mp4", 0), ("tuesday.mp4", 1), ("", 2)):
        samples.begin(name)
        for second in range(3):
            samples.add(Sample(recording, 86_400.0 * second, {}, at=1.8e9 + second))
    times = [samples.clock(sample) for sample in samples.kept()]
    assert len(set(times)) == 9
    assert times[6:] == [1.8e9, 1.8e9 + 1, 1.8e9 + 2]
    assert max(times[:6]) < 0
    again = Samples.from_arrays(samples.to_arrays())
    assert [again.clock(sample) for sample in again.kept()] == times


def test_samples_are_whole_until_some_are_let_go() -> None:
    samples = Samples()
    for index in range(MAX_BLOCKS * BLOCK_FRAMES):
        samples.add(sample(0, index * 0.1, rows=0))
    assert samples.whole
    assert Samples.from_arrays(samples.to_arrays()).whole
    for index in range(BLOCK_FRAMES):
        samples.add(sample(1, index * 0.1, rows=0))
    assert not samples.whole
    assert not Samples.from_arrays(samples.to_arrays()).whole
