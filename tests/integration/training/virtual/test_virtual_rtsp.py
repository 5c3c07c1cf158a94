"""The virtual camera as a real RTSP peer."""

import contextlib
import math
import socket
import threading
import time
from collections.abc import Iterator

import av
import pytest

from training.virtual.serve import VirtualCamera

SIZE = (320, 180)
OPTIONS = {"rtsp_transport": "tcp", "analyzeduration": "200000", "probesize": "65536"}


@pytest.fixture(scope="module")
def camera() -> Iterator[VirtualCamera]:
    with VirtualCamera("plaza", 3, size=SIZE, normal_until=math.inf) as running:
        yield running


def frames(url: str, count: int) -> list[tuple[float, float | None, tuple[int, int]]]:
    """Wall time, presentation time and size of the first frames."""
    found: list[tuple[float, float | None, tuple[int, int]]] = []
    with av.open(url, options=OPTIONS, timeout=60) as container:
        for frame in container.decode(video=0):
            found.append((time.time(), frame.time, (frame.width, frame.height)))
            if len(found) == count:
                break
    return found


def test_frames_come_in_real_time(camera: VirtualCamera) -> None:
    got = frames(camera.url, 40)
    assert {size for _, _, size in got} == {SIZE}
    times = [at for _, at, _ in got[1:] if at is not None]
    assert times == sorted(times)
    # A busy machine may leave frames out, but never changes the pace of time.
    assert times[-1] - times[0] == pytest.approx(got[-1][0] - got[1][0], abs=0.5)


def test_several_watch_and_come_and_go(camera: VirtualCamera) -> None:
    counts: list[int] = []
    clients = [threading.Thread(target=lambda: counts.append(len(frames(camera.url, 15)))) for _ in range(3)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert counts == [15, 15, 15]
    assert len(frames(camera.url, 5)) == 5


def test_the_truth_of_what_is_on_show(camera: VirtualCamera) -> None:
    got = frames(camera.url, 30)
    truth = camera.truth_at(got[-1][0])
    assert truth is not None
    assert truth.objects
    assert truth.label == 0
    assert camera.truth_at(time.time() - 3600.0) is None


def test_anomalies_begin_when_they_are_let_go() -> None:
    with VirtualCamera("plaza", size=(160, 90), normal_until=math.inf) as camera:
        camera.begin_anomalies()
        with av.open(camera.url, options=OPTIONS, timeout=60) as container:
            for _ in container.decode(video=0):
                truth = camera.truth_at(time.time())
                assert truth is None or truth.time < 20.0
                if truth is not None and truth.label:
                    break
    assert {kind for kind, _ in truth.events.values()} == {"cart"}


def test_the_normal_stretch_begins_with_the_first_viewer() -> None:
    stretch = 3.0
    with VirtualCamera("plaza", size=(160, 90), normal_until=stretch) as camera:
        time.sleep(stretch + 1.0)  # its world goes on meanwhile, unseen
        assert camera.truth_at(time.time()) is None
        seen: list[float] = []
        with av.open(camera.url, options=OPTIONS, timeout=60) as container:
            for _ in container.decode(video=0):
                truth = camera.truth_at(time.time())
                if truth is not None:
                    seen.append(truth.time)
                    if truth.events:
                        break
    assert seen[0] > stretch
    assert seen[-1] > seen[0] + stretch


@pytest.mark.parametrize("seconds", [-1.0, math.nan])
def test_a_normal_stretch_that_cannot_be(seconds: float) -> None:
    with pytest.raises(ValueError, match="normal_until: expected 0 or more seconds"):
        VirtualCamera("plaza", normal_until=seconds)


def test_another_path_is_not_found(camera: VirtualCamera) -> None:
    with pytest.raises(av.error.HTTPNotFoundError):
        av.open(camera.url + "x", options=OPTIONS, timeout=60)


def test_close_leaves_no_thread_and_no_port() -> None:
    before = set(threading.enumerate())
    camera = VirtualCamera("plaza", 3, size=(160, 90))
    camera.start()
    port = int(camera.url.split(":")[2].split("/")[0])
    container = av.open(camera.url, options=OPTIONS, timeout=60)
    try:
        next(container.decode(video=0))
        camera.close()
        camera.close()
        assert set(threading.enumerate()) <= before
        # The client, still there, sees an end and not a stall.
        with contextlib.suppress(av.error.FFmpegError):
            assert sum(1 for _ in container.decode(video=0)) < 100
    finally:
        container.close()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_a_taken_port_is_an_error_and_leaves_nothing() -> None:
    before = set(threading.enumerate())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        camera = VirtualCamera("plaza", 3, size=(160, 90), port=taken.getsockname()[1])
        with pytest.raises(OSError, match="address already in use"):
            camera.start()
    assert set(threading.enumerate()) <= before


def test_the_url_needs_a_start() -> None:
    with pytest.raises(RuntimeError, match="not been started"):
        _ = VirtualCamera("plaza").url
