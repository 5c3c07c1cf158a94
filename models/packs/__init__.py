"""Packs: what is exported for the service to run. A folder with ``manifest.json`` and the files that it names.

    manifest.json       format, name, kind, version, description, licence, provenance, and what the kind needs
    *.onnx              graphs
    *.npz               arrays, never pickled
    anything else       documents, such as the licence's text

A pack is verified before anything of it is used: every key known, every file there, of the size and sha256 that the
manifest says, inside the folder, no link; every array of the type and shape it says. What a pack holds beyond the
files of its manifest is never read. Graphs are looked at in their protobuf structure (``models/graph.py``), which
tells a picture from a network and one network's shapes from another's; whether they run, ``watchword packs verify``
says.
"""

from models.packs.arrays import array_headers
from models.packs.errors import PackError
from models.packs.files import file_hash
from models.packs.library import BUILT_IN, PackEntry, PackLibrary
from models.packs.manifest import (
    FORMAT,
    MANIFEST,
    REQUIRES,
    AppearanceManifest,
    DetectorManifest,
    EncoderManifest,
    HeadManifest,
    PoseManifest,
    Precision,
    parse_manifest,
)
from models.packs.pack import Pack

__all__ = [
    "BUILT_IN",
    "FORMAT",
    "MANIFEST",
    "REQUIRES",
    "AppearanceManifest",
    "DetectorManifest",
    "EncoderManifest",
    "HeadManifest",
    "Pack",
    "PackEntry",
    "PackError",
    "PackLibrary",
    "PoseManifest",
    "Precision",
    "array_headers",
    "file_hash",
    "parse_manifest",
]
