from __future__ import annotations

import hashlib
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from service.ingest.failures import SourceFailure
from service.ingest.reader import open_reader
from service.ingest.redirects import MAX_HOPS, moved_to
from service.ingest.source import Source, parse_source
from support.http import HttpServer
from support.peers import Peer, Talk, refusing
from support.video import write_video


def camera(url: str) -> Source:
    return parse_source(url, "tcp", Path())


def sending_on(location: str, status: str = "302 Moved Temporarily") -> Talk:
    """A gateway that answers every request with another address."""
    return refusing(f"{status}\r\nLocation: {location}")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("rtsp://other:8554/a?x=1", "rtsp://other:8554/a?x=1"),
        ("/b", "rtsp://127.0.0.1:{port}/b"),
        ("c?y=2", "rtsp://127.0.0.1:{port}/live/c?y=2"),
        ("//other/d", "rtsp://other/d"),
        ("rtsp://u:p@other/e", "rtsp://u:p@other/e"),
    ],
)
def test_where_a_location_leads(location: str, expected: str) -> None:
    with Peer(sending_on(location)) as peer:
        target = moved_to(camera(f"rtsp://127.0.0.1:{peer.port}/live/a"), 5)
    assert target is not None
    assert target.open_url() == expected.format(port=peer.port)


def test_credentials_stay_on_their_host() -> None:
    for location, kept in (("/b", True), ("rtsp://localhost:9/b", False), ("rtsps://127.0.0.1:9/b", True)):
        with Peer(sending_on(location)) as peer:
            target = moved_to(camera(f"rtsp://user:secret@127.0.0.1:{peer.port}/a"), 5)
        assert target is not None
        assert (target.userinfo is not None) is kept


def test_nothing_is_said_is_no_redirect() -> None:
    for talk in (refusing("404 Not Found"), refusing("302 Found"), lambda connection: connection.close()):
        with Peer(talk) as peer:
            assert moved_to(camera(f"rtsp://127.0.0.1:{peer.port}/a"), 5) is None


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("file:///etc/passwd", "another kind"),
        ("concat:a|b", "another kind"),
        ("http://other/v", "http://other/v."),
        ("rtsp://other:99999/v", "cannot be used"),
        ("//[x/", "an address that cannot be used."),
        ("//[::1", "cannot be used"),
        ("rtsp://[x/", "cannot be used"),
        ("rtsp://127.0.0.1:8000/v", "this service itself"),
    ],
)
def test_where_no_stream_may_be_is_refused(location: str, said: str) -> None:
    with Peer(sending_on(location)) as peer, pytest.raises(SourceFailure) as refused:
        moved_to(replace(camera(f"rtsp://127.0.0.1:{peer.port}/a"), own=[("127.0.0.1", 8000)]), 5)
    assert said in refused.value.detail
    assert "passwd" not in refused.value.detail
    assert "address" in refused.value.advice


def test_http_is_followed_over_several_hops(tmp_path: Path) -> None:
    moved = {"/a": (301, "/b"), "/b": (302, "/c"), "/c": (307, "/d"), "/d": (308, "a.mp4")}
    write_video(tmp_path / "a.mp4", frames=10)
    with (
        HttpServer(tmp_path, "user:secret", moved) as http,
        open_reader(camera(http.url("a", "user:secret@")), 5, 5) as reader,
    ):
        assert len(list(reader)) == 10
        assert len(moved) <= MAX_HOPS


def test_a_password_is_never_sent_to_another_host(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", frames=10)
    with HttpServer(tmp_path, "user:secret") as other:
        place = other.url("a.mp4").replace("127.0.0.1", "localhost")
        with HttpServer(tmp_path, "", {"/v": (302, place)}) as http, pytest.raises(SourceFailure) as refused:
            open_reader(camera(http.url("v", "user:secret@")), 5, 5)
        assert other.asked
        assert {authorization for _, authorization in other.asked} == {None}
    assert place in refused.value.detail
    assert "password" in refused.value.detail
    assert refused.value.advice == "Enter that address with its password."
    assert "secret" not in refused.value.detail


def test_circles_are_named() -> None:
    with Peer(sending_on("/live/a", "301 Moved Permanently")) as peer, pytest.raises(SourceFailure) as refused:
        open_reader(camera(f"rtsp://127.0.0.1:{peer.port}/live/a"), 5, 5)
    assert "without end" in refused.value.detail


def test_an_endless_way_is_named(tmp_path: Path) -> None:
    moved = {f"/{number}": (302, f"/{number + 1}") for number in range(50)}
    with HttpServer(tmp_path, "", moved) as http, pytest.raises(SourceFailure) as refused:
        open_reader(camera(http.url("0")), 5, 5)
    assert "without end" in refused.value.detail
    assert len(http.asked) < 50


def test_what_is_wrong_at_the_new_address_is_said_of_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        place = f"rtsp://127.0.0.1:{taken.getsockname()[1]}/b"
        with Peer(sending_on(place)) as peer, pytest.raises(SourceFailure) as refused:
            open_reader(camera(f"rtsp://127.0.0.1:{peer.port}/a"), 5, 5)
    assert f"The camera now sends its picture at {place}." in refused.value.detail
    assert refused.value.source.url == f"rtsp://127.0.0.1:{peer.port}/a"


@pytest.mark.parametrize("quality", ["", ', qop="auth"', ', qop="auth,auth-int", algorithm=SHA-256, opaque="o"'])
def test_a_gateway_that_asks_for_a_password_first(quality: str) -> None:
    seen: list[str] = []

    def talk(connection: socket.socket) -> None:
        request = connection.recv(4096).decode()
        seen.append(request)
        if "Authorization" in request:
            connection.sendall(b"RTSP/1.0 302 Found\r\nCSeq: 1\r\nLocation: /b\r\n\r\n")
        else:
            challenge = f'WWW-Authenticate: Digest realm="cam", nonce="n1"{quality}'
            connection.sendall(f"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n{challenge}\r\n\r\n".encode())
        connection.close()

    with Peer(talk) as peer:
        url = f"rtsp://127.0.0.1:{peer.port}/a"
        target = moved_to(camera(url.replace("//", "//us%20er:se%40cret@")), 5)
    assert target is not None
    assert "secret" not in "".join(seen)
    line = next(line for line in seen[1].split("\r\n") if line.startswith("Authorization: Digest "))
    fields = dict(part.partition("=")[::2] for part in line.removeprefix("Authorization: Digest ").split(", "))

    def hashed(text: str) -> str:
        return (hashlib.sha256 if "SHA" in quality else hashlib.md5)(text.encode()).hexdigest()

    secret, asked = hashed("us er:cam:se@cret"), hashed(f"DESCRIBE:{url}")
    middle = f"00000001:{fields['cnonce'].strip(chr(34))}:auth:" if "qop" in quality else ""
    assert fields["response"] == f'"{hashed(f"{secret}:n1:{middle}{asked}")}"'
