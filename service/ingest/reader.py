"""Decoded frames from any source: FFmpeg's demuxers and decoders by PyAV, or a folder of images."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Hashable, Iterator
from contextlib import ExitStack, closing
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

from service.ingest.display import Display, display_of
from service.ingest.failures import Cause, SourceFailure, connect_failure, open_failure, read_failure
from service.ingest.frame_numbers import FrameNumbers
from service.ingest.listing import PICTURES, missing_frames, packet_end, pictures
from service.ingest.loss_reports import LossReports
from service.ingest.luma import bgr_of, luma_of
from service.ingest.packets import PacketQueue, Received
from service.ingest.redirects import MAX_HOPS, moved_to
from service.ingest.source import Source

# FFmpeg's defaults look at five seconds before they call a stream open (1.1 s on a local RTSP server at
# 25 frames/s; 0.33 s with these), and cameras name their codec in the SDP.
_ANALYSIS = {"analyzeduration": "200000", "probesize": "65536"}

# Packets within a connection come in order, but a camera in trouble leaves some out. FFmpeg looks at their numbers only
# where it keeps some to sort them, which is nowhere over TCP unless it is asked to.
_SORTED = {"reorder_queue_size": "2"}

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

_MAX_BOXES = 1000
_NO_INDEX = (
    "{it} was cut off before its index was written, as when a recorder loses power, and cannot be read as it is."
)
_WITHOUT_INDEX = (
    "Repair it with the recorder's own tool, or let it record MKV, MPEG-TS or fragmented MP4, which need no index."
)

_MAX_BROKEN_READS = 100
"""So many reads of a file that fail one after the other are its end."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source gives.

    Attributes:
        width: Of the picture as it is shown, pixels.
        height: The same.
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
    def dated(self) -> bool:
        """Whether ``captured_at`` is the camera's own clock, and not that of arrival."""
        ...

    @property
    def era(self) -> int:
        """Which clock of its source the PTS is of (``Arrivals.note``)."""
        ...

    @property
    def corrupt(self) -> bool:
        """Whether the decoder had to guess parts of it."""
        ...

    @property
    def key(self) -> bool:
        """Whether it refers to no frame before it."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as it is shown, pixels."""
        ...

    @property
    def layout(self) -> Hashable:
        """Differs between two frames whose pictures cannot be compared point by point."""
        ...

    def luma(self) -> NDArray[np.uint8]:
        """The brightness, ``(H, W)`` at full resolution, as it is shown: upright and in proportion."""
        ...

    def to_bgr(self, max_side: int) -> NDArray[np.uint8]:
        """The picture as it is shown, ``(h, w, 3)`` BGR, its longer side at most ``max_side``; never enlarged."""
        ...


class Reader(Protocol):
    """An open source. Opened, read and closed by one thread.

    Attributes:
        info: What it gives.
        decode_errors: Packets, or pictures, that did not decode so far.
        losses: How often it was seen so far that something was lost on the way.
        packets: Read so far.
        suspect: Of the last of both: how many packets were read by then, and the presentation time in seconds of a
            frame from which on key frames can be trusted; None for any.
        missing: Frames that a recording announces and does not have; known at its end.
        queue: Of a live source that is read ahead, what has arrived and is not decoded yet; else None.
    """

    info: SourceInfo
    decode_errors: int
    losses: int
    packets: int
    suspect: tuple[int, float | None]
    missing: int
    queue: PacketQueue | None

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __iter__(self) -> Iterator[Decoded]:
        """Frames until the end. Raises ``SourceFailure`` when the source breaks off."""
        ...


def open_reader(source: Source, open_timeout: float, read_timeout: float, *, ahead: bool = False) -> Reader:
    """Open a source, by whatever suits it.

    Args:
        source: What to open.
        open_timeout: Seconds that connecting may take, and again that finding the streams may take.
        read_timeout: Seconds of silence after which a read gives up.
        ahead: Read a live source's packets as they arrive, while others are decoded. Closing it then waits for the
            read under way.

    Raises:
        SourceFailure: Told apart by cause.
    """
    if source.path is None:
        return VideoReader(source, open_timeout, read_timeout, ahead=ahead)
    path = _still_inside(source, source.path)
    if path.is_dir():
        return ImageFolderReader(source, path)
    if not path.is_file():
        if path.exists():
            raise SourceFailure(Cause.UNSUPPORTED, source, "{it} is neither a file nor a folder.")
        raise SourceFailure(Cause.NOT_FOUND, source, "There is no file or folder {it}.")
    return VideoReader(source, open_timeout, read_timeout)


