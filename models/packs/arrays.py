"""Arrays of a pack: ``.npz`` files, never pickled, bounded before anything of them is unpacked."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.packs.errors import PackError
from models.packs.manifest import ArraySpec

_MAX_ARRAYS = 256 << 20  # bytes in memory of one file's arrays, however small they are packed


def array_headers(path: Path) -> Mapping[str, ArraySpec]:
    """Type and shape of every array of an ``.npz``, without reading the arrays.

    Args:
        path: Of the file.

    Raises:
        PackError: ``bad_arrays``, if it is none, holds Python objects, or would take more than 256 MiB of memory.
    """
    with _reading_arrays(path), zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        files = [entry.filename for entry in entries]
        names = [file.removesuffix(".npy") for file in files]
        if len({*files, *names}) != 2 * len(files):  # of two of one name, another may be read than was looked at
            raise ValueError("one is in it twice, or is not called NAME.npy")
        if any(entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for entry in entries):
            raise ValueError("one is neither stored nor deflated")  # zipfile does not bound what others unpack to
        if sum(entry.file_size for entry in entries) > _MAX_ARRAYS:
            raise ValueError(f"they are more than {_MAX_ARRAYS} bytes")
        return {name: _header(archive, file) for name, file in zip(names, files, strict=True)}


def read_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """All arrays of an ``.npz``, in memory.

    Args:
        path: Of a file whose headers have been looked at.

    Raises:
        PackError: ``bad_arrays``, if what is packed in it is damaged.
    """
    with _reading_arrays(path), np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


@contextmanager
def _reading_arrays(path: Path) -> Iterator[None]:
    try:
        yield
    except PackError:
        raise
    except Exception as error:  # zipfile, zlib and numpy have no error in common
        code, message = "bad_arrays", f"expected arrays in {path.name}: {error}"
        raise PackError(code, message) from error


def _header(archive: zipfile.ZipFile, name: str) -> ArraySpec:
    with archive.open(name) as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        if dtype.hasobject:
            code, message = "bad_arrays", f"expected an array of numbers in {name}, got Python objects"
            raise PackError(code, message)
        size = math.prod(shape) * dtype.itemsize
        if archive.getinfo(name).file_size - stream.tell() != size:
            code, message = "bad_arrays", f"expected {size} bytes of {name}, got another size"
            raise PackError(code, message)
    return ArraySpec(dtype=dtype.name, shape=shape)
