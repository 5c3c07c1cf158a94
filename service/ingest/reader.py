"""Decoded frames from any source: FFmpeg's demuxers and decoders by PyAV, or a folder of images."""

from __future__ import annotations

import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import av
import av.container
import av.error
import cv2
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from service.ingest.failures import Cause, SourceFailure, connect_failure, open_failure, read_failure
from service.ingest.source import Source

# FFmpeg's defaults look at five seconds before they call a stream open (1.1 s on a local RTSP server at
# 25 frames/s; 0.33 s with these), and cameras name their codec in the SDP.
_ANALYSIS = {"analyzeduration": "200000", "probesize": "65536"}

# A playlist, an SDP or a concat script can name other files and hosts. Only these protocols and formats
# are reachable, so that an answer from the network never opens a file, and a file never opens another.
_PROTOCOLS = {
    "rtsp": "rtp,udp,tcp",
    "rtsps": "rtp,srtp,udp,tcp,tls",
    "http": "http,tcp",
    "https": "https,http,tls,tcp,crypto",
    "file": "file",
}
_CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,h264,hevc,m4v,mpegvideo,ivf,av1,mjpeg,gif,mxf"
_FORMATS = {
    "rtsp": "rtsp,mpegts",
    "rtsps": "rtsp,mpegts",
    "http": f"{_CONTAINERS},hls,mpjpeg,aac",
    "https": f"{_CONTAINERS},hls,mpjpeg,aac",
    "file": _CONTAINERS,
}
# These carry no time stamps of their own; FFmpeg would count frames at a nominal rate.
_UNTIMED_FORMATS = frozenset({"mpjpeg", "mjpeg", "h264", "hevc", "m4v", "mpegvideo"})

# An 8K picture has 33 million pixels; beyond that a hostile header asks for gigabytes.
_MAX_PIXELS = 40_000_000

# A camera whose clock is off by more says when it thinks it is, not when it was.
_TRUSTED_CLOCK_S = 30.0

# 8-bit planar formats whose first plane is the picture's brightness: what cameras send.
_LUMA_FORMATS = frozenset(
    {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv411p", "yuvj411p", "nv12", "nv21", "gray"}
)
_IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source gives.

    Attributes:
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        codec: FFmpeg's name of the codec, or the suffix of a folder's images.
        fps: Frames per second as announced, None if nothing is; never to be relied upon.
        live: Whether it runs on its own clock and has no end.
    """

    width: int
    height: int
    codec: str
    fps: float | None
    live: bool

    def sized(self, width: int, height: int) -> SourceInfo:
        """The same with the size of the pictures that really came: what a camera announces may be wrong."""
        return replace(self, width=width, height=height)


class Decoded(Protocol):
    """One decoded frame, still in its source's own format."""

    @property
    def pts(self) -> float | None:
        """Presentation time in seconds as the source gives it, or None."""
        ...

    @property
    def captured_at(self) -> float:
        """Wall clock of capture, Unix seconds: the camera's (RTCP) when known and sane, else of arrival."""
        ...

    @property
    def arrived(self) -> float:
        """Monotonic clock when its packet arrived."""
        ...

    @property
    def waited(self) -> float:
        """Seconds that reading waited for its packet; next to none says that more of them are queued."""
        ...

    @property
    def corrupt(self) -> bool:
        """Whether the decoder had to guess parts of it."""
        ...

    @property
    def key(self) -> bool:
        """Whether it was coded without reference to other frames."""
        ...

    def luma(self) -> NDArray[np.uint8]:
        """The Y plane, ``(H, W)`` at full resolution."""
        ...

    def to_bgr(self, max_side: int) -> NDArray[np.uint8]:
        """The picture, ``(h, w, 3)`` BGR, its longer side at most ``max_side``; never enlarged."""
        ...


class Reader(Protocol):
    """An open source. Opened, read and closed by one thread."""

    info: SourceInfo
    decode_errors: int

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __iter__(self) -> Iterator[Decoded]:
        """Frames until the end. Raises ``SourceFailure`` when the source breaks off."""
        ...


def open_reader(source: Source, open_timeout: float, read_timeout: float, *, strict: bool = False) -> Reader:
    """Open a source, by whatever suits it.

    Args:
        source: What to open.
        open_timeout: Seconds that connecting may take, and again that finding the streams may take.
        read_timeout: Seconds of silence after which a read gives up.
        strict: Raise at the first packet that does not decode, instead of counting and going on.

    Raises:
        SourceFailure: Told apart by cause.
    """
    if source.path is None:
        return VideoReader(source, open_timeout, read_timeout, strict=strict)
    path = _still_inside(source, source.path)
    if path.is_dir():
        return ImageFolderReader(source, path)
    if not path.is_file():
        what = "one that is no regular file" if path.exists() else "none of that name"
        cause = Cause.UNSUPPORTED if path.exists() else Cause.NOT_FOUND
        raise SourceFailure(cause, source, f"expected a file or folder, got {what}")
    return VideoReader(source, open_timeout, read_timeout, strict=strict)


def _still_inside(source: Source, path: Path) -> Path:
    """The path, unless a link was put in its way after it had been checked."""
    if path.resolve() != path:
        raise SourceFailure(Cause.NOT_FOUND, source, "expected a file or folder, got a link that was put there since")
    return path


def shrink(image: NDArray[np.uint8], max_side: int) -> NDArray[np.uint8]:
    """The picture with its longer side at most ``max_side``; the same array if it is small enough."""
    height, width = image.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True, slots=True)