def _still_inside(source: Source, path: Path) -> Path:
    """The path, unless a link was put in its way after it had been checked."""
    if path.resolve() != path:
        raise SourceFailure(Cause.NOT_FOUND, source, "{it} has become a link, and links are not followed.")
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
    display: Display
    pts: float | None
    captured_at: float
    arrived: float
    dated: bool
    era: int = 0

    @property
    def corrupt(self) -> bool:
        """Whether the decoder had to guess parts of it."""
        return self.frame.is_corrupt

    @property
    def key(self) -> bool:
        """Whether it refers to no frame before it."""
        return self.frame.key_frame

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as it is shown, pixels."""
        return self.display.size(self.frame.width, self.frame.height)

    @property
    def layout(self) -> Hashable:
        """Its size, and how it is turned."""
        return self.frame.width, self.frame.height, self.display

    def luma(self) -> NDArray[np.uint8]:
        """The brightness; without a copy for what cameras use, which is to be shown as it is."""
        luma = luma_of(self.frame)
        return luma if self.display.plain else self.display.show(luma)

    def to_bgr(self, max_side: int) -> NDArray[np.uint8]:
        """The picture in BGR. Converting first and shrinking with OpenCV is faster than swscale's scaling."""
        return self.display.show(bgr_of(self.frame), max_side)


