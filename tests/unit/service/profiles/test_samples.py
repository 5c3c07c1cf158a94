from __future__ import annotations

import numpy as np
import pytest

from service.profiles.samples import BLOCK_FRAMES, MAX_BLOCKS, Sample, Samples, gaps


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
