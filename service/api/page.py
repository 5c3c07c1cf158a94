"""The page at ``/``: the files of ``service/web``, as they are."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parents[1] / "web"


def serve_page(app: FastAPI, folder: Path = FOLDER) -> None:
    """Add a route for each file of the folder, and ``/`` for its ``index.html``.

    Routes and not a mount at ``/``, which would take the place of the API's own answers to unknown paths and methods.
    The files keep their names from one version to the next, so browsers ask each time whether theirs is still the
    newest.
    """
    files = StaticFiles(directory=folder)

    async def get_file(request: Request) -> Response:
        name = request.url.path.removeprefix(request.scope.get("root_path", "")).lstrip("/") or "index.html"
        response = await files.get_response(name, request.scope)
        response.headers["Cache-Control"] = "no-cache"
        return response

    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in ("", *names):
        app.add_route(f"/{path}", get_file, methods=["GET", "HEAD"], include_in_schema=False)
