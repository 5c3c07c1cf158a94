from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from service.ingest.continuity import MAX_WAIT_S, Admission, Continuity
from service.ingest.reader import Reader

KEPT, ANEW, LEFT = Admission.KEPT, Admission.ANEW, Admission.LEFT_OUT


@dataclass
class Health:
    """What a reader tells of itself."""

    decode_errors: int = 0
    losses: int = 0
    packets: int = 0
    suspect: tuple[int, float | None] = (0, None)
    missing: int = 0


@dataclass
class Shown:
    """A decoded frame."""

    pts: float | None
    key: bool = False
    corrupt: bool = False
    size: tuple[int, int] = (64, 48)
    captured_at: float = 1.7e9
    dated: bool = False
    era: int = 0

    @property
    def arrived(self) -> float:
        return self.pts or 0.0

    @property
    def layout(self) -> tuple[int, int]:
        return self.size

    def luma(self) -> np.ndarray:
        return np.zeros(self.size[::-1], np.uint8)

    def to_bgr(self, max_side: int) -> np.ndarray:
        return np.zeros((*self.size[::-1], 3), np.uint8)


def following(health: Health, *, live: bool = True) -> Continuity:
    return Continuity(cast(Reader, health), live=live)


def test_after_a_loss_frames_wait_for_the_next_key_frame() -> None:
    health = Health()
    continuity = following(health)
    assert continuity.admit(Shown(0.0, key=True)) is KEPT
    assert continuity.admit(Shown(0.1)) is KEPT
    health.losses, health.suspect = 1, (2, 0.2)
    assert [continuity.admit(Shown(at / 10)) for at in range(2, 9)] == [LEFT] * 7
    assert continuity.take_lost() == 7
    assert continuity.admit(Shown(0.9, key=True)) is KEPT
    assert continuity.admit(Shown(1.0)) is KEPT
    assert continuity.take_lost() == 0
    assert continuity.damage.stretches == [(0.1, 0.9)]


def test_a_key_frame_of_before_the_loss_ends_no_wait() -> None:
    """Decoders give frames out later than their packets come."""
    health = Health()
    continuity = following(health)
    continuity.admit(Shown(0.0, key=True))
    health.losses, health.packets, health.suspect = 1, 5, (5, 0.4)
    assert continuity.admit(Shown(0.3, key=True)) is LEFT
    assert continuity.admit(Shown(0.5, key=True)) is KEPT


def test_time_stamps_that_say_nothing_do_not_make_it_wait_on() -> None:
    health = Health()
    continuity = following(health)
    continuity.admit(Shown(0.0, key=True))
    health.losses, health.suspect = 1, (1, 5.0)
    assert continuity.admit(Shown(0.1, key=True)) is LEFT
    health.packets = 50
    assert continuity.admit(Shown(0.2, key=True)) is KEPT


def test_a_damaged_key_frame_is_none() -> None:
    continuity = following(Health())
    assert continuity.admit(Shown(0.0, key=True, corrupt=True)) is LEFT
    assert continuity.admit(Shown(0.1)) is LEFT
    assert continuity.admit(Shown(0.2, key=True)) is KEPT


def test_a_camera_without_key_frames_is_not_blind_for_ever() -> None:
    health = Health()
    continuity = following(health)
    continuity.admit(Shown(0.0, key=True))
    health.losses = 1
    times = [number / 10 for number in range(1, 400)]
    admissions = [continuity.admit(Shown(at)) for at in times]
    resumed = admissions.index(ANEW)
    assert times[resumed] - times[0] > MAX_WAIT_S
    assert set(admissions[:resumed]) == {LEFT}
    assert set(admissions[resumed + 1 :]) == {KEPT}
    # Losses go on: it was decided to look, and to look it goes on; only what is flagged is left out.
    health.losses = 2
    assert continuity.admit(Shown(40.0)) is KEPT
    assert continuity.admit(Shown(40.1, corrupt=True)) is LEFT
    # What was learned of the smear is forgotten when the picture is whole again.
    assert continuity.admit(Shown(40.2, key=True)) is ANEW
    health.losses = 3
    assert continuity.admit(Shown(40.3)) is LEFT


def test_a_live_stream_that_begins_amid_a_group_waits_and_a_file_does_not() -> None:
    assert following(Health()).admit(Shown(0.0)) is LEFT
    assert following(Health(), live=False).admit(Shown(0.0)) is KEPT  # an edit list may begin there


def test_another_size_begins_anew() -> None:
    continuity = following(Health(), live=False)
    assert continuity.admit(Shown(0.0, key=True)) is KEPT
    assert continuity.admit(Shown(0.1, key=True, size=(128, 96))) is ANEW
    assert continuity.admit(Shown(0.2, size=(128, 96))) is KEPT


def test_frames_that_never_came_are_counted_by_their_time() -> None:
    health = Health()
    continuity = following(health, live=False)
    for number in range(10):
        continuity.admit(Shown(number / 10, key=number == 0))
    health.decode_errors = 1
    assert continuity.admit(Shown(2.0, key=True)) is KEPT
    assert continuity.take_lost() == 10
    assert continuity.damage.stretches == [(0.9, 2.0)]


def test_an_end_that_is_missing_is_lost() -> None:
    health = Health()
    continuity = following(health, live=False)
    for number in range(10):
        continuity.admit(Shown(number / 10, key=number == 0))
    health.missing = 10
    continuity.finish()
    assert (continuity.damage.lost, continuity.damage.cut_off) == (10, True)
    assert continuity.damage.stretches[0][1] > 1.8
