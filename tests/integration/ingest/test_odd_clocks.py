"""Live sources and files whose clocks are odd, on the loopback: frames flow, timed by what is true."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from service.contracts.stream import StreamState
from service.frames import PreparedFrame
from service.ingest.playback import read_all
from service.ingest.source import local_source, parse_source
from service.settings import Settings
from support.clocks import (
    encode,
    motion_jpeg,
    raw_h264,
    rtsp_stamped,
    transport_stream,
    transport_stream_late,
)
from support.peers import Peer
from support.video import write_video
from support.watching import Watched, breaks, decode_threads, wait_for

S = StreamState

PATIENT = Settings(stall_s=20.0, staleness_s=20.0, backoff_first_s=0.2, image_side=160, analysis_side=96)
"""No pause of a busy machine is taken for one of a camera."""


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    yield
    wait_for(lambda: not decode_threads(), f"no thread left, got {decode_threads()}")


STAMPS: dict[str, tuple[Callable[[float], float], str | None]] = {
    "true": (lambda t: 3 + t, None),
    "constant": (lambda t: 3.0, "do not change"),
    "sawtooth": (lambda t: 3 + t - 0.5 * (int(t * 2) % 2), "go backward"),
    "a tenth": (lambda t: 3 + t / 10, "run too slowly"),
    "three times": (lambda t: 3 + 3 * t, "run too fast"),
    "32 bits": (lambda t: 2**32 / 90_000 - 2 + t, None),
}


@pytest.mark.parametrize("name", STAMPS)
def test_an_rtsp_camera_with_any_time_stamps(name: str) -> None:
    stamp, distrust = STAMPS[name]
    with (
        Peer(rtsp_stamped(stamp)) as peer,
        Watched(f"rtsp://127.0.0.1:{peer.port}/x", PATIENT) as stream,
    ):
        wait_for(lambda: stream.ingest.status.distrust == distrust and stream.frames, f"{distrust!r} to be said")
        epoch = stream.frames[-1].epoch
        stream.wait_frames(30)
        # The clock that is taken instead begins an epoch, which may be that of the last of the thirty.
        wait_for(lambda: sum(each.epoch == stream.frames[-1].epoch for each in stream.frames) >= 10, "ten on one clock")
        status = stream.ingest.status
    assert (status.reconnects, status.state, status.distrust) == (0, S.LIVE, distrust)
    # Each time that the test video's square leaps back is a cut, which begins an epoch whatever the clock.
    cuts = sum(each.scene_change is not None for each in stream.frames)
    assert stream.frames[-1].epoch - epoch <= 1 + cuts
    last = [prepared for prepared in stream.frames if prepared.epoch == stream.frames[-1].epoch]
    assert all(later.frame.pts > earlier.frame.pts for earlier, later in itertools.pairwise(last))
    if distrust is not None:
        first, newest = last[1].frame, last[-1].frame
        # On a busy machine single frames are given the time at which they must have been seen, a few steps sooner.
        assert newest.pts - first.pts == pytest.approx(newest.arrived - first.arrived, abs=0.5)


def test_a_camera_of_fewer_frames_than_it_is_waited_for() -> None:
    """One in two seconds, where a second of silence is a stall: it is given more time, and then flows."""
    impatient = PATIENT.model_copy(update={"stall_s": 1.0})
    with (
        Peer(motion_jpeg(2.0)) as peer,
        Watched(f"http://127.0.0.1:{peer.port}/v.mjpg", impatient) as stream,
    ):
        wait_for(lambda: stream.ingest.status.usual_step is not None and len(stream.frames) >= 4, "frames")
        connections = peer.connections
        stream.wait_frames(3)
        assert peer.connections == connections
        assert stream.ingest.status.usual_step == pytest.approx(2.0, abs=0.5)
    last = [prepared for prepared in stream.frames if prepared.epoch == stream.frames[-1].epoch]
    assert len(last) >= 3
    motion = last[-1].motion
    assert motion is not None
    assert not motion.matched
    assert motion.foreground.any()


def test_pictures_without_stamps_that_come_four_at_once() -> None:
    with (
        Peer(motion_jpeg(0.1, bursts=4)) as peer,
        Watched(f"http://127.0.0.1:{peer.port}/v.mjpg", PATIENT) as stream,
    ):
        stream.wait_frames(25)
    steps = np.diff([prepared.frame.pts for prepared in stream.frames])
    assert np.median(steps) == pytest.approx(0.4, abs=0.15)
    assert (steps > 0.05).mean() > 0.8  # the newest of each four: not the time that the network took between two


def test_a_raw_stream_over_http_with_a_past_at_once() -> None:
    with (
        Peer(raw_h264(10.0, at_once=30)) as peer,
        Watched(f"http://127.0.0.1:{peer.port}/x.h264", PATIENT) as stream,
    ):
        stream.wait_frames(30)
        assert stream.ingest.status.distrust == "are missing"
    assert {prepared.epoch for prepared in stream.frames} == {0}
    assert np.median(np.diff([prepared.frame.pts for prepared in stream.frames])[10:]) == pytest.approx(0.1, abs=0.05)


def test_a_transport_stream_that_begins_in_the_past_comes_to_the_present() -> None:
    parts, held = transport_stream(40.0), 8.0
    settings = PATIENT.model_copy(update={"staleness_s": 0.5})
    with (
        Peer(transport_stream_late(parts, held)) as peer,
        Watched(f"http://127.0.0.1:{peer.port}/x.ts", settings) as stream,
    ):
        wait_for(lambda: stream.frames and stream.frames[-1].frame.pts > 1.4 + held, "a frame of the present")
        stream.wait_frames(20)
    frames = [prepared.frame for prepared in stream.frames]
    present = [frame for frame in frames if frame.pts > 1.4 + held]
    # The present is the present, and most of the past was let go: how late it was is known once what follows is there.
    origin = min(frame.arrived - frame.pts for frame in present)
    assert all(frame.happened - frame.pts == pytest.approx(origin, abs=0.4 * held) for frame in present)
    assert len([frame for frame in frames if frame.pts < held]) < 0.5 * held * 10
    assert all(abs(frame.captured_at - (time.time() - time.monotonic()) - frame.happened) < 0.5 for frame in frames)


def test_a_raw_file_has_its_nominal_rate(tmp_path: Path) -> None:
    path = tmp_path / "x.h264"
    path.write_bytes(b"".join(b"\x00\x00\x00\x01" + nal for shown in encode(50) for nal in shown.nals))
    frames = list(read_all("s", local_source(path), None, PATIENT))
    assert len(frames) == 50
    assert {prepared.epoch for prepared in frames} == {0}
    steps = np.diff([prepared.frame.pts for prepared in frames])
    assert steps == pytest.approx(np.full(49, steps[0]))
    assert 0.02 <= steps[0] <= 0.11


def test_a_file_of_uneven_pace_is_timed_by_its_own_stamps_and_paced(tmp_path: Path) -> None:
    ticks = [0, 10, 20, 100, 110, 200, 210, 300, 310, 400]  # of 1 / 250 s
    write_video(tmp_path / "x.mp4", frames=len(ticks), pts=ticks)
    with Watched(parse_source("file:x.mp4", "tcp", tmp_path), PATIENT, fps=60) as stream:
        stream.wait_state(S.OFFLINE)
    shown = [prepared.frame for prepared in stream.frames]
    pts = [frame.pts - shown[0].pts for frame in shown]
    assert set(np.round(np.array(pts) * 250).astype(int)) <= set(ticks)
    assert shown[-1].arrived - shown[0].arrived == pytest.approx(1.6, abs=0.5)


def test_a_playlist_that_is_three_segments_behind_comes_to_the_present(tmp_path: Path) -> None:
    """Segments of a second, each whole when it is there: frames flow evenly, about a segment behind."""
    parts = transport_stream(60.0)
    began = time.monotonic() - 12.0

    def newest() -> int:
        return int(time.monotonic() - began)

    def answer(path: str) -> bytes:
        if path.endswith(".ts"):
            number = int(path.removeprefix("/").removesuffix(".ts"))
            return b"".join(parts[number * 10 : number * 10 + 10])
        first = newest() - 5
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        lines += [line for number in range(first, first + 5) for line in ("#EXTINF:1.0,", f"{number}.ts")]
        return ("\n".join(lines) + "\n").encode()

    with (
        Peer(answering(answer)) as peer,
        Watched(f"http://127.0.0.1:{peer.port}/live.m3u8", PATIENT.model_copy(update={"staleness_s": 1.0})) as stream,
    ):
        stream.wait_frames(60)
        # A pause of a busy machine is made good in a burst, after which they flow evenly again.
        wait_for(lambda: flow_evenly(stream.frames[-30:]), "thirty frames in a row that come evenly", timeout=30.0)


def flow_evenly(frames: list[PreparedFrame]) -> bool:
    """Whether they came a tenth of a second apart, and the source did not break off among them."""
    steps = np.diff([prepared.frame.arrived for prepared in frames])
    return bool(np.median(steps) == pytest.approx(0.1, abs=0.08)) and breaks(frames) == 0


def answering(answer: Callable[[str], bytes]) -> Callable[..., None]:
    """One answer to a request, then the end of the connection."""

    def talk(connection) -> None:
        request = connection.recv(65536).decode("latin-1")
        if not request:
            return
        body = answer(request.split(" ")[1])
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)
        connection.close()

    return talk
