"""What becomes of errors that were raised on purpose."""

from __future__ import annotations

import pytest

from models.packs import PackError
from service.errors import (
    MACHINE_FULL,
    NO_PICTURE,
    SOURCE_SCHEME,
    STREAM_NOT_FOUND,
    Conflict,
    InvalidSource,
    NotFound,
    Overloaded,
    WatchwordError,
)
from support.failing import answer


@pytest.mark.parametrize(
    ("error", "status", "code", "title"),
    [
        (NotFound(STREAM_NOT_FOUND, "expected a, got b"), 404, "stream_not_found", "Not found"),
        (Conflict(NO_PICTURE, "expected a, got b"), 409, "no_picture", "Conflict"),
        (InvalidSource(SOURCE_SCHEME, "expected a, got b"), 422, "source_scheme", "Invalid source"),
        (Overloaded(MACHINE_FULL, "expected a, got b", 30, load=0.9), 503, "machine_full", "Overloaded"),
        (PackError("wrong_hash", "expected a, got b"), 422, "wrong_hash", "Invalid pack"),
        (PackError("of_a_foreign_head", "expected a, got b"), 422, "of_a_foreign_head", "Invalid pack"),
    ],
)
async def test_errors_on_purpose_keep_their_code(error: Exception, status: int, code: str, title: str) -> None:
    response = await answer(error)
    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"], problem["title"]) == (status, status, code, title)
    assert problem["detail"] == "expected a, got b"
    assert response.headers.get("retry-after") == ("30" if status == 503 else None)
    assert problem.get("context") == ({"load": 0.9} if isinstance(error, WatchwordError) and error.context else None)
