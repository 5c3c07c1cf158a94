from __future__ import annotations

import os
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from service.ingest.failures import Cause, SourceFailure
from service.ingest.reader import SourceInfo, open_reader, shrink
from service.ingest.source import Source, local_source
from support.video import picture, write_audio, write_images, write_video


def opened_failure(source: Source) -> SourceFailure:
    with pytest.raises(SourceFailure) as failure, open_reader(source, 5, 5) as reader:
        list(reader)
    return failure.value


def test_a_video_gives_every_frame_with_its_pts(tmp_path: Path) -> None:
    source = local_source(write_video(tmp_path / "a.mp4", frames=30, rate=10))
    with open_reader(source, 5, 5) as reader:
        assert reader.info == SourceInfo(160, 120, "h264", 10.0, live=False)
        frames = [(decoded.pts, decoded.luma().copy(), decoded.to_bgr(1280)) for decoded in reader]
    assert [pts for pts, _, _ in frames] == pytest.approx([index / 10 for index in range(30)])
    for index, (_, luma, image) in enumerate(frames):
        assert luma.shape == (120, 160)
        assert image.shape == (120, 160, 3)
        assert np.abs(image.astype(int) - picture(index)).mean() < 8  # the compression's own error
        grey = cv2.cvtColor(picture(index), cv2.COLOR_BGR2GRAY)
        assert np.abs(luma.astype(int) - grey).mean() < 20  # studio range: 16..235


def test_luma_of_odd_sizes_has_no_padding(tmp_path: Path) -> None:
    source = local_source(write_video(tmp_path / "a.mp4", frames=2, width=166, height=94))
    with open_reader(source, 5, 5) as reader:
        assert next(iter(reader)).luma().shape == (94, 166)


def test_luma_of_other_pixel_formats(tmp_path: Path) -> None:
    path = tmp_path / "ten-bit.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p10le"
        frame = av.VideoFrame.from_ndarray(picture(0), format="bgr24").reformat(format="yuv420p10le")
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with open_reader(local_source(path), 5, 5) as reader:
        luma = next(iter(reader)).luma()
    assert luma.dtype == np.uint8
    assert np.abs(luma.astype(int) - cv2.cvtColor(picture(0), cv2.COLOR_BGR2GRAY)).mean() < 20


@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [((720, 1280), 1280, (720, 1280)), ((720, 1280), 640, (360, 640)), ((1280, 720), 640, (640, 360)),
     ((10, 1000), 100, (1, 100)), ((120, 160), 1280, (120, 160))],
)  # fmt: skip
def test_shrink_keeps_the_shape_and_never_enlarges(
    shape: tuple[int, int], side: int, expected: tuple[int, int]
) -> None:
    image = np.zeros((*shape, 3), np.uint8)
    small = shrink(image, side)
    assert small.shape[:2] == expected
    assert (small is image) == (shape == expected)


def test_a_folder_of_images_in_the_order_of_numbers(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "frames", 12)
    (folder / "notes.txt").write_text("no image")
    with open_reader(local_source(folder, rate=5.0), 5, 5) as reader:
        assert reader.info == SourceInfo(160, 120, "png", 5.0, live=False)
        frames = [(decoded.pts, decoded.to_bgr(1280)) for decoded in reader]
    assert [pts for pts, _ in frames] == pytest.approx([index / 5 for index in range(12)])
    assert all(np.array_equal(image, picture(index)) for index, (_, image) in enumerate(frames))


def _text(path: Path) -> None:
    path.write_text("this is no video\n" * 100)


def _empty(path: Path) -> None:
    path.touch()


def _truncated(path: Path) -> None:
    whole = write_video(path.with_name(f"whole{path.suffix}"), frames=50).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])  # the index (moov) is at the end, so it is lost


def _only_sound(path: Path) -> None:
    write_audio(path)


def _concat(path: Path) -> None:
    path.write_text(f"ffconcat version 1.0\nfile '{write_video(path.with_name('other.mp4'))}'\n")


def _playlist(path: Path) -> None:
    write_video(path.with_name("other.ts"))
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nother.ts\n#EXT-X-ENDLIST\n")


def _sdp(path: Path) -> None:
    path.write_text("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 26\n")


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _empty_folder(path: Path) -> None:
    path.mkdir()


def _folder_of_text_images(path: Path) -> None:
    path.mkdir()
    (path / "0.png").write_text("no image")


def _folder_of_links(path: Path) -> None:
    path.mkdir()
    outside = write_images(path.with_name("outside"), 1)
    (path / "0.png").symlink_to(outside / "0.png")


def _absent(path: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("make", "name", "cause"),
    [
        (_text, "a.mp4", Cause.UNREADABLE),
        (_empty, "a.mp4", Cause.UNREADABLE),
        (_only_sound, "a.mp4", Cause.UNSUPPORTED),
        (_concat, "a.ffconcat", Cause.UNSUPPORTED),
        (_concat, "a.mp4", Cause.UNSUPPORTED),
        (_playlist, "a.m3u8", Cause.UNSUPPORTED),
        (_playlist, "a.mp4", Cause.UNREADABLE),
        (_sdp, "a.sdp", Cause.UNSUPPORTED),
        (_fifo, "a.mp4", Cause.UNSUPPORTED),
        (_text, "img%03d.png", Cause.UNSUPPORTED),
        (_empty_folder, "a", Cause.UNREADABLE),
        (_folder_of_text_images, "a", Cause.UNREADABLE),
        (_folder_of_links, "a", Cause.UNREADABLE),
        (_absent, "a.mp4", Cause.NOT_FOUND),
    ],
)
def test_refuses_what_is_no_video(make, name: str, cause: Cause, tmp_path: Path) -> None:
    folder = tmp_path / "media"
    folder.mkdir()
    make(folder / name)
    failure = opened_failure(local_source(folder / name))
    assert failure.cause is cause
    assert failure.lasting
    assert name in failure.detail
    assert failure.detail.endswith(".")
    assert failure.advice == ("Check its name." if cause is Cause.NOT_FOUND else "Choose another file.")
    assert str(tmp_path) not in failure.detail


@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_a_recording_that_was_cut_off_before_its_index_says_so(ending: str, tmp_path: Path) -> None:
    _truncated(tmp_path / f"a.{ending}")
    failure = opened_failure(local_source(tmp_path / f"a.{ending}"))
    assert failure.cause is Cause.UNREADABLE
    assert "cut off before its index was written" in failure.detail


def test_refuses_a_link_put_there_after_the_check(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside.mp4", write_video(tmp_path / "outside.mp4", frames=2)
    inside.touch()
    source = local_source(inside)
    inside.unlink()
    inside.symlink_to(outside)
    assert opened_failure(source).cause is Cause.NOT_FOUND


def test_damage_is_counted_and_passed_over(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", frames=60)
    data, noise = bytearray(path.read_bytes()), np.random.default_rng(1)
    for eighth in range(2, 7):
        start = len(data) * eighth // 8
        data[start : start + 400] = noise.integers(0, 256, 400, np.uint8).tobytes()
    path.write_bytes(data)
    with open_reader(local_source(path), 5, 5) as reader:
        frames = list(reader)
        assert 30 <= len(frames) < 60
        assert any(decoded.corrupt for decoded in frames)
        assert reader.decode_errors > 0


def test_every_reader_closes_its_file(tmp_path: Path) -> None:
    source = local_source(write_video(tmp_path / "a.mp4", frames=5))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with open_reader(source, 5, 5) as reader:
            next(iter(reader))
        opened_failure(local_source(tmp_path / "absent.mp4"))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
