"""The virtual camera on the network: one endless RTSP stream, drawn and encoded as it is watched.

The RTSP side is aio-rtsp-toolkit's, whose server plays files; here its session is given live packets instead
(docs/decisions/0003-virtual-camera.md). All clients see the same world at the same moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import re
import struct
import threading
import time
import urllib.parse
from collections import deque
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from aio_rtsp_toolkit.server import RtspServer
from aio_rtsp_toolkit.server_media import MediaSource, MediaTrackInfo, parse_parameter_sets, profile_level_id_from_sps
from aio_rtsp_toolkit.server_media import to_base64 as base64_text
from aio_rtsp_toolkit.server_session import RtspServerSession
from numpy.typing import NDArray

from training.virtual.clip import H264_OPTIONS, World
from training.virtual.scene import Scene, load_scene
from training.virtual.truth import FrameTruth

LOG = logging.getLogger(__name__)

CLOCK = 90_000
"""Ticks a second of RTP video."""
BACKLOG_S = 2.0
"""A client that is further behind loses pictures up to the next keyframe."""
HISTORY_S = 120.0
"""The truth is remembered so long."""
START_CODE = re.compile(rb"\x00\x00\x00\x01|\x00\x00\x01")


@dataclass(frozen=True)
class _Packet:
    data: bytes
    """NAL units, each after its length in four bytes."""
    time: float
    keyframe: bool


@dataclass(eq=False)
class _Backlog:
    """What one client has yet to get. ``keyed``: it got a keyframe, and can decode what follows."""

    queue: asyncio.Queue[_Packet]
    keyed: bool = False


class VirtualCamera:
    """A scene as an RTSP camera. Start it, read ``url``, close it; also a context manager."""

    def __init__(
        self,
        scene: Scene | str = "plaza",
        seed: int = 14,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        size: tuple[int, int] = (640, 360),
        fps: float = 25.0,
        normal_until: float = 0.0,
    ) -> None:
        """Describe the camera.

        Args:
            scene: a description or a built-in one's name.
            seed: who comes when; 14 sends a cart, a runner and a cyclist first, which all are soon in sight.
            host: address to listen on.
            port: 0 picks a free one.
            size: width and height in pixels, even.
            fps: frames a second.
            normal_until: seconds without any anomaly, from when somebody first watches: who needs them to learn what is
                normal may come late. With ``math.inf`` they begin when `begin_anomalies` is called.
        """
        if not normal_until >= 0.0:
            raise ValueError(f"normal_until: expected 0 or more seconds, got {normal_until}")
        self._scene = load_scene(scene) if isinstance(scene, str) else scene
        self._seed, self._size, self._fps, self._normal_until = seed, size, fps, normal_until
        self._host, self._port = host, port
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._relay = _Relay(max(8, round(BACKLOG_S * fps)))
        self._truths: deque[tuple[float, FrameTruth]] = deque(maxlen=max(1, round(HISTORY_S * fps)))
        self._begin_after: float | None = None
        self._lock = threading.Lock()
        self._late = 0

    @property
    def url(self) -> str:
        """Where it is served; legal once it has been started."""
        if self._port == 0:
            raise RuntimeError("the camera has not been started, so it has no port yet")
        return f"rtsp://{self._host}:{self._port}/{self._scene.name}"

    @property
    def late_frames(self) -> int:
        """Frames that were left out because the machine was too slow to draw them in time."""
        return self._late

    def start(self) -> str:
        """Build the world, listen, and return the URL. Takes a few seconds: the backdrop is drawn first.

        Raises:
            OSError: the port is taken.
            ValueError: a size, rate or seed outside `World`'s bounds.
        """
        if self._threads:
            raise RuntimeError("the camera has been started already")
        world = World(self._scene, self._seed, size=self._size, fps=self._fps, normal_until=math.inf)
        encoder = _Encoder(self._size, self._fps)
        ready: _Ready = _Ready()
        server = threading.Thread(
            target=self._serve, args=(encoder.source(self._scene.name), ready), name="virtual-rtsp"
        )
        self._threads = [server]
        server.start()
        try:
            self._port = ready.wait()
        except BaseException:
            self.close()
            raise
        painter = threading.Thread(target=self._run, args=(world, encoder), name="virtual-camera")
        self._threads.append(painter)
        painter.start()
        return self.url

    def close(self) -> None:
        """Stop both threads and free the port; may be called again."""
        self._stop.set()
        self._relay.stop()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def __enter__(self) -> VirtualCamera:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin_anomalies(self, after: float = 0.0) -> None:
        """End a normal stretch without end, ``after`` seconds from now."""
        with self._lock:
            self._begin_after = after

    def truth_at(self, captured_at: float) -> FrameTruth | None:
        """The truth of the last frame before a wall-clock time, without its masks.

        None where there was none in the second before: while nobody was watching, or more than two minutes ago.
        """
        with self._lock:
            truths = list(self._truths)
        for shown_at, truth in reversed(truths):
            if shown_at <= captured_at:
                return truth if captured_at < shown_at + 1.0 else None
        return None

    def _run(self, world: World, encoder: _Encoder) -> None:
        try:
            self._paint(world, encoder)
        finally:
            # Should painting ever fail, clients see an end instead of a stall.
            self._relay.stop()

    def _paint(self, world: World, encoder: _Encoder) -> None:
        began_wall, began = time.time(), time.monotonic()
        step = 1.0 / self._fps
        seen = False
        while not self._stop.is_set():
            wait = began + world.time - time.monotonic()
            if wait > 0.0 and self._stop.wait(wait):
                break
            with self._lock:
                after, self._begin_after = self._begin_after, None
            if after is not None:
                world.begin_anomalies(after)
            behind = time.monotonic() - began - world.time
            if not self._relay.watched:
                world.skip()
                continue
            if not seen:
                seen = True
                if math.isfinite(self._normal_until):
                    world.begin_anomalies(self._normal_until)
            if behind > 2.0 * step:
                self._late += 1
                world.skip()
                continue
            shown = world.time
            frame = world.render()
            with self._lock:
                self._truths.append((began_wall + shown, replace(frame.truth, instances=_NO_MASK)))
            self._relay.publish(encoder.encode(frame.image, shown, self._relay.keyframe_wanted()))

    def _serve(self, source: MediaSource, ready: _Ready) -> None:
        try:
            asyncio.run(self._relay.run(self._host, self._port, source, ready))
        except BaseException as error:
            if not ready.fail(error):
                LOG.exception("the RTSP server of the virtual camera ended")


_NO_MASK: NDArray[np.uint8] = np.zeros((0, 0), dtype=np.uint8)


class _Ready:
    """A port, or the error instead of it, from one thread to another."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._port = 0
        self._error: BaseException | None = None

    def set(self, port: int) -> None:
        self._port = port
        self._event.set()

    def fail(self, error: BaseException) -> bool:
        """False where it was ready already."""
        if self._event.is_set():
            return False
        self._error = error
        self._event.set()
        return True

    def wait(self) -> int:
        self._event.wait()
        if self._error is not None:
            raise self._error
        return self._port


