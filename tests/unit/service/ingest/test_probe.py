from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from service.errors import Overloaded, SourceRefused
from service.ingest.probe import MAX_PROBES, SourceInfo, probe
from service.ingest.source import local_source, parse_source
from support.http import HttpServer
from support.peers import Peer, Talk, dripping, garbage, http_garbage, refusing, silent
from support.ports import free_port
from support.video import write_audio, write_images, write_video

TIMEOUT = 0.6


def wait_for_probes_to_end() -> None:
    deadline = time.monotonic() + 60
    while any(thread.name == "probe" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a probe's thread never ended"
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _no_thread_left():
    yield
    wait_for_probes_to_end()


def test_a_good_file(tmp_path: Path) -> None:
    assert probe(local_source(write_video(tmp_path / "a.mp4")), 5) == SourceInfo(160, 120, "h264", 25.0, live=False)


def test_a_good_folder(tmp_path: Path) -> None:
    assert probe(local_source(write_images(tmp_path / "f", 2), rate=4), 5) == SourceInfo(160, 120, "png", 4, live=False)


def test_http_with_and_without_the_password(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4")
    with HttpServer(tmp_path, "us er:p@ss:w/%?#") as server:
        right = parse_source(server.url("a.mp4", "us%20er:p%40ss%3Aw%2F%25%3F%23@"), "tcp", tmp_path)
        assert probe(right, 5).codec == "h264"
        for userinfo in ("", "us%20er:wrongsecret@"):
            wrong = parse_source(server.url("a.mp4", userinfo), "tcp", tmp_path)
            with pytest.raises(SourceRefused) as refused:
                probe(wrong, 5)
            assert refused.value.code == "source_unauthorized"
            assert "wrongsecret" not in str(refused.value)
            said = "refused the user name or password" if userinfo else "asks for a user name and password"
            assert said in str(refused.value)


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
@pytest.mark.parametrize(
    ("talk", "code", "words"),
    [
        (silent, "source_unreachable", ""),
        (dripping, "source_unreachable", ""),
        (garbage, ("source_unreadable", "source_unreachable"), ""),
        (http_garbage, ("source_unreadable", "source_unreachable"), ""),
        (refusing("401 Unauthorized"), "source_unauthorized", "401"),
        (refusing("403 Forbidden"), "source_unauthorized", "403"),
        (refusing("404 Not Found"), "source_unreachable", "404"),
        (refusing("500 Oops"), "source_unreachable", "5xx"),
        (refusing("418 Teapot"), "source_unreachable", "4xx"),
        (None, "source_unreachable", "refused"),
    ],
)
def test_whatever_the_peer_does(
    talk: Talk | None, code: str | tuple[str, ...], words: str, scheme: str, tmp_path: Path
) -> None:
    peer: AbstractContextManager[Peer | None] = nullcontext() if talk is None else Peer(talk)
    with peer as running:
        port = free_port() if running is None else running.port
        source = parse_source(f"{scheme}://user:topsecret@127.0.0.1:{port}/x?token=hidden", "tcp", tmp_path)
        began = time.monotonic()
        with pytest.raises(SourceRefused) as refused:
            probe(source, TIMEOUT)
        assert time.monotonic() - began < TIMEOUT + 30
        wait_for_probes_to_end()
    assert refused.value.code in ((code,) if isinstance(code, str) else code)
    assert words in refused.value.message
    assert refused.value.message.startswith(f"The camera at 127.0.0.1:{port} ")
    assert refused.value.message.count(". ") == 1, "what happened, and what to do"
    assert refused.value.message.endswith(".")
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    for secret in ("topsecret", "user:", "hidden"):
        assert secret not in f"{refused.value!r} {refused.value}"


def _text(path: Path) -> Path:
    path.write_text("no video\n" * 50)
    return path


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda folder: _text(folder / "text.mp4"), "source_unreadable"),
        (lambda folder: write_audio(folder / "sound.mp4"), "source_unsupported"),
        (lambda folder: folder / "absent.mp4", "source_unreachable"),
    ],
)
def test_files_that_cannot_be_used(make: Callable[[Path], Path], code: str, tmp_path: Path) -> None:
    source = local_source(make(tmp_path))
    with pytest.raises(SourceRefused) as refused:
        probe(source, 5)
    assert refused.value.code == code
    assert source.path is not None
    assert source.path.name in refused.value.message
    assert refused.value.message.endswith(".")
    assert "camera" not in refused.value.message


def test_names_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match=r"camera\.invalid.*\. Check the address") as refused:
        probe(parse_source("rtsp://camera.invalid/s", "tcp", tmp_path), 5)
    assert refused.value.code == "source_unreachable"


def test_a_playlist_from_the_network_opens_no_file(tmp_path: Path) -> None:
    video = write_video(tmp_path / "private.ts")
    folder = tmp_path / "served"
    folder.mkdir()
    header = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n"
    (folder / "good.m3u8").write_text(f"{header}good.ts\n#EXT-X-ENDLIST\n")
    write_video(folder / "good.ts")
    (folder / "evil.m3u8").write_text(f"{header}file://{video}\n#EXT-X-ENDLIST\n")
    (folder / "evil.mp4").write_text(f"ffconcat version 1.0\nfile 'file:{video}'\n")
    with HttpServer(folder) as server:
        assert probe(parse_source(server.url("good.m3u8"), "tcp", folder), 5).codec == "h264"
        for name in ("evil.m3u8", "evil.mp4"):
            with pytest.raises(SourceRefused):
                probe(parse_source(server.url(name), "tcp", folder), 5)


def test_probes_are_bounded(tmp_path: Path) -> None:
    with Peer(silent) as peer:
        source = parse_source(f"rtsp://127.0.0.1:{peer.port}/x", "tcp", tmp_path)
        outcomes: list[str] = []

        def attempt() -> None:
            try:
                probe(source, TIMEOUT)
            except (SourceRefused, Overloaded) as error:
                outcomes.append(error.code)

        threads = [threading.Thread(target=attempt) for _ in range(MAX_PROBES + 4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes.count("source_unreachable") == MAX_PROBES
        assert outcomes.count("probes_busy") == 4
        wait_for_probes_to_end()
        with pytest.raises(SourceRefused):  # the slots are free again
            probe(source, TIMEOUT)
