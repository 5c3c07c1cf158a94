"""Arrays of a pack: what the manifest says of them, and archives that are no plain arrays."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest

from models.packs import (
    PackError,
    array_headers,
)
from support.pack_folders import described, refused, write


def npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def archive(method=zipfile.ZIP_STORED, **files):
    """A zip of files, each named by its key with ``__`` for a dot."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as opened:
        for name, content in files.items():
            opened.writestr(name.replace("__", "."), content)
    return stream.getvalue()


def npy(header, data=b""):
    """An array's file, whatever its header says."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def claiming(shape, data=b""):
    return npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}", data)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(npz(centres=np.ones((5, 3), np.float32)), "bad_arrays", id="one missing"),
        pytest.param(
            npz(centres=np.ones((5, 3), np.float32), counts=np.arange(5), more=np.arange(5)),
            "bad_arrays",
            id="one more",
        ),
        pytest.param(npz(centres=np.ones((5, 4), np.float32), counts=np.arange(5)), "wrong_shape", id="shape"),
        pytest.param(npz(centres=np.ones((5, 3)), counts=np.arange(5)), "wrong_shape", id="type"),
        pytest.param(
            npz(centres=np.ones((5, 3), np.float32), counts=np.array([{}] * 5)), "bad_arrays", id="Python objects"
        ),
        pytest.param(archive(centres__npy=claiming((10**12, 2))), "bad_arrays", id="claims more than it holds"),
        pytest.param(b"not an archive", "bad_arrays", id="no archive"),
    ],
)
def test_arrays_are_what_the_manifest_says(head, content, code):
    folder, manifest = head
    (folder / "centres.npz").write_bytes(content)
    arrays = {**manifest["arrays"]["centres"], **described(folder / "centres.npz")}
    write(folder, {**manifest, "arrays": {"centres": arrays}})
    assert refused(folder).code == code


def changed(content, entry, *changes):
    """An archive whose only file's entry, in its own header and in the directory, has other bytes."""
    content = bytearray(content)
    for start in (content.index(b"PK\x03\x04") + entry, content.index(b"PK\x01\x02") + entry + 2):
        content[start : start + len(changes)] = changes
    return bytes(content)


def broken_deflate():
    content = bytearray(archive(zipfile.ZIP_DEFLATED, a__npy=npy("x" * 100)))
    content[35:37] = b"\xff\xff"  # after a local header of 30 bytes and five of the name
    return bytes(content)


TWO = claiming((2,), bytes(8))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(changed(archive(a__npy=TWO), 6, 1), "encrypted", id="encrypted"),
        pytest.param(changed(archive(a__npy=TWO), 8, 97), "neither stored nor", id="unknown compression"),
        pytest.param(archive(zipfile.ZIP_LZMA, a__npy=TWO), "neither stored nor", id="compression without a bound"),
        pytest.param(broken_deflate(), "while decompressing", id="broken deflate"),
        pytest.param(archive(a__npy=npy("-" * 5000 + "1")), "recursion", id="a header without end"),
        pytest.param(archive(a__npy=claiming((2**70,))), f"expected {2**72} bytes", id="claims what no integer holds"),
        pytest.param(archive(a__npy=claiming((2**32, 2**32))), f"expected {2**66} bytes", id="counts round to zero"),
        # numpy gives the twin under the name whose own array was looked at.
        pytest.param(archive(a=claiming((3,), bytes(12)), a__npy=TWO), "twice", id="a twin without a suffix"),
        pytest.param(archive(a__npy__npy=TWO, a__npy=TWO), "twice", id="a twin of two suffixes"),
        pytest.param(archive(a__npy=TWO, b__npy=TWO).replace(b"b.npy", b"a.npy"), "twice", id="a twin of one name"),
        # What an entry says it unpacks to bounds what is read of it: half a gigabyte need only be said.
        pytest.param(
            changed(
                archive(a__npy=claiming((1 << 27,))), 22, *struct.pack("<I", len(claiming((1 << 27,))) + (1 << 29))
            ),
            "more than 268435456 bytes",
            id="too large for the memory",
        ),
    ],
)
def test_archives_that_are_no_plain_arrays_are_refused(tmp_path, content, said):
    (tmp_path / "some.npz").write_bytes(content)
    with pytest.raises(PackError, match=said) as caught:
        array_headers(tmp_path / "some.npz")
    assert caught.value.code == "bad_arrays"