class _Encoder:
    """Pictures to H.264 packets, one each, with no delay."""

    def __init__(self, size: tuple[int, int], fps: float) -> None:
        context: Any = av.CodecContext.create("libx264", "w")
        context.width, context.height = size
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, CLOCK)
        context.framerate = Fraction(fps).limit_denominator(1001)
        context.gop_size = max(1, round(2 * fps))
        context.options = {**H264_OPTIONS, "tune": "zerolatency"}
        context.flags |= int(av.codec.context.Flags.global_header)
        context.open()
        self._context = context

    def source(self, name: str) -> MediaSource:
        """What the RTSP server tells its clients of the stream."""
        _, sets = parse_parameter_sets("h264", bytes(self._context.extradata))
        fmtp = (
            f"packetization-mode=1; profile-level-id={profile_level_id_from_sps(sets['sps'])}; "
            f"sprop-parameter-sets={base64_text(sets['sps'])},{base64_text(sets['pps'])}"
        )
        track = MediaTrackInfo(
            media_type="video",
            control="track1",
            codec_name="h264",
            payload_type=96,
            clock_rate=CLOCK,
            fmtp=fmtp,
            parameter_sets=sets,
        )
        return MediaSource(file_path=Path(name), tracks=[track], session_name=name, stream_kind="live")

    def encode(self, image: NDArray[np.uint8], seconds: float, keyframe: bool) -> _Packet:
        """One frame at ``seconds``."""
        frame = av.VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts, frame.time_base = round(seconds * CLOCK), Fraction(1, CLOCK)
        if keyframe:
            frame.pict_type = av.video.frame.PictureType.I
        packets = self._context.encode(frame)
        units = [unit for packet in packets for unit in START_CODE.split(bytes(packet)) if unit]
        data = b"".join(struct.pack(">I", len(unit)) + unit for unit in units)
        return _Packet(data, seconds, any(packet.is_keyframe for packet in packets))


