from __future__ import annotations

import pickle
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidSource
from service.ingest.source import MAX_URL, Source, local_source, parse_source, with_login


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.mp4").touch()
    (folder / "deep" / "b c.mp4").touch()
    (tmp_path / "outside.mp4").touch()
    (folder / "way-out.mp4").symlink_to(tmp_path / "outside.mp4")
    (folder / "way-out").symlink_to(tmp_path)
    (folder / "within.mp4").symlink_to(folder / "a.mp4")
    return folder


@pytest.mark.parametrize(
    ("url", "shown", "opened"),
    [
        ("rtsp://camera/s", "rtsp://camera/s", "rtsp://camera/s"),
        ("RTSP://Camera:8554/S?x=1", "rtsp://Camera:8554/S?x=1", "rtsp://Camera:8554/S?x=1"),
        ("rtsp://user:secret@camera/s", "rtsp://camera/s", "rtsp://user:secret@camera/s"),
        ("rtsp://user@camera/s", "rtsp://camera/s", "rtsp://user:@camera/s"),
        ("rtsp://user:p@ss@camera/s", "rtsp://camera/s", "rtsp://user:p%40ss@camera/s"),
        ("rtsp://user:p%40s%2Fs@camera/s", "rtsp://camera/s", "rtsp://user:p%40s%2Fs@camera/s"),
        ("rtsp://us%20er:100%@camera/s", "rtsp://camera/s", "rtsp://us%20er:100%25@camera/s"),
        ("rtsps://[::1]:322/s", "rtsps://[::1]:322/s", "rtsps://[::1]:322/s"),
        ("http://cam/v?user=me&pwd=pw&n=1", "http://cam/v?user=***&pwd=***&n=1", "http://cam/v?user=me&pwd=pw&n=1"),
        ("https://cam/live.m3u8#top", "https://cam/live.m3u8", "https://cam/live.m3u8"),
    ],
)
def test_splits_credentials_off(url: str, shown: str, opened: str, media: Path) -> None:
    source = parse_source(url, "tcp", media)
    assert source.url == shown
    assert source.open_url() == opened
    assert source.has_credentials is (shown != opened)
    assert parse_source(source.open_url(), "tcp", media) == source


