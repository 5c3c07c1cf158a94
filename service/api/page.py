"""The page at ``/``: the files of ``service/web``, as they are."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import Response

FOLDER = Path(__file__).parents[1] / "web"


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was read last."""

    stamp: tuple[int, int]
    content: bytes
    etag: str


def serve_page(app: FastAPI, folder: Path = FOLDER) -> None:
    """Add a route for each file of the folder, and ``/`` for its ``index.html``.

    Routes and not a mount at ``/``, which would take the place of the API's own answers to unknown paths and methods.
    The files keep their names from one version to the next, so browsers ask each time whether theirs is still the
    newest. With the page itself they are told of all its modules: otherwise they would learn of each from the one that
    imports it, over four turns.
    """
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    modules = ", ".join(f"<{name}>; rel=modulepreload" for name in names if name.endswith(".js"))
    known: dict[str, _File] = {}

    async def get_file(request: Request) -> Response:
        name = request.url.path.removeprefix(request.scope.get("root_path", "")).lstrip("/") or "index.html"
        file = known[name] = _current(folder / name, known.get(name))
        headers = {"Cache-Control": "no-cache", "ETag": file.etag}
        if name == "index.html":
            headers["Link"] = modules
        if file.etag in request.headers.get("If-None-Match", ""):
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers=headers, media_type=mimetypes.guess_type(name)[0])

    for path in ("", *names):
        app.add_route(f"/{path}", get_file, methods=["GET", "HEAD"], include_in_schema=False)


def _current(path: Path, known: _File | None) -> _File:
    """The file as it is now: read again if it was changed since, so that who works on the page need only reload."""
    found = path.stat()
    stamp = (found.st_mtime_ns, found.st_size)
    if known is not None and known.stamp == stamp:
        return known
    content = path.read_bytes()
    return _File(stamp, content, f'"{hashlib.sha256(content).hexdigest()[:16]}"')
