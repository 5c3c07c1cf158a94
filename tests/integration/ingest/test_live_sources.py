"""Live streams against real servers on the loopback: they flow, break, come back, and leave nothing behind."""

from __future__ import annotations

import io
import itertools
import logging
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import av
import av.logging
import cv2
import numpy as np
import pytest
from prometheus_client import generate_latest

from service.contracts.stream import StreamState
from service.frames import PreparedFrame
from service.ingest.ingest import Ingest
from service.ingest.source import parse_source
from service.metrics import Metrics
from service.redact import RedactingFilter
from service.settings import Settings
from support.http import HttpServer
from support.peers import Peer, asking_for_password, forwarding, over_tls, refusing, silent
from support.ports import free_port
from support.rtsp import RtspServer
from support.rtsp_rtp import sending_rtp
from support.video import picture, write_images, write_video
from support.watching import Watched, breaks, decode_threads, wait_for

S = StreamState


@pytest.fixture
def settings() -> Settings:
    """Times of a second where production has five or more."""
    return Settings(
        stall_s=1.0, offline_grace_s=1.0, backoff_first_s=0.2, backoff_max_s=2.0, image_side=160, analysis_side=96
    )


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    write_video(folder / "a.mp4", frames=100)
    return folder


@pytest.fixture
def server(videos: Path) -> Iterator[RtspServer]:
    with RtspServer(videos) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    yield
    wait_for(lambda: not decode_threads(), f"no thread left, got {decode_threads()}")


def test_frames_flow_with_three_clocks(server: RtspServer, settings: Settings) -> None:
    with Watched(server.url("a.mp4"), settings) as stream:
        stream.wait_state(S.LIVE)
        stream.wait_frames(20)
        status = stream.ingest.status
        assert (status.width, status.height, status.detail, status.reconnects) == (160, 120, None, 0)
        assert stream.count("watchword_decoders") == 1
    frames = [prepared.frame for prepared in stream.frames]
    assert all(later.pts > earlier.pts for earlier, later in itertools.pairwise(frames))
    assert all(later.arrived > earlier.arrived for earlier, later in itertools.pairwise(frames))
    assert all(abs(frame.captured_at - time.time()) < 5 for frame in frames)
    steps = np.diff([frame.pts for frame in frames])
    assert np.median(steps) == pytest.approx(0.04, abs=0.001)
    assert stream.frames[1].motion is not None
    assert stream.states == [(S.LIVE, None)]
    assert stream.count("watchword_decoders") == 0


def test_due_frames_only(server: RtspServer, settings: Settings) -> None:
    with Watched(server.url("a.mp4"), settings, fps=5) as stream:
        stream.wait_frames(8)
        steps = np.diff([prepared.frame.pts for prepared in stream.frames])
        assert np.median(steps) == pytest.approx(0.2, abs=0.001)
        not_due = stream.count("watchword_frames_total", stream="s", outcome="not_due")
        assert not_due == pytest.approx(4 * len(stream.frames), abs=6)
        assert stream.count("watchword_stage_seconds_count", stage="prepare") >= len(stream.frames)


def test_killed_and_started_again(server: RtspServer, settings: Settings, videos: Path) -> None:
    with (
        RtspServer(videos) as other_server,
        Watched(server.url("a.mp4"), settings, name="one") as stream,
        Watched(other_server.url("a.mp4"), settings, stream.metrics, name="other") as other,
    ):
        stream.wait_frames(5)
        other.wait_frames(5)
        server.kill()
        stream.wait_state(S.OFFLINE)
        assert stream.ingest.take() is None
        other.wait_frames(5)  # as if nothing had happened
        server.start()
        stream.wait_frames(1)
        stream.wait_state(S.LIVE)
        stream.wait_frames(10)
        assert stream.ingest.status.reconnects == 1
        assert stream.count("watchword_reconnects_total", stream="one", cause="ended") == 1
        assert stream.count("watchword_decoders") == 2
        assert [state for state, _ in stream.states if state is not S.STALLED] == [S.LIVE, S.OFFLINE, S.LIVE]
        assert breaks(stream.frames) == 1
        pts = [prepared.frame.pts for prepared in stream.frames]
        assert all(later > earlier for earlier, later in itertools.pairwise(pts))
        assert other.states == [(S.LIVE, None)]
        assert breaks(other.frames) == 0
    assert stream.count("watchword_decoders") == 0


