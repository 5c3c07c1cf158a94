"""Writes packs: whole, or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from models.arrays import Arrays
from models.packs import BUILT_IN, FORMAT, MANIFEST, REQUIRES, Pack, PackError, array_headers, file_hash, parse_manifest

Facts = dict[str, object]


class PackWriter:
    """Gathers a pack's files in a hidden folder beside its place, and moves it there when it verifies.

    with PackWriter(packs, "yolox-nano") as writer:
        graph = writer.add(Path("yolox_nano.onnx"), "graph.onnx")
        pack = writer.commit({"kind": "detector", "layout": "yolox", "graph": graph, ...})

    Left without ``commit``, it leaves nothing behind.
    """

    def __init__(self, packs: Path, name: str, *, replace: bool = False) -> None:
        """Begin a pack.

        Args:
            packs: The folder of packs; made if need be.
            name: Of the pack, and of its folder.
            replace: Whether a pack of this name may exist; it stays until the new one takes its place.

        Raises:
            PackError: ``name_taken``.
        """
        self._place = packs / name
        self._name = name
        self._replace = replace
        self._check_place()
        packs.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=".new-", dir=packs))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, source: Path, file: str) -> Facts:
        """Copy a file into the pack, and tell the manifest's facts of it."""
        target = self._folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return self._facts(file)

    def add_arrays(self, arrays: Arrays, file: str) -> Facts:
        """Store arrays as an ``.npz`` in the pack, and tell the manifest's facts of it and of each array."""
        target = self._folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        # As np.savez does, which would take an array called `file` for its argument.
        with zipfile.ZipFile(target, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                    np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
        headers = {name: array.model_dump(mode="json") for name, array in array_headers(target).items()}
        return {**self._facts(file), "arrays": headers}

    def commit(self, manifest: Mapping[str, object]) -> Pack:
        """Write the manifest, verify the pack as the service will, and move it to its place.

        Args:
            manifest: What it says, without ``format``, ``requires`` and ``name``.

        Raises:
            PackError: What does not verify, or ``name_taken``; nothing has changed then.
        """
        known = {"format": FORMAT, "requires": REQUIRES, "name": self._name}
        text = json.dumps({**known, **manifest}, indent=2, ensure_ascii=False) + "\n"
        parse_manifest(text.encode())
        (self._folder / MANIFEST).write_text(text, encoding="utf-8")
        Pack.load(self._folder)
        self._check_place()
        self._folder.chmod(0o755)
        _sync(self._folder)
        old = self._folder.with_name(self._folder.name.replace(".new-", ".old-"))
        if self._place.exists():
            self._place.rename(old)
        self._folder.rename(self._place)
        shutil.rmtree(old, ignore_errors=True)
        return Pack.load(self._place)

    def _facts(self, file: str) -> Facts:
        path = self._folder / file
        return {"file": file, "bytes": path.stat().st_size, "sha256": file_hash(path)}

    def _check_place(self) -> None:
        built_in = self._place.parent.resolve() == BUILT_IN.resolve()  # this project's own packs are made here too
        if not built_in and (BUILT_IN / self._name).exists():
            code, message = "name_taken", f"expected a name of no built-in pack, got {self._name!r}"
            raise PackError(code, message)
        if self._place.exists() and not self._replace:
            code, message = "name_taken", f"expected a new name, or leave to replace the pack {self._name!r}"
            raise PackError(code, message)


def _sync(folder: Path) -> None:
    """Bring the files to the disk before the folder gets its name, so that a power cut leaves no half pack."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