class VideoReader:
    """A video by FFmpeg, decoded in the calling thread alone: more threads buy wall time, not processor time."""

    def __init__(self, source: Source, open_timeout: float, read_timeout: float, *, ahead: bool = False) -> None:
        self._source = source
        self.decode_errors = self.losses = self.packets = self.missing = 0
        self.suspect: tuple[int, float | None] = (0, None)
        self._end = 0.0
        with ExitStack() as stack:
            self._container = stack.enter_context(_open_container(source, open_timeout, read_timeout))
            self._stream = self._video_stream()
            self.info = self._describe()
            self._begin_numbers()
            self._packets = self._container.demux(self._stream)
            self.queue = self._read_ahead() if ahead and self.info.live else None
            alone = self.queue is None and not source.is_file
            self._reports = stack.enter_context(LossReports()) if alone else None
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection or file, and free the decoder."""
        if self.queue is not None:
            self.queue.close()
        self._open.close()

    def _video_stream(self) -> VideoStream:
        streams = self._container.streams
        if not streams.video:
            others = " and ".join(sorted({stream.type for stream in streams}))
            only = f", only {others}" if others else ""
            raise SourceFailure(Cause.UNSUPPORTED, self._source, f"{{it}} has no picture{only}.")
        stream = streams.best("video")
        if not isinstance(stream, VideoStream) or stream.codec_context is None:
            detail = "The picture of {it} is in a codec that cannot be decoded here."
            raise SourceFailure(Cause.UNSUPPORTED, self._source, detail)
        if stream.disposition & av.stream.Disposition.attached_pic:
            raise SourceFailure(Cause.UNSUPPORTED, self._source, "{it} has no video, only a cover picture.")
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

    def _read_ahead(self) -> PacketQueue:
        in_pieces = "hls" in self._container.format.name.split(",")
        return PacketQueue(self._packets, f"read {self._source.host}", in_pieces=in_pieces)

    def __iter__(self) -> Iterator[Decoded]:
        """Frames until the end of the stream. A file that cannot be read on at a place is read on behind it."""
        untimed = self._untimed
        frames = 0
        for received in self._received():
            packet = received.packet
            if packet.size:
                self.packets += 1
                self._end = max(self._end, packet_end(packet))
            if received.after_skip:
                self._stream.codec_context.flush_buffers()
                self._begin_numbers()
            self._look_for_losses(packet, lost=received.lost)
            camera_clock = _camera_clock(packet, received.wall)
            for frame in self._decode(packet):
                frames += 1
                pts = None if untimed else frame.time
                dated = camera_clock is not None and pts is not None
                captured_at = pts + camera_clock if camera_clock is not None and pts is not None else received.wall
                display = display_of(frame, self._pixel_aspect())
                yield DecodedVideoFrame(frame, display, pts, captured_at, received.arrived, dated, received.era)
        if self._source.is_file:
            self.missing = missing_frames(self._container, self._stream, self.packets, self._end)
            if self.decode_errors and not frames:
                raise read_failure(self._source, None)

    def _received(self) -> Iterator[Received]:
        """Packets until the end of the stream, of a live one as they arrived while others were decoded."""
        if self.queue is None:
            while (packet := self._next_packet()) is not None:
                lost = self._reports is not None and self._reports.lost()
                yield Received(packet, time.monotonic(), time.time(), lost=lost)
            return
        self.queue.start()
        try:
            while (received := self.queue.take()) is not None:
                yield received
        except (av.error.FFmpegError, OSError) as error:
            raise read_failure(self._source, error) from None

    def _next_packet(self) -> Packet[VideoStream] | None:
        """The next one, the empty one that ends the decoder among them; None behind the end."""
        for _ in range(_MAX_BROKEN_READS):
            try:
                return next(self._packets, None)
            except (av.error.FFmpegError, OSError) as error:
                if not self._source.is_file:
                    raise read_failure(self._source, error) from None
                self._suspect(None, error=True)
                self._packets = self._container.demux(self._stream)  # a generator that raised has ended
        return None

    def _begin_numbers(self) -> None:
        """Follow the numbers of frames from the next packet on."""
        codec = self._stream.codec_context
        self._numbers = FrameNumbers(codec.extradata) if codec.name == "h264" else None

    def _pixel_aspect(self) -> float:
        return float(self._stream.sample_aspect_ratio or 1)

    def _look_for_losses(self, packet: Packet[VideoStream], *, lost: bool) -> None:
        """Count what was lost before this packet, or of it, where the decoder will not say."""
        if self._numbers is not None and packet.size and self._numbers.gap(bytes(packet)):
            self.losses += 1
            self._suspect(packet)
        if lost:
            # It may be this packet that lacks a part, and HEVC's decoder would not say: only a later one is whole.
            self.losses += 1
            self._suspect(packet, later=True)

    def _suspect(self, packet: Packet[VideoStream] | None, *, error: bool = False, later: bool = False) -> None:
        pts = None if packet is None or packet.pts is None else float(packet.pts * packet.time_base)
        self.suspect = self.packets, None if pts is None else pts + later * 1e-6
        self.decode_errors += error

    def _decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        try:
            return packet.decode()
        except av.error.EOFError:
            return []
        except av.error.FFmpegError:
            self._suspect(packet, error=True)
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
    """Open a source, or what it sends on to.

    Raises:
        SourceFailure: Of the source that was asked for; the detail names the address where it was sent on.
    """
    at = source
    been = {at.open_url()}
    while True:
        try:
            return _open_at(at, open_timeout, read_timeout)
        except SourceFailure as failure:
            target = moved_to(at, open_timeout) if failure.may_have_moved else None
            if target is None:
                raise failure.sent_on(source, at) from None
        if target.open_url() in been or len(been) > MAX_HOPS:
            detail = "The camera sends on from one address to the next without end."
            raise SourceFailure(Cause.UNSUPPORTED, source, detail, "Enter the address of the picture itself.")
        been.add(target.open_url())
        at = target


def _open_at(source: Source, open_timeout: float, read_timeout: float) -> av.container.InputContainer:
    location = str(source.path) if source.path is not None else source.open_url()
    if not source.is_file:
        _contact(source, open_timeout)
    options = {"protocol_whitelist": _PROTOCOLS[source.scheme], "format_whitelist": _FORMATS[source.scheme]}
    microseconds = str(int(read_timeout * 1e6))
    if source.scheme.startswith("rtsp"):
        options |= {"rtsp_transport": source.transport, "timeout": microseconds, **_ANALYSIS}
        options |= _SORTED if source.transport == "tcp" else {}
    elif not source.is_file:
        options |= {"rw_timeout": microseconds, "max_redirects": "0"}
    began = time.monotonic()
    try:
        # A read time-out of PyAV takes the interpreter's lock at every read of the socket; FFmpeg's own
        # (above) does not. The lock is taken while opening only.
        return av.open(location, options=options, timeout=(open_timeout, None))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if source.path is not None and _lacks_index(source.path):
            raise SourceFailure(Cause.UNREADABLE, source, _NO_INDEX, _WITHOUT_INDEX) from None
        waited = time.monotonic() - began >= 0.9 * min(open_timeout, read_timeout)
        raise open_failure(source, error, waited=waited and not source.is_file) from None


def _lacks_index(path: Path) -> bool:
    """Whether a file is an MP4 or MOV with pictures and without the index (``moov``) that says where they are."""
    kinds: list[bytes] = []
    with path.open("rb") as file:
        while len(kinds) < _MAX_BOXES:
            head = file.read(16)
            if len(head) < 8:
                break
            kinds.append(head[4:8])
            size = int.from_bytes(head[8:16], "big") if head[:4] == b"\0\0\0\1" else int.from_bytes(head[:4], "big")
            if size < 8:  # 0: to the end of the file
                break
            file.seek(size - len(head), os.SEEK_CUR)
    return kinds[:1] == [b"ftyp"] and b"mdat" in kinds and b"moov" not in kinds


def _contact(source: Source, timeout: float) -> None:
    """Fail early, and by name: FFmpeg says "invalid data" also of hosts that nobody knows or can reach."""
    try:
        with closing(socket.create_connection((source.host, source.port), timeout)):
            pass
    except OSError as error:
        raise connect_failure(source, error, timeout) from None


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """A picture of a folder."""

    image: NDArray[np.uint8]
    pts: float
    captured_at: float
    arrived: float
    dated: bool = False
    era: int = 0
    corrupt: bool = False
    key: bool = True

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.image.shape[1], self.image.shape[0]

    @property
    def layout(self) -> Hashable:
        """Its size."""
        return self.size

    def luma(self) -> NDArray[np.uint8]:
        """Grey of the picture."""
        return np.asarray(cv2.cvtColor(self.image, cv2.COLOR_BGR2GRAY), np.uint8)

    def to_bgr(self, max_side: int) -> NDArray[np.uint8]:
        """The picture, shrunk if it must be."""
        return shrink(self.image, max_side)


class ImageFolderReader:
    """The images of a folder in the order of the numbers in their names, at a rate of their own.

    One that cannot be read is a frame that does not decode.
    """

    def __init__(self, source: Source, folder: Path) -> None:
        self._source = source
        self.decode_errors = self.losses = self.packets = self.missing = 0
        self.suspect: tuple[int, float | None] = (0, None)
        self.queue: PacketQueue | None = None
        self._paths = pictures(folder)
        if not self._paths:
            kinds = " ".join(sorted(PICTURES))
            raise SourceFailure(Cause.UNREADABLE, source, f"There are no images in {{it}} ({kinds}).")
        first = next((image for path in self._paths if (image := _read_image(path)) is not None), None)
        if first is None:
            which = self._paths[0].name if len(self._paths) == 1 else "None of the files"
            verb = "cannot" if len(self._paths) == 1 else "can"
            raise SourceFailure(Cause.UNREADABLE, source, f"{which} in {{it}} {verb} be read as an image.")
        height, width = first.shape[:2]
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
            self.packets += 1
            image = _read_image(path)
            if image is None:
                self.decode_errors += 1
                continue
            yield DecodedImage(image, index / self._source.rate, time.time(), time.monotonic())


def _read_image(path: Path) -> NDArray[np.uint8] | None:
    """A picture; None if it cannot be read, or is a link, which might lead out of the folder."""
    if not path.is_file() or path.is_symlink():
        return None
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return None if image is None else np.asarray(image, np.uint8)