@given(
    user=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20),
    password=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=3, max_size=20),
)
def test_credentials_are_nowhere_but_in_open_url(user: str, password: str) -> None:
    from urllib.parse import quote, unquote

    url = f"rtsp://{quote(user, safe='')}:{quote(password, safe='')}@camera.example/stream"
    source = parse_source(url, "tcp", Path())
    assert source.url == "rtsp://camera.example/stream"
    assert repr(source) == str(source)
    assert "secret=SecretStr('**********')" in repr(source)
    assert source.userinfo is not None
    assert unquote(source.userinfo.get_secret_value()) == f"{user}:{password}"
    assert source.open_url() == url


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("ftp://camera/s", "source_scheme", ["rtsp", "rtsps", "http", "https", "file", "starts with ftp:"]),
        ("camera/stream", "source_scheme", ["none of these"]),
        ("", "source_scheme", ["none of these"]),
        ("user:secret@camera", "source_scheme", ["https:// or file:"]),
        ("concat:a|b", "source_scheme", ["starts with concat:"]),
        ("rtsp:///stream", "source_host", ["no host"]),
        ("rtsp://:554/stream", "source_host", ["no host"]),
        ("rtsp://[::1/stream", "source_host", ["cannot be read"]),
        ("rtsp://camera:0/s", "source_port", ["1 to 65535", "not 0."]),
        ("rtsp://camera:65536/s", "source_port", ["not 65536."]),
        ("rtsp://user:secret@camera:99999/s", "source_port", ["not 99999."]),
        ("rtsp://camera:http/s", "source_port", ["must be a number from 1 to 65535."]),
        ("rtsp://user:secret/more@camera/s", "source_characters", ["%2F"]),
        ("rtsp://user:1234/secret@camera/s", "source_characters", ["%2F"]),
        ("rtsp://user:secret#x@camera/s", "source_characters", ["%23"]),
        ("rtsp://camera/a b", "source_characters", ["U+0020"]),
        ("rtsp://camera/a\nb", "source_characters", ["U+000A"]),
        ("rtsp://camera/a\x00b", "source_characters", ["U+0000"]),
        ("rtsp://camera/\u202estream", "source_characters", ["U+202E"]),
        ("rtsp://camera/" + "a" * MAX_URL, "source_too_long", [str(MAX_URL)]),
        ("http://camera/v?token=***", "source_masked", ["mask"]),
        ("http://camera/***/live", "source_masked", ["mask", "real value"]),
        ("rtsp://nvr/user=***_password=***_channel=1", "source_masked", ["mask"]),
        ("rtsp://***@camera/s", "source_masked", ["mask"]),
        ("rtsp://admin:***@camera/s", "source_masked", ["mask"]),
        ("file:", "source_path", ["from the media folder on"]),
        ("file:/etc/passwd", "source_path", ["from the media folder on"]),
        ("file:///etc/passwd", "source_path", ["from the media folder on"]),
        ("file:../outside.mp4", "source_path", [".."]),
        ("file:deep/../../outside.mp4", "source_path", [".."]),
        ("file:%2e%2e/outside.mp4", "source_path", [".."]),
        ("file:%2Fetc%2Fpasswd", "source_path", ["from the media folder on"]),
        ("file:way-out.mp4", "source_path", ["link"]),
        ("file:way-out/outside.mp4", "source_path", ["link"]),
        ("file:a%00.mp4", "source_characters", ["U+0000"]),
        ("file:a.mp4?loop=maybe", "source_options", ["true", "'maybe'"]),
        ("file:a.mp4?speed=2", "source_options", ["'speed'"]),
        ("file:a.mp4?rate=0", "source_options", ["'0'"]),
        ("file:a.mp4?rate=nan", "source_options", ["'nan'"]),
        ("file:a.mp4?rate=1000", "source_options", ["240"]),
    ],
)
def test_refuses(url: str, code: str, words: list[str], media: Path) -> None:
    with pytest.raises(InvalidSource) as refused:
        parse_source(url, "tcp", media)
    assert refused.value.code == code
    for word in words:
        assert word in refused.value.message
    assert "secret" not in refused.value.message.replace("secret parameter", "")
    assert "1234" not in refused.value.message


def test_refuses_other_transports(media: Path) -> None:
    with pytest.raises(InvalidSource, match=r"The transport must be tcp or udp, not 'sctp'\."):
        parse_source("rtsp://camera/s", "sctp", media)


@pytest.mark.parametrize(
    ("url", "name", "loop", "rate"),
    [
        ("file:a.mp4", "a.mp4", False, 25.0),
        ("file:./a.mp4?loop=true", "a.mp4", True, 25.0),
        ("file:deep/b c.mp4", "deep/b c.mp4", False, 25.0),
        ("file:deep/b%20c.mp4", "deep/b c.mp4", False, 25.0),
        ("file:within.mp4", "a.mp4", False, 25.0),
        ("file:deep?rate=12.5&loop=TRUE", "deep", True, 12.5),
        ("file:not-there-yet.mp4", "not-there-yet.mp4", False, 25.0),
    ],
)
def test_files_under_the_media_folder(url: str, name: str, loop: bool, rate: float, media: Path) -> None:
    source = parse_source(url, "tcp", media)
    assert source.path == (media / name).resolve()
    assert (source.loop, source.rate, source.is_file) == (loop, rate, True)
    assert not source.has_credentials
    assert parse_source(source.url, "tcp", media) == source


OWN = [("0.0.0.0", 8000), ("watchword.example", 8000)]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "0.0.0.0", "127.9.9.9", "2130706433", "0x7f000001", "127.1",
     "[::ffff:127.0.0.1]", "watchword.example", "WatchWord.Example"],
)  # fmt: skip
def test_refuses_this_service_itself(host: str, media: Path) -> None:
    for scheme in ("http", "rtsp"):
        with pytest.raises(InvalidSource) as refused:
            parse_source(f"{scheme}://user:secret@{host}:8000/streams/1/live.mjpg", "tcp", media, OWN)
        assert refused.value.code == "source_self"


