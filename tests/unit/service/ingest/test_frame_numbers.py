from __future__ import annotations

from pathlib import Path

import av
import pytest

from service.ingest.frame_numbers import FrameNumbers
from support.video import write_video


def packets(path: Path) -> tuple[bytes | None, list[bytes]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return stream.codec_context.extradata, [bytes(packet) for packet in container.demux(stream) if packet.size]


@pytest.mark.parametrize("ending", ["mp4", "ts"])  # units by their length, and by start codes
@pytest.mark.parametrize("lost", [3, 12, 14, 30])  # 12 is a key frame
def test_a_lost_frame_leaves_a_gap(ending: str, lost: int, tmp_path: Path) -> None:
    extradata, frames = packets(write_video(tmp_path / f"a.{ending}", frames=60))
    numbers = FrameNumbers(extradata)
    assert not any(numbers.gap(frame) for frame in frames)
    numbers = FrameNumbers(extradata)
    gaps = [index for index, frame in enumerate(frames) if index != lost and numbers.gap(frame)]
    assert gaps == [lost + 1]


def test_frames_that_nobody_refers_to_may_be_lost(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "3", "b-pyramid": "none"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for _ in range(60):
            container.mux(stream.encode(av.VideoFrame(160, 120, "yuv420p")))
        container.mux(stream.encode())
    extradata, frames = packets(tmp_path / "a.mp4")
    referred = [bool(frame[4] & 0x60) for frame in frames]
    assert not all(referred)
    numbers = FrameNumbers(extradata)
    assert not any(numbers.gap(frame) for frame, kept in zip(frames, referred, strict=True) if kept)


@pytest.mark.parametrize("extradata", [None, b"", b"\x01", b"\x01\x64\x00\x1e\xff\xe1\x00\x05\x67"])
def test_what_makes_no_sense_is_no_gap(extradata: bytes | None) -> None:
    numbers = FrameNumbers(extradata)
    for packet in (
        b"",
        b"\x00",
        b"\x00\x00\x01",
        b"\x00\x00\x01\x65",
        b"\xff" * 50,
        b"\x00" * 50,
        b"\x00\x00\x01\x67\xff",
    ):
        assert not numbers.gap(packet)