class _Relay:
    """Brings packets from the painting thread to every client's own bounded queue."""

    def __init__(self, room: int) -> None:
        """Begin without a client.

        Args:
            room: The packets a client may be behind.
        """
        self._room = room
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._stopped = False
        self._backlogs: list[_Backlog] = []
        self._keyframe = threading.Event()

    @property
    def watched(self) -> bool:
        """Whether there is any client."""
        return bool(self._backlogs)

    def keyframe_wanted(self) -> bool:
        """Whether a client waits for a picture to start from; asking clears it."""
        wanted = self._keyframe.is_set()
        self._keyframe.clear()
        return wanted

    def publish(self, packet: _Packet) -> None:
        """From any thread."""
        with contextlib.suppress(RuntimeError):  # the loop closes first when all is shut down
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._spread, packet)

    def stop(self) -> None:
        """From any thread: end `run`."""
        self._stopped = True
        with contextlib.suppress(RuntimeError):
            if self._loop is not None and self._stopping is not None:
                self._loop.call_soon_threadsafe(self._stopping.set)

    def subscribe(self) -> _Backlog:
        """Packets for one client."""
        backlog = _Backlog(asyncio.Queue(self._room))
        self._backlogs.append(backlog)
        self._keyframe.set()
        return backlog

    def unsubscribe(self, backlog: _Backlog) -> None:
        """Forget it."""
        self._backlogs.remove(backlog)

    def _spread(self, packet: _Packet) -> None:
        for backlog in self._backlogs:
            if backlog.queue.full():
                while not backlog.queue.empty():
                    backlog.queue.get_nowait()
                backlog.keyed = False
                self._keyframe.set()
            backlog.keyed = backlog.keyed or packet.keyframe
            if backlog.keyed:
                backlog.queue.put_nowait(packet)

    async def run(self, host: str, port: int, source: MediaSource, ready: _Ready) -> None:
        """Serve until `stop`."""
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        server = _LiveServer(self, source, host, port)
        await server.start()
        try:
            ready.set(server.bound_port)
            if not self._stopped:
                await self._stopping.wait()
        finally:
            await server.close()


class _LiveServer(RtspServer):  # type: ignore[misc]
    """The toolkit's server, with one live stream instead of a folder of files."""

    def __init__(self, relay: _Relay, source: MediaSource, host: str, port: int) -> None:
        super().__init__(".", host=host, port=port, session_name=source.session_name)
        self.relay = relay
        self.source = source
        self.logger = LOG.getChild("rtsp")
        # The toolkit tells every request at INFO.
        self.logger.setLevel(logging.WARNING)
        self._sessions: set[_LiveSession] = set()

    @property
    def bound_port(self) -> int:
        """The port it listens on."""
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Say goodbye to every client and free the port."""
        if self._server is not None:
            self._server.close()
        for session in list(self._sessions):
            await session.close()
        await super().close()

    async def _handle_client(self, sock: Any) -> None:
        session = _LiveSession(self, sock)
        self._sessions.add(session)
        try:
            # A client may be gone at any moment, without a word.
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await session.run()
        finally:
            self._sessions.discard(session)

    def resolve_request_path(self, uri: str) -> Path:
        """The stream, if it is the one asked for."""
        path = urllib.parse.unquote(urllib.parse.urlsplit(uri).path).strip("/")
        if path != self.source.session_name:
            raise FileNotFoundError(uri)
        return Path(self.source.file_path)

    def is_voice_stream_request(self, uri: str) -> bool:
        """There are none here."""
        return False

    def load_media_source(self, file_path: Path) -> MediaSource:
        """The live stream."""
        return self.source


class _LiveSession(RtspServerSession):  # type: ignore[misc]
    """One client of the live stream."""

    async def _stream_media(self) -> None:
        state = next(state for state in self.track_states.values() if state.rtp_channel is not None)
        backlog = self.server.relay.subscribe()
        started: float | None = None
        try:
            while not self.closed:
                packet = await backlog.queue.get()
                if started is None:
                    started = packet.time
                # Sent as it comes: live pictures pace themselves.
                state.first_send_time, state.next_send_time = -math.inf, None
                await self._send_video_packet(state, packet.data, packet.time - started, 0.0, packet.keyframe)
        except ConnectionError:
            return
        finally:
            self.server.relay.unsubscribe(backlog)
