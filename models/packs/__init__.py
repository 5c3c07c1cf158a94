"""Packs: what is exported for the service to run; their manifests, checks and library."""

from models.packs.pack import (
    BUILT_IN,
    FORMAT,
    MANIFEST,
    REQUIRES,
    DetectorManifest,
    EncoderManifest,
    HeadManifest,
    Pack,
    PackEntry,
    PackError,
    PackLibrary,
    Precision,
    array_headers,
    file_hash,
    parse_manifest,
)

__all__ = [
    "BUILT_IN",
    "FORMAT",
    "MANIFEST",
    "REQUIRES",
    "DetectorManifest",
    "EncoderManifest",
    "HeadManifest",
    "Pack",
    "PackEntry",
    "PackError",
    "PackLibrary",
    "Precision",
    "array_headers",
    "file_hash",
    "parse_manifest",
]
