"""A pack that has verified."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from models.guidance.bank import Phrase
from models.packs.arrays import read_arrays
from models.packs.errors import PackError
from models.packs.files import path_inside, read_manifest
from models.packs.manifest import AnyManifest, EncoderManifest, File, HeadManifest, OneManifest, parse_manifest
from models.packs.verify import phrases_of, verify


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that has verified.

    Attributes:
        path: Its folder.
        manifest: What it says of itself.
        hash: sha256 of the manifest, which holds the hashes of all files.
    """

    path: Path
    manifest: AnyManifest
    hash: str

    @property
    def name(self) -> str:
        """By which streams name it."""
        return self.manifest.name

    @property
    def kind(self) -> Literal["head", "detector", "encoder", "pose", "appearance"]:
        """What it is a pack of."""
        return self.manifest.kind

    def manifest_of(self, kind: type[OneManifest]) -> OneManifest:
        """The manifest, if the pack is of this kind.

        Args:
            kind: The type of its manifest.

        Raises:
            PackError: ``pack_kind``.
        """
        if not isinstance(self.manifest, kind):
            (expected,) = get_args(kind.model_fields["kind"].annotation)
            code, message = "pack_kind", f"expected a pack of kind {expected}, got {self.name!r} of kind {self.kind}"
            raise PackError(code, message)
        return self.manifest

    @classmethod
    def load(cls, folder: Path) -> Pack:
        """Read and verify a pack.

        Args:
            folder: Its own.

        Raises:
            PackError: What is wrong, the first thing found.
        """
        text = read_manifest(folder)
        manifest = parse_manifest(text)
        verify(folder, manifest)
        return cls(folder, manifest, hashlib.sha256(text).hexdigest())

    def file(self, file: File) -> Path:
        """Where one of its files lies."""
        return path_inside(self.path, file.file)

    def arrays(self, role: str) -> dict[str, NDArray[np.generic]]:
        """The arrays of one role, read into memory.

        Args:
            role: As the head's manifest names it; the one role of an encoder is ``bank``.

        Raises:
            KeyError: If the pack has no arrays of this role.
            PackError: ``bad_arrays``, if what is packed in them is damaged.
        """
        manifest = self.manifest
        roles = manifest.arrays if isinstance(manifest, HeadManifest) else {}
        if isinstance(manifest, EncoderManifest):
            roles = {"bank": manifest.bank}
        return read_arrays(self.file(roles[role]))

    def phrases(self) -> tuple[Phrase, ...]:
        """The phrases of an encoder's bank, in the order of its features.

        Raises:
            PackError: ``pack_kind``, if it is no encoder.
        """
        return phrases_of(self.path, self.manifest_of(EncoderManifest).phrases)