def test_refuses_this_machine_by_its_own_address(media: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: only asks which address would be used
        address = probe.getsockname()[0]
    with pytest.raises(InvalidSource):
        parse_source(f"http://{address}:8000/", "tcp", media, OWN)


@pytest.mark.parametrize(
    "url", ["rtsp://127.0.0.1:8001/s", "http://192.0.2.7:8000/", "http://nobody.invalid:8000/", "rtsp://localhost/s"]
)
def test_lets_others_through(url: str, media: Path) -> None:
    assert parse_source(url, "tcp", media, OWN).url == url


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("rtsp://camera/s", "camera", 554),
        ("rtsps://camera/s", "camera", 322),
        ("http://camera/s", "camera", 80),
        ("https://camera/s", "camera", 443),
        ("rtsp://u:p@[fe80::1]:99/s", "fe80::1", 99),
    ],
)
def test_host_and_port(url: str, host: str, port: int, media: Path) -> None:
    source = parse_source(url, "udp", media)
    assert (source.host, source.port, source.transport) == (host, port, "udp")


def test_local_source_reads_anywhere(tmp_path: Path) -> None:
    assert local_source(tmp_path / "x.mp4", rate=10.0) == Source(
        url="file:x.mp4", path=(tmp_path / "x.mp4").resolve(), rate=10.0
    )


def test_a_pickle_is_not_how_secrets_are_kept(media: Path) -> None:
    source = parse_source("rtsp://user:secret@camera/s", "tcp", media)
    assert pickle.loads(pickle.dumps(source)) == source  # but workers may pass sources on


@pytest.mark.parametrize(
    ("url", "stored", "user", "password", "opened"),
    [
        ("rtsp://camera/b", "rtsp://me:old@camera/a", None, None, "rtsp://me:old@camera/b"),
        ("rtsp://camera:554/b", "rtsp://me:old@camera/a", None, "n:/@w", "rtsp://me:n%3A%2F%40w@camera:554/b"),
        ("rtsp://camera/b", "rtsp://me:old@camera/a", "you", None, "rtsp://you:old@camera/b"),
        (
            "rtsp://me:old@camera/a?token=x",
            "rtsp://me:old@camera/a?token=x",
            None,
            "new",
            "rtsp://me:new@camera/a?token=x",
        ),
        ("rtsp://other/b", "rtsp://me:old@camera/a", "you", "new", "rtsp://you:new@other/b"),
        ("rtsp://you:new@other/b", "rtsp://me:old@camera/a", None, "newer", "rtsp://you:newer@other/b"),
        ("rtsp://[::1]:8554/b", "rtsp://camera/a", "you", None, "rtsp://you:@[::1]:8554/b"),
        ("rtsp://other/b", "rtsp://camera/a", None, None, "rtsp://other/b"),
    ],
)
def test_a_login_is_kept_or_replaced(
    url: str, stored: str, user: str | None, password: str | None, opened: str, media: Path
) -> None:
    source, kept = parse_source(url, "tcp", media), parse_source(stored, "tcp", media)
    assert with_login(source, kept, user, password) == opened


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("rtsp://other/a", None, None),
        ("rtsp://other/a", "you", None),
        ("rtsp://other/a", None, "new"),
        ("rtsp://camera:8554/a", None, None),
        ("rtsps://camera:554/a", None, None),
        ("file:a.mp4", "you", "new"),
        ("file:a.mp4", None, None),
    ],
)
def test_a_stored_password_goes_to_no_other_camera(
    url: str, user: str | None, password: str | None, media: Path
) -> None:
    kept = parse_source("rtsp://me:s3cret@camera/a", "tcp", media)
    with pytest.raises(InvalidSource) as caught:
        with_login(parse_source(url, "tcp", media), kept, user, password)
    assert caught.value.code == "source_login"
    assert "s3cret" not in str(caught.value)