def test_comes_back_at_once_however_long_the_waits_have_grown(server: RtspServer, settings: Settings) -> None:
    patient = settings.model_copy(update={"backoff_first_s": 600.0, "backoff_max_s": 6000.0})
    with Watched(server.url("a.mp4"), patient) as stream:
        stream.wait_frames(3)
        server.kill()
        stream.wait_state(S.OFFLINE)
        server.start()
        stream.wait_frames(1)  # the wait after an outage is 600 s, and this one is a minute at most


def test_a_frozen_server_is_a_stall(server: RtspServer, settings: Settings) -> None:
    with Watched(server.url("a.mp4"), settings) as stream:
        stream.wait_frames(5)
        server.freeze()
        took = stream.wait_state(S.STALLED)
        assert took > 0.5
        assert "has sent no picture for" in (stream.ingest.status.detail or "")
        stream.wait_state(S.OFFLINE)
        server.thaw()
        stream.wait_frames(5)
        stream.wait_state(S.LIVE)
        assert stream.count("watchword_reconnects_total", stream="s", cause="stalled") == 1
        wait_for(lambda: stream.count("watchword_decoders") == 1, "one decoder")
        wait_for(lambda: len(decode_threads()) == 2, "one decode thread and the supervisor")


def test_another_picture_after_the_return(tmp_path: Path, settings: Settings) -> None:
    # No frame is dropped for being late, and no pause of a busy machine is taken for a stall.
    patient = settings.model_copy(update={"staleness_s": 60.0, "stall_s": 10.0})
    write_video(tmp_path / "a.mp4", frames=100, width=160, height=120, rate=25)
    with RtspServer(tmp_path) as server, Watched(server.url("a.mp4"), patient, fps=60) as stream:
        stream.wait_frames(5)
        server.kill()
        write_video(tmp_path / "a.mp4", frames=100, width=96, height=128, rate=10)
        server.start()
        wait_for(lambda: len(of_epoch(stream, 1)) >= 8, "8 frames after the return")
        wait_for(lambda: (stream.ingest.status.width, stream.ingest.status.height) == (96, 128), "the new size")
    before, after = of_epoch(stream, 0), of_epoch(stream, 1)
    assert {prepared.frame.image.shape for prepared in before} == {(120, 160, 3)}
    assert {prepared.frame.image.shape for prepared in after} == {(128, 96, 3)}
    assert after[0].motion is None
    assert np.median(np.diff([prepared.frame.pts for prepared in after])) == pytest.approx(0.1, abs=0.01)


def of_epoch(stream: Watched, epoch: int) -> list[PreparedFrame]:
    """The frames taken so far between two breaks of the source."""
    return [prepared for prepared in stream.frames if prepared.epoch == epoch]


def test_accepts_and_never_answers(settings: Settings) -> None:
    with Peer(silent) as peer, Watched(f"rtsp://127.0.0.1:{peer.port}/x", settings) as stream:
        stream.wait_state(S.OFFLINE)
        said = f"The camera at 127.0.0.1:{peer.port} accepted the connection but sent no picture in time."
        assert stream.ingest.status.detail == said
        time.sleep(1.5)
        assert len(decode_threads()) <= 3
    assert stream.states == [(S.OFFLINE, said)]


PASSWORD = "p@ss:w/rd%2B?#&x"
ENCODED = "p%40ss%3Aw%2Frd%252B%3F%23%26x"


def test_the_right_password_whatever_is_in_it(server: RtspServer, settings: Settings) -> None:
    with Peer(asking_for_password("us er", PASSWORD, server.port)) as peer:
        url = f"rtsp://us%20er:{ENCODED}@127.0.0.1:{peer.port}/a.mp4?play_count=0"
        with Watched(url, settings) as stream:
            stream.wait_frames(5)


