from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from service.ingest.luma import bgr_of, luma_of
from support.video import picture

GREY = cv2.cvtColor(picture(0), cv2.COLOR_BGR2GRAY).astype(int)
STUDIO = (GREY * 219 / 255 + 16).round().astype(int)


def frame(pixels: str, image: np.ndarray | None = None) -> av.VideoFrame:
    whole = av.VideoFrame.from_ndarray(picture(0) if image is None else image, format="bgr24")
    # FFmpeg's threads now and then spoil the row between theirs in pictures of odd width and more than 8 bits.
    return whole.reformat(format=pixels, threads=1)


@pytest.mark.parametrize(
    "pixels",
    ["yuv420p", "yuv422p", "yuv444p", "yuv410p", "yuv440p", "nv12", "nv21", "yuv420p10le", "yuv420p10be",
     "yuv422p10le", "yuv444p12le", "yuv420p16le", "p010le", "p016le"],
)  # fmt: skip
def test_every_depth_has_the_same_brightness(pixels: str) -> None:
    luma = luma_of(frame(pixels))
    assert luma.shape == (120, 160)
    assert luma.dtype == np.uint8
    assert np.abs(luma - STUDIO).mean() < 1.5


@pytest.mark.parametrize(
    "pixels",
    ["gray", "gray10le", "gray12le", "gray16be", "yuvj420p", "rgb24", "bgr0", "gbrp", "gbrp10le", "rgba", "rgb48le"],
)
def test_full_range_and_colours_have_their_grey(pixels: str) -> None:
    assert np.abs(luma_of(frame(pixels)) - GREY).mean() < 1.5


def test_a_palette(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        stream = container.add_stream("qtrle", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "gray"
        container.mux(stream.encode(frame("gray")))
        container.mux(stream.encode())
    with av.open(str(tmp_path / "a.mov")) as container:
        decoded = next(container.decode(video=0))
        assert decoded.format.name == "pal8"
        assert np.abs(luma_of(decoded) - GREY).mean() < 1.5


@pytest.mark.parametrize(("width", "height"), [(1, 40), (41, 1), (97, 63), (2, 2)])
@pytest.mark.parametrize("pixels", ["yuv444p", "yuv422p10le", "gray10le", "rgb24", "bgra"])
def test_odd_sizes(pixels: str, width: int, height: int) -> None:
    image = np.full((height, width, 3), 120, np.uint8)
    if pixels == "yuv422p10le" and width == 1:
        pytest.skip("there is no such picture")
    odd = frame(pixels, image)
    assert luma_of(odd).shape == (height, width)
    # FFmpeg's conversion of more than 8 bits takes the last odd column from beside the picture.
    whole = slice(None, width - 1 if width > 2 else None)
    assert np.abs(bgr_of(odd).astype(int) - image)[:, whole].max() < 4
    assert luma_of(odd).max() == luma_of(odd).min()


def test_what_is_transparent_is_black() -> None:
    image = np.full((8, 8, 4), 200, np.uint8)
    image[:, :4, 3], image[:, 4:, 3] = 0, 255
    clear = av.VideoFrame.from_ndarray(image, format="bgra")
    assert bgr_of(clear)[:, :4].max() == 0
    assert bgr_of(clear)[:, 4:].min() == 200
    assert luma_of(clear)[:, :4].max() == 0
