from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from service.ingest.playback import read_all
from service.ingest.source import local_source
from service.pipeline.recordings import NormalRecording, sound
from service.profiles.fit import EnrolmentError
from service.settings import Settings
from support.video import write_images, write_video


def recording(path: Path) -> NormalRecording:
    settings = Settings(image_side=160, analysis_side=96)
    return NormalRecording(path.name, partial(read_all, "s", local_source(path), None, settings, ()))


def with_a_bad_sector(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 512 * 512
    data[middle : middle + 4096] = bytes(4096)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "ts"])
def test_a_bad_sector_costs_its_stretch(ending: str, tmp_path: Path) -> None:
    path = with_a_bad_sector(write_video(tmp_path / f"a.{ending}", frames=150, width=320, height=240))
    said: list[str | None] = []
    frames = [prepared.frame.index for run in sound([recording(path)], said.append) for prepared in run]
    assert 120 <= len(frames) < 150
    assert frames[-1] == 149  # numbered as they would have been
    assert said[0] is not None
    assert f"{path.name} is damaged: {150 - len(frames)} frames" in said[0]


def test_the_good_ones_count(tmp_path: Path) -> None:
    good = [write_video(tmp_path / f"{number}.mp4", frames=30) for number in range(2)]
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    said: list[str | None] = []
    runs = [len(list(run)) for run in sound(map(recording, [good[0], bad, good[1]]), said.append)]
    assert runs == [30, 0, 30]
    assert said[0] is said[2] is None
    assert said[1] is not None
    assert said[1].startswith("bad.mp4 could not be read and was left out: ")


def test_if_most_is_lost_nothing_is_learned(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "f", 10)
    for number in range(3, 10):
        (folder / f"{number}.png").write_text("no image")
    runs = sound([recording(folder)])
    assert len(list(next(runs))) == 3
    with pytest.raises(EnrolmentError, match=r"Too much .* \(70% lost\)\. f is damaged: 7 frames \(70%\) left out"):
        next(runs)
