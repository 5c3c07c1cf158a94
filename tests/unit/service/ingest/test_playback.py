from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from service.errors import SourceRefused
from service.ingest.damage import Damage
from service.ingest.playback import PREFETCH, read_all
from service.ingest.source import local_source
from service.settings import Settings
from support.video import write_images, write_video


@pytest.fixture
def settings() -> Settings:
    return Settings(image_side=160, analysis_side=96)


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("read ")]


@pytest.mark.parametrize(
    ("fps", "indices"), [(None, range(50)), (25, range(50)), (5, range(0, 50, 5)), (60, range(50))]
)
def test_every_due_frame_in_order(fps: float | None, indices: range, tmp_path: Path, settings: Settings) -> None:
    source = local_source(write_video(tmp_path / "a.mp4", frames=50))
    frames = list(read_all("s", source, fps, settings))
    assert [prepared.frame.index for prepared in frames] == list(indices)
    assert [prepared.frame.pts for prepared in frames] == pytest.approx([index / 25 for index in indices])
    assert {prepared.epoch for prepared in frames} == {0}
    assert {prepared.stream_id for prepared in frames} == {"s"}
    assert frames[0].motion is None
    assert all(prepared.motion is not None for prepared in frames[1:])
    assert all(prepared.frame.image.shape == (120, 160, 3) for prepared in frames)
    assert not readers()


@pytest.mark.parametrize(("fps", "matched"), [(0.9, True), (0.5, False), (0.2, False)])
def test_a_recording_of_few_frames_a_second_can_be_learned_from(
    tmp_path: Path, settings: Settings, fps: float, matched: bool
) -> None:
    ticks = [round(index * 250 / fps) for index in range(20)]
    source = local_source(write_video(tmp_path / "a.mp4", frames=20, pts=ticks))
    frames = list(read_all("s", source, 10.0, settings))
    assert [prepared.frame.pts for prepared in frames] == pytest.approx([tick / 250 for tick in ticks], abs=1e-3)
    *_, last = frames
    assert [prepared.epoch for prepared in frames[2:]] == [last.epoch] * 18
    assert all(prepared.motion is not None and prepared.motion.matched == matched for prepared in frames[2:])


def test_flow_pairs_are_close_in_time_whatever_the_rate(tmp_path: Path, settings: Settings) -> None:
    """At 5 of 25 frames a second the flow still compares pictures 0.1 s apart at most, or limbs no longer match."""
    source = local_source(write_video(tmp_path / "a.mp4", frames=50))
    for prepared in list(read_all("s", source, 5, settings))[1:]:
        assert prepared.motion is not None
        assert prepared.motion.interval <= 0.11


def test_the_picture_is_shrunk_to_the_working_side(tmp_path: Path) -> None:
    source = local_source(write_video(tmp_path / "a.mp4", frames=3, width=640, height=360))
    frames = list(read_all("s", source, None, Settings(image_side=320, analysis_side=96)))
    assert frames[0].frame.image.shape == (180, 320, 3)
    assert frames[0].frame.image.dtype == np.uint8


def test_uneven_pts_are_kept(tmp_path: Path, settings: Settings) -> None:
    ticks = [0, 7, 20, 33, 40, 61, 70, 100]
    source = local_source(write_video(tmp_path / "a.mkv", frames=len(ticks), pts=ticks))
    frames = list(read_all("s", source, None, settings))
    assert [prepared.frame.pts for prepared in frames] == pytest.approx([tick / 250 for tick in ticks], abs=2e-3)


def test_a_gap_in_the_file_is_a_new_epoch(tmp_path: Path, settings: Settings) -> None:
    ticks = [*range(0, 200, 10), *range(2000, 2200, 10)]
    source = local_source(write_video(tmp_path / "a.mp4", frames=len(ticks), pts=ticks))
    frames = list(read_all("s", source, None, settings))
    assert [prepared.epoch for prepared in frames] == [0] * 20 + [1] * 20
    assert frames[20].motion is None
    assert frames[20].frame.pts == pytest.approx(8.0)


def test_a_loop_is_read_once(tmp_path: Path, settings: Settings) -> None:
    source = local_source(write_images(tmp_path / "f", 4), loop=True, rate=10)
    assert len(list(read_all("s", source, None, settings))) == 4


def test_closing_early_ends_the_thread(tmp_path: Path, settings: Settings) -> None:
    source = local_source(write_video(tmp_path / "a.mp4", frames=200))
    frames = read_all("s", source, None, settings)
    next(frames)
    assert len(readers()) == 1
    frames.close()  # type: ignore[attr-defined]
    assert not readers()


def test_reading_ahead_is_bounded(tmp_path: Path, settings: Settings) -> None:
    folder = write_images(tmp_path / "f", 40)
    damage = Damage()
    frames = read_all("s", local_source(folder, rate=10), None, settings, damage=damage)
    next(frames)
    time.sleep(0.3)  # long enough to prepare all forty
    for path in folder.iterdir():
        path.unlink()
    ready = [prepared.frame.index for prepared in frames]
    assert len(ready) <= PREFETCH + 1
    assert damage.lost == 40 - 1 - len(ready)


def test_a_picture_that_cannot_be_read_costs_itself(tmp_path: Path, settings: Settings) -> None:
    folder = write_images(tmp_path / "f", 6)
    (folder / "4.png").write_text("no image")
    damage = Damage()
    frames = list(read_all("s", local_source(folder, rate=10), None, settings, damage=damage))
    assert [prepared.frame.index for prepared in frames] == [0, 1, 2, 3, 5]
    assert (damage.kept, damage.lost) == (5, 1)
    assert damage.sentence("f") == "f is damaged: 1 frame (17%) left out, 0.3 to 0.5 s."
    assert not readers()


def test_what_cannot_be_opened(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(SourceRefused) as refused:
        next(read_all("s", local_source(tmp_path / "absent.mp4"), None, settings))
    assert refused.value.code == "source_unreachable"
    assert not readers()


def test_an_error_of_the_program_is_not_swallowed(tmp_path: Path, settings: Settings) -> None:
    source = local_source(write_video(tmp_path / "a.mp4", frames=3))
    broken = settings.model_copy(update={"analysis_side": 1})  # Preparer refuses it
    with pytest.raises(ValueError, match="analysis side"):
        next(read_all("s", source, None, broken))
    assert not readers()
