from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from export import hub
from export.hub import CATALOGUE, Hub, HubError, OfficialWeights, check_file, official
from support.weights_server import WeightsServer

CONTENT = np.random.default_rng(1).integers(0, 256, 300_000, np.uint8).tobytes()


@pytest.fixture
def server():
    one = WeightsServer(CONTENT)
    yield one
    one.close()


@pytest.fixture
def weights(server):
    terms = "https://example.org/licence"
    return OfficialWeights(
        "tiny", "Tiny", f"{server.url}/file.onnx", "v1", "MIT", terms, "yolox", len(CONTENT), server.sha256
    )


@pytest.fixture(scope="module")
def client():
    with httpx.Client() as one:
        yield one


@pytest.fixture
def waits():
    return []


@pytest.fixture
def fetcher(tmp_path, client, waits):
    return Hub(tmp_path / "weights", client, schemes=frozenset({"http"}), wait=waits.append)


def files(fetcher):
    folder = fetcher._folder
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def refused(fetcher, weights, code, **options):
    with pytest.raises(HubError) as caught:
        fetcher.fetch(weights, **options)
    assert caught.value.code == code, caught.value
    assert "\n" not in caught.value.message
    return caught.value.message


def test_a_file_is_fetched_once_and_told_of_as_it_comes(server, fetcher, weights):
    told = []
    path = fetcher.fetch(weights, lambda done, total: told.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert path.name == "tiny.onnx"
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert files(fetcher) == ["tiny.onnx"]
    fetcher.fetch(weights)
    assert len(server.seen) == 1


def test_a_cut_connection_goes_on_where_it_was(server, fetcher, weights, waits):
    server.cut_after = [100_000, 50_000]
    assert fetcher.fetch(weights).read_bytes() == CONTENT
    assert server.seen == [
        ("/file.onnx", None, None),
        ("/file.onnx", "bytes=100000-", '"v1"'),
        ("/file.onnx", "bytes=150000-", '"v1"'),
    ]
    assert waits == [1, 2]
    assert files(fetcher) == ["tiny.onnx"]


def test_a_connection_that_keeps_breaking_is_told_and_the_next_call_goes_on(server, fetcher, weights):
    server.cut_after = [10_000, 10_000, 10_000, 10_000]
    assert "broke 4 times at 40000 bytes: try again" in refused(fetcher, weights, "no_network")
    assert files(fetcher) == ["tiny.onnx.part", "tiny.onnx.part.json"]
    assert fetcher.fetch(weights).read_bytes() == CONTENT
    assert server.seen[-1] == ("/file.onnx", "bytes=40000-", '"v1"')


def test_a_file_that_has_changed_meanwhile_is_fetched_anew(server, fetcher, weights):
    server.cut_after = [100_000] + [0] * 3
    refused(fetcher, weights, "no_network")
    server.content, server.tag = CONTENT[::-1], '"v2"'
    changed = replace(weights, sha256=server.sha256)
    assert fetcher.fetch(changed).read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("tag", [None, 'W/"weak"'])
def test_without_a_validator_only_the_hash_can_tell(server, fetcher, weights, tag):
    server.tag = tag
    server.cut_after = [100_000]
    assert fetcher.fetch(weights).read_bytes() == CONTENT
    assert server.seen[1][1:] == ("bytes=100000-", None)
    unpinned = replace(weights, name="other", sha256=None)
    server.cut_after = [100_000]
    assert fetcher.fetch(unpinned, accept_unpinned=True).read_bytes() == CONTENT
    assert server.seen[-1][1:] == (None, None)


def test_a_server_that_cannot_go_on_gives_the_whole_file(server, fetcher, weights):
    server.ranges = False
    server.cut_after = [100_000]
    assert fetcher.fetch(weights).read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_begun_anew(server, fetcher, weights):
    fetcher._folder.mkdir()
    (fetcher._folder / "tiny.onnx.part").write_bytes(bytes(len(CONTENT) + 5))
    assert fetcher.fetch(weights).read_bytes() == CONTENT
    assert [wanted for _, wanted, _ in server.seen] == [f"bytes={len(CONTENT) + 5}-", None]


def test_a_part_that_is_whole_needs_no_network(server, fetcher, weights):
    fetcher._folder.mkdir()
    (fetcher._folder / "tiny.onnx.part").write_bytes(CONTENT)
    assert fetcher.fetch(weights).read_bytes() == CONTENT
    assert server.seen == []


def test_a_server_that_goes_on_elsewhere_is_not_believed(server, fetcher, weights):
    server.cut_after = [100_000]
    server.shift = 7
    assert fetcher.fetch(weights).read_bytes() == CONTENT
    assert [wanted for _, wanted, _ in server.seen] == [None, "bytes=100000-", None]


def test_nothing_is_written_through_a_link(fetcher, weights, tmp_path):
    fetcher._folder.mkdir()
    other, part = tmp_path / "other", fetcher._folder / "tiny.onnx.part"
    other.write_text("of someone else")
    part.with_name("tiny.onnx.part.json").symlink_to(other)
    assert fetcher.fetch(weights).read_bytes() == CONTENT
    fetcher.path(weights).unlink()
    part.symlink_to(other)
    assert f"expected a file at {part}, got a link" in refused(fetcher, weights, "symlink")
    assert other.read_text() == "of someone else"
    assert files(fetcher) == ["tiny.onnx.part"]


def test_what_is_not_the_file_is_deleted(server, fetcher, weights):
    server.content = CONTENT[:-1] + b"x"
    said = refused(fetcher, weights, "wrong_hash")
    assert weights.sha256 in said
    assert server.sha256 in said
    assert said.endswith("what came was deleted")
    assert files(fetcher) == []


def test_a_part_spoilt_on_disk_is_not_believed(server, fetcher, weights):
    fetcher._folder.mkdir()
    (fetcher._folder / "tiny.onnx.part").write_bytes(bytes(1000))
    refused(fetcher, weights, "wrong_hash")
    assert fetcher.fetch(weights).read_bytes() == CONTENT


def test_a_file_spoilt_since_is_told_and_left(fetcher, weights):
    fetcher.fetch(weights).write_bytes(b"spoilt")
    assert "tiny.onnx with" in refused(fetcher, weights, "wrong_hash")
    assert files(fetcher) == ["tiny.onnx"]


@pytest.mark.parametrize("length", [None, -1])
def test_another_size_is_refused(server, fetcher, weights, length):
    server.content, server.length = CONTENT + b"more", length
    said = refused(fetcher, weights, "wrong_size")
    assert "300000 bytes of Tiny, the server " in said
    assert files(fetcher) == []


def test_an_unknown_size_is_bounded(server, fetcher, weights, monkeypatch):
    monkeypatch.setattr(hub, "LARGEST", 200_000)
    server.length = -1
    assert "at most 200000 bytes" in refused(fetcher, replace(weights, bytes=None), "wrong_size")


def test_redirects_are_followed_within_bounds(server, fetcher, weights):
    server.redirect = "/file.onnx"
    assert fetcher.fetch(replace(weights, url=f"{server.url}/go")).read_bytes() == CONTENT
    server.redirect = "/go"
    said = refused(fetcher, replace(weights, name="b", url=f"{server.url}/go"), "refused")
    assert "sent on more than 5 times" in said
    assert len(server.seen) == 2 + 6


@pytest.mark.parametrize("target", ["ftp://example.org/x", "file:///etc/passwd", "//127.0.0.1:1/x"])
def test_redirects_do_not_leave_https(server, tmp_path, client, weights, target):
    server.redirect = target
    strict = Hub(tmp_path, client)
    assert "expected an address of https" in refused(strict, weights, "refused")
    lenient = Hub(tmp_path, client, schemes=frozenset({"http"}))
    lenient._schemes = frozenset({"http", "https"}) if target.startswith("//") else frozenset({"http"})
    refused(lenient, replace(weights, url=f"{server.url}/go"), "no_network" if target.startswith("//") else "refused")
    assert files(lenient) == []


def test_every_official_address_is_https():
    assert {urlsplit(weights.url).scheme for weights in CATALOGUE.values()} == {"https"}


@pytest.mark.parametrize(
    ("status", "said"), [(404, "no longer has it"), (403, "refuses"), (429, "later"), (503, "later"), (418, "no file")]
)
def test_a_refusal_is_one_sentence_that_says_what_to_do(server, fetcher, weights, status, said):
    server.status = status
    message = refused(fetcher, weights, "refused")
    assert said in message
    assert "watchword packs build tiny FILE" in message
    assert files(fetcher) == []


def test_no_network_is_one_sentence_that_says_what_to_do(fetcher, weights, waits):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file.onnx"
    said = refused(fetcher, replace(weights, url=url), "no_network")
    assert "127.0.0.1 cannot be reached" in said
    assert f"download {url} on a machine with a network" in said
    assert "watchword packs build tiny FILE" in said
    assert waits == []
    assert files(fetcher) == []


def test_a_full_disk_is_told_before_anything_is_fetched(server, fetcher, weights, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    said = refused(fetcher, weights, "disk_full")
    assert "300000 bytes are needed, 1000 are free" in said
    assert files(fetcher) == []


@pytest.mark.parametrize("room", [0, 1, 65_536, 150_000])
def test_a_disk_that_fills_up_leaves_what_can_go_on(server, fetcher, weights, monkeypatch, room):
    write, left = os.write, [room]

    def full(descriptor, block):
        """As a file system does: what fits is written, and the next write fails."""
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = write(descriptor, bytes(block[: left[0]]))
        left[0] -= written
        return written

    monkeypatch.setattr(os, "write", full)
    said = refused(fetcher, weights, "disk_full")
    assert "the disk is full (No space left on device): make room" in said
    part = fetcher._folder / "tiny.onnx.part"
    assert (part.read_bytes() if room else b"") == CONTENT[:room]
    monkeypatch.setattr(os, "write", write)
    assert fetcher.fetch(weights).read_bytes() == CONTENT
    assert server.seen[-1][1] == (f"bytes={room}-" if room else None)


def test_other_errors_of_the_disk_are_not_called_a_full_one(fetcher, weights):
    fetcher._folder.write_text("a file where the folder should be")
    with pytest.raises(FileExistsError):
        fetcher.fetch(weights)


def test_two_commands_do_not_write_one_file(fetcher, weights):
    fetcher._folder.mkdir()
    part = fetcher._folder / "tiny.onnx.part"
    hold = (
        "import fcntl, sys, time\nstream = open(sys.argv[1], 'wb')\nfcntl.flock(stream, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(part)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        assert "another command is fetching tiny.onnx" in refused(fetcher, weights, "busy")
        other.stdin.close()
    assert fetcher.fetch(weights).read_bytes() == CONTENT


def test_unpinned_weights_are_fetched_on_demand_only(server, fetcher, weights):
    unpinned = replace(weights, sha256=None)
    assert "--accept-unpinned takes it" in refused(fetcher, unpinned, "unpinned")
    assert server.seen == []
    path = fetcher.fetch(unpinned, accept_unpinned=True)
    assert check_file(unpinned, path, accept_unpinned=True) == hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(HubError, match="no sha256"):
        check_file(unpinned, path)


def test_the_catalogue_is_whole():
    needed = {"yolo11n", "yolox-nano", "yolox-tiny", "yolox-s", "clip-vit-b16", "clip-vit-b32", "mobileclip2-s0"}
    assert CATALOGUE.keys() == needed
    for weights in CATALOGUE.values():
        assert weights.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", weights.sha256)
        assert weights.revision in weights.url
        assert len(weights.provenance) <= 500
    assert len({weights.file for weights in CATALOGUE.values()}) == len(CATALOGUE)
    assert "AGPL" in official("yolo11n").note
    with pytest.raises(HubError, match=r"yolox-nano.*got 'yolo99'"):
        official("yolo99")
