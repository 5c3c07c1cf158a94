"""Snapshots and MJPEG against a real server: fresh pictures for any number of viewers, never an old one."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from email.utils import parsedate_to_datetime
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from service.api import live
from support.serving import Service, assert_problem, wait_until

PART = re.compile(
    rb"Content-Type: image/jpeg\r\nContent-Length: (?P<length>\d+)\r\n"
    rb"(?:X-Seq: (?P<seq>\d+)\r\nX-Captured-At: (?P<captured>[\d.]+)\r\n)?\r\n"
)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path, max_clients=8) as service:
        yield service


@pytest.fixture
def stream(service: Service) -> str:
    stream = service.add_stream()
    service.wait_for_state(stream, "live")
    wait_until(lambda: service.http.get(f"/streams/{stream}/snapshot.jpg").status_code == 200, "a picture")
    return stream


class Viewer:
    """Reads an MJPEG answer part by part."""

    def __init__(self, response: httpx.Response) -> None:
        assert response.headers["content-type"] == "multipart/x-mixed-replace; boundary=picture"
        assert response.headers["cache-control"] == "no-store"
        self._chunks = response.iter_raw()
        self._buffer = b""

    def _need(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._buffer += next(self._chunks)
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def part(self) -> tuple[int | None, bytes]:
        """The next picture's seq (None of a picture that says there is none) and JPEG."""
        assert self._need(11) == b"--picture\r\n"
        while (head := PART.match(self._buffer)) is None:
            self._buffer += next(self._chunks)
        self._need(head.end())
        jpeg = self._need(int(head["length"]))
        assert self._need(2) == b"\r\n"
        return None if head["seq"] is None else int(head["seq"]), jpeg

    def rest(self) -> int:
        """Reads to the end of the answer; how many pictures came."""
        count = 0
        try:
            while True:
                self.part()
                count += 1
        except StopIteration:
            return count


def decoded(jpeg: bytes) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def shows_the_square(image: NDArray[np.uint8]) -> bool:
    """Whether the test video's yellow square is there."""
    blue, green, red = (image[..., channel].astype(int) for channel in range(3))
    return bool(((red > 180) & (green > 160) & (blue < 110)).sum() > 100)


def test_a_snapshot_is_the_newest_frame_with_its_seq_and_time(service: Service, stream: str) -> None:
    response = service.http.get(f"/streams/{stream}/snapshot.jpg")
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["cache-control"] == "no-store"
    assert shows_the_square(decoded(response.content))
    captured = float(response.headers["x-captured-at"])
    assert abs(time.time() - captured) < 2
    assert abs(parsedate_to_datetime(response.headers["last-modified"]).timestamp() - captured) < 1
    messages = service.http.get(f"/streams/{stream}/scores").json()
    assert int(response.headers["x-seq"]) in {message["seq"] for message in messages}


def test_an_overlay_has_boxes(service: Service, stream: str) -> None:
    wait_until(lambda: service.http.get(f"/streams/{stream}/scores?limit=1").json()[0]["objects"], "objects")
    plain = service.http.get(f"/streams/{stream}/snapshot.jpg").content
    boxed = service.http.get(f"/streams/{stream}/snapshot.jpg?overlay=true").content
    teal = np.abs(decoded(boxed).astype(int) - (150, 190, 60)).sum(axis=2) < 60
    assert teal.sum() > 20
    assert (np.abs(decoded(plain).astype(int) - (150, 190, 60)).sum(axis=2) < 60).sum() < 5


def test_head_tells_what_get_would_without_the_picture(service: Service, stream: str) -> None:
    response = service.http.head(f"/streams/{stream}/snapshot.jpg")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 1000


def test_live_pictures_follow_each_other(service: Service, stream: str) -> None:
    with service.http.stream("GET", f"/streams/{stream}/live.mjpg") as response:
        viewer = Viewer(response)
        assert service.metric("clients", kind="mjpeg") == 1
        parts = [viewer.part() for _ in range(12)]
    seqs = [seq for seq, _ in parts if seq is not None]
    assert len(seqs) == 12
    assert seqs == sorted(set(seqs))
    pictures = [decoded(jpeg) for _, jpeg in parts]
    assert all(shows_the_square(picture) for picture in pictures)
    assert any(np.abs(pictures[0].astype(int) - picture).max() > 50 for picture in pictures[1:])
    wait_until(lambda: service.metric("clients", kind="mjpeg") == 0, "no viewers")


