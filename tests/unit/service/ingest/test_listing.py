from __future__ import annotations

from pathlib import Path

import av
import pytest

from service.ingest.listing import VIDEOS, below, count_frames, folders, named, pictures, videos
from service.ingest.reader import open_reader
from service.ingest.source import local_source
from support.video import write_images, write_video

LITTER = ("._2.png", ".DS_Store", "Thumbs.db", ".hidden.PNG", "notes.txt")


def test_who_counts_and_who_reads_agree_whatever_lies_beside(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "f", 12)
    (folder / "11.png").rename(folder / "11.PNG")
    for name in LITTER:
        (folder / name).write_bytes(b"\0\5\x16\7")
    (folder / "deep.png").mkdir()
    assert [path.name for path in pictures(folder)] == [f"{number}.png" for number in range(11)] + ["11.PNG"]
    with open_reader(local_source(folder), 5, 5) as reader:
        assert len(list(reader)) == count_frames(folder) == 12
        assert reader.decode_errors == 0


def test_videos_of_any_ending_and_folders_in_natural_order(tmp_path: Path) -> None:
    for name in ("2.MP4", "10.mp4", "1.Mov", "._1.mov", "a.txt"):
        (tmp_path / name).touch()
    for name in ("clip 10", "clip 9", ".cache", "__MACOSX"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.mp4").touch()
    assert [path.name for path in videos(tmp_path)] == ["1.Mov", "2.MP4", "10.mp4"]
    assert [path.name for path in folders(tmp_path)] == ["clip 9", "clip 10"]
    assert [path.relative_to(tmp_path).as_posix() for path in below(tmp_path, VIDEOS)] == [
        "1.Mov", "2.MP4", "10.mp4", "clip 9/1.mp4", "clip 10/1.mp4",
    ]  # fmt: skip
    assert named(tmp_path, "2", VIDEOS) == tmp_path / "2.MP4"
    assert named(tmp_path, "3", VIDEOS) is None
    assert named(tmp_path / "absent", "3", VIDEOS) is None


def test_a_folder_below_a_hidden_one_is_read(tmp_path: Path) -> None:
    assert count_frames(write_images(tmp_path / ".cache" / "f", 3)) == 3


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "ts"])
def test_a_video_has_as_many_frames_as_are_read(ending: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / f"a.{ending}", frames=40)
    with open_reader(local_source(path), 5, 5) as reader:
        assert len(list(reader)) == count_frames(path) == 40
        assert reader.missing == 0


def _cut_by_an_edit_list(source: Path, target: Path, start: float) -> None:
    """Copied from the key frame before a time, with the list that hides what is before it."""
    with av.open(str(source)) as reading, av.open(str(target), "w") as writing:
        stream = reading.streams.video[0]
        out = writing.add_stream_from_template(stream)
        assert stream.time_base is not None
        first = round(start / float(stream.time_base))
        reading.seek(first, stream=stream)
        for packet in reading.demux(stream):
            if packet.size:
                assert packet.pts is not None
                assert packet.dts is not None
                packet.stream = out
                packet.pts, packet.dts = packet.pts - first, packet.dts - first
                writing.mux(packet)


def test_what_an_edit_list_hides_is_no_frame(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.mp4", frames=60, gop=30)
    _cut_by_an_edit_list(whole, tmp_path / "cut.mp4", 1.6)  # frame 40; the key frame before it is 30
    with open_reader(local_source(tmp_path / "cut.mp4"), 5, 5) as reader:
        frames = list(reader)
    assert len(frames) == count_frames(tmp_path / "cut.mp4") == 20
    assert frames[0].pts == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_recording_that_breaks_off_has_the_frames_that_it_announces(ending: str, tmp_path: Path) -> None:
    whole, start = write_video(tmp_path / f"a.{ending}", frames=100), tmp_path / f"start.{ending}"
    if ending == "mp4":
        with av.open(str(whole)) as reading, av.open(str(start), "w", options={"movflags": "faststart"}) as writing:
            out = writing.add_stream_from_template(reading.streams.video[0])
            for packet in reading.demux(video=0):
                if packet.size:
                    packet.stream = out
                    writing.mux(packet)
    else:
        start.write_bytes(whole.read_bytes())
    start.write_bytes(start.read_bytes()[: whole.stat().st_size * 2 // 3])
    with open_reader(local_source(start), 5, 5) as reader:
        read = len(list(reader))
        assert 40 < read < 90
        assert 0 < reader.missing <= 100 - read
    assert 98 <= count_frames(start) <= 100