def test_a_wrong_password_is_told_apart_and_retried_slowly_and_shown_nowhere(
    server: RtspServer, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.addFilter(RedactingFilter())
    root = logging.getLogger()
    level, ffmpeg_level = root.level, av.logging.get_level()
    libav_level = logging.getLogger("libav").level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.getLogger("libav").setLevel(logging.DEBUG)
    av.logging.set_level(av.logging.DEBUG)  # FFmpeg's own lines name whole URLs
    try:
        with Peer(asking_for_password("user", "right", server.port)) as peer:
            url = f"rtsp://user:topsecret@127.0.0.1:{peer.port}/a.mp4?token=hidden"
            with Watched(url, settings) as stream:
                stream.wait_state(S.FAILED)
                opened = peer.connections
                time.sleep(2.5)  # an outage would have been tried several times by now
                assert peer.connections == opened
                status = stream.ingest.status
        assert status.detail is not None
        assert status.detail.endswith(" refused the user name or password (401).")
        assert status.advice == "Check user name and password."
        shown = [repr(stream.states), repr(status), generate_latest(stream.metrics.registry).decode(), log.getvalue()]
        shown.extend(capfd.readouterr())
    finally:
        av.logging.set_level(ffmpeg_level)
        logging.getLogger("libav").setLevel(libav_level)
        root.removeHandler(handler)
        root.setLevel(level)
    for text in shown:
        assert "topsecret" not in text
        assert "hidden" not in text


def test_failed_is_tried_again_after_its_time(server: RtspServer, settings: Settings) -> None:
    soon = settings.model_copy(update={"refused_retry_s": 0.5})
    port = free_port()
    with Watched(f"rtsp://127.0.0.1:{port}/a.mp4?play_count=0", soon) as stream:
        with Peer(refusing("403 Forbidden"), port):
            stream.wait_state(S.FAILED)
        with Peer(forwarding(server.port), port):
            stream.wait_frames(3)
            stream.wait_state(S.LIVE)


def test_udp_where_the_camera_has_none(server: RtspServer, settings: Settings, tmp_path: Path) -> None:
    source = parse_source(server.url("a.mp4"), "udp", tmp_path)
    with Watched(source, settings) as stream:
        stream.wait_state(S.FAILED)
        status = stream.ingest.status
        assert status.detail is not None
        assert status.detail.endswith(" does not send its picture over udp.")
        assert status.advice == "Choose tcp as the transport."


def test_udp(tmp_path: Path, settings: Settings) -> None:
    video = write_video(tmp_path / "a.ts", frames=50)  # its parameter sets are in the stream: the SDP has none
    port = free_port()
    with Watched(parse_source(f"rtsp://127.0.0.1:{port}/x", "udp", tmp_path), settings) as stream:
        for epoch in (0, 1):
            with Peer(sending_rtp(video), port):
                stream.wait_frames(20)
                stream.wait_state(S.LIVE)
                assert stream.frames[-1].epoch == epoch
            stream.wait_state(S.STALLED)
    steps = np.diff([prepared.frame.pts for prepared in stream.frames if prepared.epoch == 0])
    assert np.median(steps) == pytest.approx(0.04, abs=0.001)


def test_rtsps(server: RtspServer, settings: Settings, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=camera"]
    try:
        subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs the openssl command to make a certificate")
    with (
        Peer(over_tls(forwarding(server.port), certificate, key)) as peer,
        Watched(f"rtsps://127.0.0.1:{peer.port}/a.mp4?play_count=0", settings) as stream,
    ):
        stream.wait_frames(5)


def test_mjpeg_over_http(videos: Path, settings: Settings) -> None:
    with HttpServer(videos, "user:secret") as http, Watched(http.url("live.mjpg", "user:secret@"), settings) as stream:
        stream.wait_frames(20)
        assert stream.state is S.LIVE
    steps = np.diff([prepared.frame.pts for prepared in stream.frames])
    assert np.mean(steps) > 0.045  # arrival, at most 20 a second, not FFmpeg's nominal 25
    wait_for(lambda: stream.count("watchword_decoders") == 0, "no decoder")


def test_a_file_over_http_is_paced_and_ends(videos: Path, settings: Settings, tmp_path: Path) -> None:
    write_video(tmp_path / "short.mp4", frames=25)
    with HttpServer(tmp_path) as http, Watched(http.url("short.mp4"), settings) as stream:
        began = time.monotonic()
        stream.wait_state(S.OFFLINE)
        assert time.monotonic() - began > 0.9
        assert stream.states == [(S.LIVE, None), (S.OFFLINE, "The video has been played to its end.")]


def test_a_file_is_paced_and_ends(tmp_path: Path, settings: Settings) -> None:
    write_video(tmp_path / "short.mp4", frames=38)
    with Watched(parse_source("file:short.mp4", "tcp", tmp_path), settings) as stream:
        stream.wait_frames(1)
        took = stream.wait_state(S.OFFLINE)
        assert took > 1.2
        assert stream.ingest.status.detail == "The video has been played to its end."
        time.sleep(1.0)
        assert stream.states == [(S.LIVE, None), (S.OFFLINE, "The video has been played to its end.")]
    pts = [prepared.frame.pts for prepared in stream.frames]
    assert pts == pytest.approx([index / 25 for index in range(38)], abs=0.05) or len(pts) >= 34


def test_a_file_loops_in_new_epochs(tmp_path: Path, settings: Settings) -> None:
    write_images(tmp_path / "frames", 5)
    with Watched(parse_source("file:frames?rate=20&loop=true", "tcp", tmp_path), settings) as stream:
        stream.wait_frames(18)
        assert stream.states == [(S.LIVE, None)]
    assert {prepared.epoch for prepared in stream.frames} >= {0, 1, 2}
    pts = [prepared.frame.pts for prepared in stream.frames]
    assert all(later > earlier for earlier, later in itertools.pairwise(pts))
    assert np.mean(np.diff(pts)) == pytest.approx(0.05, rel=0.3)


def test_a_single_picture_in_a_loop_does_not_spin(tmp_path: Path, settings: Settings) -> None:
    write_images(tmp_path / "frames", 1)
    with Watched(parse_source("file:frames?rate=10&loop=true", "tcp", tmp_path), settings) as stream:
        time.sleep(1.0)
    assert 5 <= len(stream.frames) <= 13


def test_a_missing_file(tmp_path: Path, settings: Settings) -> None:
    with Watched(parse_source("file:absent.mp4", "tcp", tmp_path), settings) as stream:
        stream.wait_state(S.FAILED)
        assert stream.ingest.status.detail == "There is no file or folder absent.mp4."


def test_frames_that_nobody_takes_are_counted(server: RtspServer, settings: Settings) -> None:
    metrics = Metrics()

    def count(outcome: str) -> float:
        return metrics.registry.get_sample_value("watchword_frames_total", {"stream": "s", "outcome": outcome}) or 0

    # A busy machine's frames are not late, and no pause of it is taken for a stall.
    patient = settings.model_copy(update={"staleness_s": 3.0, "stall_s": 60.0})
    source = parse_source(server.url("a.mp4"), "tcp", Path())
    ingest = Ingest("s", source, 25, patient, metrics, lambda: None, lambda *_: None)
    ingest.start()
    try:
        wait_for(lambda: count("superseded") >= 20, "drops")
        server.freeze()
        time.sleep(patient.staleness_s + 0.5)
        before = count("stale")
        assert ingest.take() is None  # the last frame before is too old
        assert ingest.take() is None  # and each is handed out, or dropped, at most once
        assert count("stale") == before + 1
    finally:
        ingest.close()


def test_a_machine_that_is_too_slow_drops_frames_and_stays_close_to_now(server: RtspServer, settings: Settings) -> None:
    """Work four times slower than frames come: they pile up in socket buffers unless some are only decoded."""
    ages: list[float] = []

    def slow() -> None:
        frame = ingest.take()
        assert frame is not None
        ages.append(time.time() - frame.frame.captured_at)  # by the camera's clock, so that queueing counts
        time.sleep(0.16)

    metrics = Metrics()
    source = parse_source(server.url("a.mp4"), "tcp", Path())
    ingest = Ingest("s", source, 25, settings, metrics, slow, lambda *_: None)
    ingest.start()
    try:
        time.sleep(8)
    finally:
        ingest.close()
    stale = sum(
        metrics.registry.get_sample_value("watchword_frames_total", {"stream": "s", "outcome": outcome}) or 0
        for outcome in ("stale", "skipped")
    )
    assert len(ages) > 20
    assert stale > len(ages)
    assert max(ages[len(ages) // 2 :]) < 2 * settings.staleness_s + 0.5  # without dropping: 6 s by now


@pytest.mark.parametrize("state", [S.CONNECTING, S.LIVE, S.STALLED, S.OFFLINE, S.FAILED, S.PAUSED])
def test_close_is_legal_in_every_state(state: StreamState, videos: Path, settings: Settings) -> None:
    refused = Peer(refusing("401 Unauthorized"))
    with RtspServer(videos) as server, Peer(silent) as mute, refused:
        url = {
            S.CONNECTING: f"rtsp://127.0.0.1:{mute.port}/x",
            S.OFFLINE: f"rtsp://127.0.0.1:{free_port()}/x",
            S.FAILED: f"rtsp://127.0.0.1:{refused.port}/x",
        }.get(state, server.url("a.mp4"))
        stream = Watched(url, settings)
        if state is not S.PAUSED:  # a paused stream's ingest is one that was never started
            stream.ingest.start()
            stream.wait_state(S.LIVE if state is S.STALLED else state)
        if state is S.STALLED:
            server.freeze()
            stream.wait_state(S.STALLED)
        reported = len(stream.states)
        began = time.monotonic()
        stream.ingest.close()
        stream.ingest.close()
        assert time.monotonic() - began < 4  # a thread that works would be waited for for five
        assert stream.ingest.take() is None
        wait_for(lambda: not decode_threads(), "no thread left")
        assert stream.count("watchword_decoders") == 0
        assert len(stream.states) == reported


def test_closing_before_and_after_in_a_hurry(server: RtspServer, settings: Settings) -> None:
    for pause in (0.0, 0.01, 0.05, 0.2, 0.4):
        stream = Watched(server.url("a.mp4"), settings)
        stream.ingest.start()
        time.sleep(pause)
        stream.ingest.close()
        wait_for(lambda: stream.count("watchword_decoders") == 0, "no decoder")  # noqa: B023


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_what_is_left_of_lost_packets_is_never_shown(codec: str, transport: str, tmp_path: Path) -> None:
    """One packet in 61 is lost: decoders flag next to none of the frames that it spoils."""
    video = tmp_path / "a.ts"
    options = {"preset": "ultrafast", "tune": "zerolatency"}
    if codec == "H265":
        options["x265-params"] = "bframes=0:keyint=25:min-keyint=25:log-level=none:repeat-headers=1"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx265" if codec == "H265" else "libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 640, 480, "yuv420p", 25
        for index in range(100):
            frame = av.VideoFrame.from_ndarray(picture(index, 640, 480), format="bgr24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    truth = np.stack([_small(picture(index, 640, 480)) for index in range(100)])
    settings = Settings(stall_s=30, staleness_s=30, image_side=640, analysis_side=96)
    with Peer(sending_rtp(video, lambda number: number % 61 == 40, codec)) as peer:
        source = parse_source(f"rtsp://127.0.0.1:{peer.port}/x", transport, tmp_path)
        with Watched(source, settings) as watched:
            wait_for(lambda: watched.ingest.status.damaged_frames >= 20, "frames left out")
            watched.wait_frames(30)
            assert watched.state is S.LIVE
            frames = list(watched.frames)
    for prepared in frames:
        assert np.abs(truth - _small(prepared.frame.image)).mean((1, 2, 3)).min() < 8


def _small(image: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(image, (80, 60), interpolation=cv2.INTER_AREA), np.float32)


def test_a_camera_that_changes_its_size(videos: Path, settings: Settings) -> None:
    with HttpServer(videos) as http, Watched(http.url("resized.mjpg"), settings) as stream:
        stream.wait_frames(5)
        first = stream.ingest.status
        assert (first.width, first.height, first.size_changed_at) == (160, 120, None)
        wait_for(lambda: stream.ingest.status.width == 320, "the new size")
        stream.wait_frames(5)
        second = stream.ingest.status
        assert (second.width, second.height, second.damaged_frames) == (320, 240, 0)
        assert second.size_changed_at is not None
        assert second.size_changed_at > first.since
        assert stream.states == [(S.LIVE, None)]  # it is no outage
        frames = list(stream.frames)
    epochs = [prepared.epoch for prepared in frames]
    assert epochs[0] == 0
    assert set(epochs) == {0, 1}
    assert frames[epochs.index(1)].motion is None  # nothing before can be compared with it


def test_a_stream_that_is_met_amid_a_group_of_frames(tmp_path: Path, settings: Settings) -> None:
    """A camera that sends on to a new client where it is: frames that refer to others are no picture yet."""
    video = write_video(tmp_path / "a.ts", frames=75, gop=25, width=320, height=240)
    truth = np.stack([_small(picture(index, 320, 240)) for index in range(75)])
    with (
        Peer(sending_rtp(video, lambda number: number < 40)) as peer,  # the first key frame among them
        Watched(parse_source(f"rtsp://127.0.0.1:{peer.port}/x", "tcp", tmp_path), settings) as stream,
    ):
        stream.wait_frames(20)
        frames = list(stream.frames)
    for prepared in frames:
        assert np.abs(truth - _small(prepared.frame.image)).mean((1, 2, 3)).min() < 10


def test_a_camera_behind_a_gateway(server: RtspServer, settings: Settings) -> None:
    with (
        Peer(refusing(f"302 Moved Temporarily\r\nLocation: {server.url('a.mp4')}")) as gateway,
        Watched(f"rtsp://127.0.0.1:{gateway.port}/x", settings) as stream,
    ):
        stream.wait_frames(5)
        assert stream.states == [(S.LIVE, None)]