def test_viewers_share_the_pictures(service: Service, stream: str) -> None:
    with ExitStack() as stack:
        viewers = [
            Viewer(stack.enter_context(service.http.stream("GET", f"/streams/{stream}/live.mjpg"))) for _ in range(5)
        ]
        got = [dict(viewer.part() for _ in range(10)) for viewer in viewers]
    common = set.intersection(*(set(each) for each in got))
    assert len(common) >= 3
    for seq in common:
        assert len({each[seq] for each in got}) == 1


def test_a_camera_that_goes_away_is_said_to_be_gone_and_comes_back(service: Service, stream: str) -> None:
    with service.http.stream("GET", f"/streams/{stream}/live.mjpg") as response:
        viewer = Viewer(response)
        assert shows_the_square(decoded(viewer.part()[1]))
        service.http.patch(f"/streams/{stream}", json={"enabled": False})
        while (part := viewer.part())[0] is not None:
            pass
        image = decoded(part[1])
        assert not shows_the_square(image)
        assert image.max() > 100, "expected words on it"
        assert_problem(service.http.get(f"/streams/{stream}/snapshot.jpg"), 409, "no_picture")
        service.http.patch(f"/streams/{stream}", json={"enabled": True})
        while (part := viewer.part())[0] is None:
            pass
        assert shows_the_square(decoded(part[1]))


def test_a_camera_that_is_down_from_the_start_is_said_to_be_down(service: Service) -> None:
    stream = service.add_stream(enabled=False)
    with service.http.stream("GET", f"/streams/{stream}/live.mjpg") as response:
        seq, jpeg = Viewer(response).part()
    assert seq is None
    assert not shows_the_square(decoded(jpeg))


def test_no_picture_is_said_again_so_that_dead_connections_show(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "REPEAT_S", 0.1)
    stream = service.add_stream(enabled=False)
    with service.http.stream("GET", f"/streams/{stream}/live.mjpg") as response:
        viewer = Viewer(response)
        assert [viewer.part()[0] for _ in range(2)] == [None, None]


def test_deleting_the_stream_ends_the_answer(service: Service, stream: str) -> None:
    with service.http.stream("GET", f"/streams/{stream}/live.mjpg") as response:
        viewer = Viewer(response)
        viewer.part()
        assert service.http.delete(f"/streams/{stream}").status_code == 204
        left = viewer.rest()
        assert left < 10
    wait_until(lambda: service.metric("clients", kind="mjpeg") == 0, "no viewers")


def test_a_viewer_that_does_not_read_gets_fewer_pictures_and_slows_nobody(service: Service, stream: str) -> None:
    big = service.http.patch(f"/streams/{stream}", json={"fps": 25})
    assert big.status_code == 200
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", service.port))
        slow.sendall(f"GET /streams/{stream}/live.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        with service.http.stream("GET", f"/streams/{stream}/live.mjpg") as response:
            viewer = Viewer(response)
            for _ in range(150):  # 400 kB and more: the slow one's buffers are full long before
                viewer.part()
        slow.settimeout(60)
        read = b""
        while service.metric("client_dropped_total", kind="mjpeg") == 0:
            read += slow.recv(1 << 20)
    assert service.metric("client_dropped_total", kind="mjpeg") > 0


def test_a_viewer_that_takes_nothing_is_let_go(service: Service, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SEND_TIMEOUT_S", 0.3)
    service.http.patch(f"/streams/{stream}", json={"fps": 25})
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", service.port))
        stuck.sendall(f"GET /streams/{stream}/live.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        wait_until(lambda: service.metric("clients", kind="mjpeg") == 1, "a viewer")
        wait_until(lambda: service.metric("clients", kind="mjpeg") == 0, "no viewer")


def test_viewers_beyond_the_limit_are_refused_and_room_comes_back(service: Service, stream: str) -> None:
    path = f"/streams/{stream}/live.mjpg"
    with ExitStack() as stack:
        viewers = [Viewer(stack.enter_context(service.http.stream("GET", path))) for _ in range(8)]
        for viewer in viewers:
            viewer.part()
        response = service.http.get(path)
        assert_problem(response, 503, "too_many_clients")
        assert int(response.headers["retry-after"]) > 0
    wait_until(lambda: service.metric("clients", kind="mjpeg") == 0, "no viewers")
    with service.http.stream("GET", path) as response:
        Viewer(response).part()


def test_viewers_do_not_keep_the_service_from_stopping(service: Service, stream: str) -> None:
    with service.http.stream("GET", f"/streams/{stream}/live.mjpg") as response:
        viewer = Viewer(response)
        viewer.part()
        ended = threading.Event()

        def read() -> None:
            viewer.rest()
            ended.set()

        reader = threading.Thread(target=read)
        reader.start()
        service.stop()
        reader.join(60)
    assert ended.is_set(), "expected the answer to be complete, not cut off"