class DecodedVideoFrame:
    """A frame of a video, still in the decoder's own format."""

    frame: VideoFrame
    pts: float | None
    captured_at: float
    arrived: float
    waited: float

    @property
    def corrupt(self) -> bool:
        """Whether the decoder had to guess parts of it."""
        return self.frame.is_corrupt

    @property
    def key(self) -> bool:
        """Whether it was coded without reference to other frames."""
        return bool(self.frame.key_frame)

    def luma(self) -> NDArray[np.uint8]:
        """The Y plane, without a copy for the formats that cameras use."""
        frame = self.frame
        if frame.format.name not in _LUMA_FORMATS:
            return np.asarray(frame.to_ndarray(format="gray"), np.uint8)
        plane = frame.planes[0]
        rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return rows[: frame.height, : frame.width]

    def to_bgr(self, max_side: int) -> NDArray[np.uint8]:
        """The picture in BGR. Converting first and shrinking with OpenCV is faster than swscale's scaling."""
        return shrink(np.asarray(self.frame.to_ndarray(format="bgr24"), np.uint8), max_side)


class VideoReader:
    """A video by FFmpeg, decoded in the calling thread alone: more threads buy wall time, not processor time."""

    def __init__(self, source: Source, open_timeout: float, read_timeout: float, *, strict: bool = False) -> None:
        self._source = source
        self._strict = strict
        self.decode_errors = 0
        self._container = _open_container(source, open_timeout, read_timeout)
        try:
            self._stream = self._video_stream()
            self.info = self._describe()
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection or file, and free the decoder."""
        self._container.close()

    def _video_stream(self) -> VideoStream:
        streams = self._container.streams
        if not streams.video:
            others = ", ".join(sorted({stream.type for stream in streams})) or "nothing"
            raise SourceFailure(Cause.UNSUPPORTED, self._source, f"expected a video stream, got {others}")
        stream = streams.best("video")
        if not isinstance(stream, VideoStream) or stream.codec_context is None:
            raise SourceFailure(Cause.UNSUPPORTED, self._source, "expected a codec that FFmpeg decodes, got another")
        if stream.disposition & av.stream.Disposition.attached_pic:
            raise SourceFailure(Cause.UNSUPPORTED, self._source, "expected a video stream, got a cover picture")
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(_MAX_PIXELS)}
        return stream

    def _describe(self) -> SourceInfo:
        stream = self._stream
        rate = stream.average_rate or stream.guessed_rate
        ends = self._source.is_file or (not self._source.scheme.startswith("rtsp") and bool(self._container.duration))
        return SourceInfo(
            stream.width, stream.height, stream.codec_context.name, float(rate) if rate else None, live=not ends
        )

    @property
    def _untimed(self) -> bool:
        return not self._source.is_file and not _UNTIMED_FORMATS.isdisjoint(self._container.format.name.split(","))

    def __iter__(self) -> Iterator[Decoded]:
        """Frames until the end of the stream."""
        untimed = self._untimed
        packets = self._container.demux(self._stream)
        while True:
            asked = time.monotonic()
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                raise read_failure(self._source, error) from None
            if packet is None:
                return
            arrived, wall = time.monotonic(), time.time()
            camera_clock = _camera_clock(packet, wall)
            for frame in self._decode(packet):
                pts = None if untimed else frame.time
                captured_at = wall if camera_clock is None or pts is None else pts + camera_clock
                yield DecodedVideoFrame(frame, pts, captured_at, arrived, arrived - asked)

    def _decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        try:
            return packet.decode()
        except av.error.EOFError:
            return []
        except av.error.FFmpegError as error:
            self.decode_errors += 1
            if self._strict:
                raise read_failure(self._source, error) from None
            return []


def _camera_clock(packet: Packet[VideoStream], wall: float) -> float | None:
    """Seconds to add to a PTS to get the camera's wall clock, from RTCP, if known and sane."""
    if packet.pts is None or not packet.has_sidedata("prft"):
        return None
    microseconds: int = struct.unpack_from("=q", bytes(packet.get_sidedata("prft")))[0]
    captured_at = microseconds / 1e6
    if abs(captured_at - wall) > _TRUSTED_CLOCK_S:
        return None
    return captured_at - float(packet.pts * packet.time_base)


