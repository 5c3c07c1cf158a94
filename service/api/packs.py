"""``/packs``: scoring methods and detectors that streams can name."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from models.packs import BUILT_IN, DetectorManifest, HeadManifest, PackEntry
from service.api.context import App
from service.api.problems import responses
from service.errors import INVALID_INPUT, PACK_NOT_FOUND, NotFound

TAG = "packs"
router = APIRouter(tags=[TAG])

PackName = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="The pack's name.", examples=["attributes"])
]


class PackOut(BaseModel):
    """A pack of the library. One that cannot be used says why, and nothing else of itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "attributes",
                    "usable": True,
                    "error": None,
                    "built_in": True,
                    "kind": "head",
                    "version": "1",
                    "description": "Body velocity, size and appearance against what is usual at that place.",
                    "licence": "Apache-2.0",
                    "provenance": "No weights.",
                    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "view": "object",
                    "classes": None,
                }
            ]
        }
    )

    name: str
    usable: bool = Field(description="Whether it verifies: every file there, with the hash the manifest gives.")
    error: str | None = Field(None, description="Why it cannot be used.")
    built_in: bool = Field(description="Whether it comes with the service.")
    kind: Literal["head", "detector", "encoder", "pose", "appearance"] | None = Field(
        None,
        description="A head is for a stream's `packs`, the others for its field of that name. An encoder can also be "
        "its `appearance`.",
    )
    version: str | None = None
    description: str | None = None
    licence: str | None = None
    provenance: str | None = Field(None, description="Where its weights come from.")
    hash: str | None = Field(None, description="sha256 of its manifest, which holds the hashes of all its files.")
    view: Literal["object", "frame"] | None = Field(None, description="Of a head: what it looks at.")
    classes: list[str] | None = Field(None, description="Of a detector: the names of what it finds.")


@router.get("/packs", summary="List packs", response_description="The packs.", responses=responses())
def list_packs(application: App) -> list[PackOut]:
    """Every pack, built-in or under `WATCHWORD_PACKS_DIR`, the broken ones with what is wrong with them."""
    return [_out(entry) for entry in application.library.list()]


@router.get(
    "/packs/{name}",
    summary="Get a pack",
    response_description="The pack.",
    responses=responses(PACK_NOT_FOUND, INVALID_INPUT),
)
def get_pack(name: PackName, application: App) -> PackOut:
    """One pack, whole or with what is wrong with it."""
    entries = {entry.name: entry for entry in application.library.list()}
    if name not in entries:
        msg = f"There is no pack {name!r}. There are {', '.join(entries)}."
        raise NotFound(PACK_NOT_FOUND, msg)
    return _out(entries[name])


def _out(entry: PackEntry) -> PackOut:
    built_in = entry.path.parent == BUILT_IN
    if entry.pack is None:
        return PackOut(name=entry.name, usable=False, error=str(entry.error), built_in=built_in)
    manifest = entry.pack.manifest
    return PackOut(
        name=entry.name,
        usable=True,
        built_in=built_in,
        kind=manifest.kind,
        version=manifest.version,
        description=manifest.description,
        licence=manifest.licence,
        provenance=manifest.provenance,
        hash=entry.pack.hash,
        view=manifest.view if isinstance(manifest, HeadManifest) else None,
        classes=list(manifest.classes) if isinstance(manifest, DetectorManifest) else None,
    )
