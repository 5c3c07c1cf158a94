from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from service.ingest.display import Display
from service.ingest.reader import Decoded, open_reader
from service.ingest.source import local_source
from support.video import picture, write_video


def first(path: Path) -> Decoded:
    with open_reader(local_source(path), 5, 5) as reader:
        return next(iter(reader))


@pytest.mark.parametrize(
    ("turned", "shown"),
    [
        ((0, False, False), lambda image: image),
        ((90, False, False), np.rot90),
        ((180, False, False), lambda image: np.rot90(image, 2)),
        ((270, False, False), lambda image: np.rot90(image, 3)),
        ((0, True, False), lambda image: image[:, ::-1]),
        ((0, False, True), lambda image: image[::-1]),
        # a picture that is mirrored first and then turned, as phones write it
        ((270, True, False), lambda image: np.transpose(image, (1, 0, 2))),
        ((90, True, False), lambda image: np.rot90(np.transpose(image, (1, 0, 2)), 2)),
    ],
)
def test_a_recording_is_upright(turned: tuple[int, bool, bool], shown, tmp_path: Path) -> None:
    decoded = first(write_video(tmp_path / "a.mp4", frames=2, turned=turned))
    expected = shown(picture(0))
    assert decoded.size == expected.shape[1::-1]
    assert decoded.luma().shape == expected.shape[:2]
    image = decoded.to_bgr(1280)
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 8
    grey = cv2.cvtColor(np.ascontiguousarray(expected), cv2.COLOR_BGR2GRAY)
    assert np.abs(decoded.luma().astype(int) - grey).mean() < 20


@pytest.mark.parametrize(
    ("aspect", "turned", "size"),
    [
        (Fraction(2, 1), None, (320, 120)),
        (Fraction(1, 2), None, (160, 240)),
        (Fraction(16, 15), None, (171, 120)),
        (Fraction(2, 1), (90, False, False), (120, 320)),
    ],
)
def test_pixels_that_are_not_square(aspect, turned, size: tuple[int, int], tmp_path: Path) -> None:
    decoded = first(write_video(tmp_path / "a.mp4", frames=2, pixel_aspect=aspect, turned=turned))
    assert decoded.size == size
    assert decoded.luma().shape == size[::-1]
    assert decoded.to_bgr(1280).shape == (*size[::-1], 3)
    small = decoded.to_bgr(80).shape
    assert max(small) == 80
    assert small[1] / small[0] == pytest.approx(size[0] / size[1], rel=0.03)


@pytest.mark.parametrize("aspect", [float("nan"), 0.0, -1.0, 1e6, float("inf")])
def test_a_shape_that_cannot_be_is_none(aspect: float, tmp_path: Path) -> None:
    from service.ingest.display import display_of

    with open_reader(local_source(write_video(tmp_path / "a.mp4", frames=2)), 5, 5) as reader:
        frame = next(iter(reader)).frame  # type: ignore[attr-defined]
    assert display_of(frame, aspect) == Display()


def test_the_orientation_in_a_jpeg_counts(tmp_path: Path) -> None:
    """Cameras that send single pictures say in their EXIF how they hang, picture by picture."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # 6: turn by a quarter, clockwise
    jpeg = cv2.imencode(".jpg", picture(0))[1].tobytes()
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuvj420p"
        packet = av.Packet(jpeg[:2] + segment + jpeg[2:])
        packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, 0, 0, True
        container.mux(packet)
    decoded = first(tmp_path / "a.mkv")
    assert decoded.size == (120, 160)
    assert np.abs(decoded.to_bgr(1280).astype(int) - np.rot90(picture(0), 3)).mean() < 8


def test_what_is_shown_as_it_is_is_not_copied() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    assert Display().plain
    assert Display().show(image, 10) is image