def _open_container(source: Source, open_timeout: float, read_timeout: float) -> av.container.InputContainer:
    location = str(source.path) if source.path is not None else source.open_url()
    if not source.is_file:
        _contact(source, open_timeout)
    options = {"protocol_whitelist": _PROTOCOLS[source.scheme], "format_whitelist": _FORMATS[source.scheme]}
    microseconds = str(int(read_timeout * 1e6))
    if source.scheme.startswith("rtsp"):
        options |= {"rtsp_transport": source.transport, "timeout": microseconds, **_ANALYSIS}
    elif not source.is_file:
        options |= {"rw_timeout": microseconds}
    began = time.monotonic()
    try:
        # A read time-out of PyAV takes the interpreter's lock at every read of the socket; FFmpeg's own
        # (above) does not. The lock is taken while opening only.
        return av.open(location, options=options, timeout=(open_timeout, None))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        waited = time.monotonic() - began >= 0.9 * min(open_timeout, read_timeout)
        raise open_failure(source, error, waited=waited and not source.is_file) from None


def _contact(source: Source, timeout: float) -> None:
    """Fail early, and by name: FFmpeg says "invalid data" also of hosts that nobody knows or can reach."""
    try:
        with closing(socket.create_connection((source.host, source.port), timeout)):
            pass
    except socket.gaierror:
        detail = f"expected the name of a host, got {source.host}, which cannot be found"
        raise SourceFailure(Cause.UNREACHABLE, source, detail) from None
    except OSError as error:
        raise connect_failure(source, error) from None


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """A picture of a folder."""

    image: NDArray[np.uint8]
    pts: float
    captured_at: float
    arrived: float
    waited: float = 0.0
    corrupt: bool = False
    key: bool = True

    def luma(self) -> NDArray[np.uint8]:
        """Grey of the picture."""
        return np.asarray(cv2.cvtColor(self.image, cv2.COLOR_BGR2GRAY), np.uint8)

    def to_bgr(self, max_side: int) -> NDArray[np.uint8]:
        """The picture, shrunk if it must be."""
        return shrink(self.image, max_side)


class ImageFolderReader:
    """The images of a folder in the order of the numbers in their names, at a rate of their own."""

    def __init__(self, source: Source, folder: Path) -> None:
        self._source = source
        self.decode_errors = 0
        self._paths = sorted(
            (path for path in folder.iterdir() if path.suffix.lower() in _IMAGE_SUFFIXES), key=_natural_order
        )
        if not self._paths:
            kinds = " ".join(sorted(_IMAGE_SUFFIXES))
            raise SourceFailure(Cause.UNREADABLE, source, f"expected a folder with images ({kinds}), got none in it")
        height, width = self._read(self._paths[0]).shape[:2]
        self.info = SourceInfo(width, height, self._paths[0].suffix.lower()[1:], source.rate, live=False)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open between two images."""

    def __iter__(self) -> Iterator[Decoded]:
        """The images, each decoded when it is asked for."""
        for index, path in enumerate(self._paths):
            yield DecodedImage(self._read(path), index / self._source.rate, time.time(), time.monotonic())

    def _read(self, path: Path) -> NDArray[np.uint8]:
        if not path.is_file() or path.is_symlink():
            raise SourceFailure(Cause.UNREADABLE, self._source, f"expected an image file, got {path.name}")
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise SourceFailure(Cause.UNREADABLE, self._source, f"expected an image, got {path.name}, which is none")
        return np.asarray(image, np.uint8)


def _natural_order(path: Path) -> list[tuple[int, int, str]]:
    """Frame 2 before frame 10, whatever the padding."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
