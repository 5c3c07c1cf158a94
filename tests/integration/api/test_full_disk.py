"""What the disk refuses is answered with a reason, what was learned is kept, and all of it ends by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.serving import VIDEO, Service, assert_problem, unchanged, wait_until
from support.storage import full_disk

ROOM = 2_000
"""Bytes: less than SQLite's smallest write."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path) as service:
        wait_until(lambda: service.http.get("/readyz").is_success, "the service to be ready")
        yield service


def test_a_full_disk_is_answered_with_507_and_ends_by_itself(service: Service, tmp_path: Path) -> None:
    stream = service.add_stream("Gate")
    body = {"name": "Yard", "url": f"file:{VIDEO}?loop=true"}
    rule = {"text": "a dog", "verdict": "normal"}
    with full_disk(tmp_path, ROOM), unchanged(service):
        for method, path, said in (
            ("POST", "/streams", body),
            ("PATCH", f"/streams/{stream}", {"name": "Gate 2"}),
            ("DELETE", f"/streams/{stream}", None),
            ("POST", f"/streams/{stream}/guidance", rule),
            ("POST", f"/streams/{stream}/enrolment", {"seconds": 60}),
        ):
            problem = assert_problem(service.http.request(method, path, json=said), 507, "storage_full")
            assert problem["detail"].startswith("Nothing was changed. The disk of the data folder is full. Make room")
        assert service.http.get(f"/streams/{stream}/guidance").json() == []
        not_ready = assert_problem(service.http.get("/readyz"), 503, "not_ready")
        assert not_ready["detail"].startswith("Nothing can be stored now. The disk of the data folder is full.")
    assert service.http.get("/readyz").json()["detail"] == "ready"
    assert service.http.post("/streams", json=body, params={"probe": False}).status_code == 201


def test_an_enrolment_that_ends_on_a_full_disk_is_in_force_and_is_written_later(
    service: Service, tmp_path: Path
) -> None:
    stream = service.add_stream("Gate", enrolment={"seconds": 6})

    def enrolment() -> dict[str, object]:
        answer: dict[str, object] = service.http.get(f"/streams/{stream}/enrolment").json()
        return answer

    file = tmp_path / "data/profiles" / f"{stream}.npz"
    with full_disk(tmp_path, ROOM):
        wait_until(lambda: enrolment()["state"] not in {"collecting", "fitting"}, "the enrolment to end")
        said = enrolment()
        assert said["state"] == "ready"
        assert "is in force, but is not written yet. The disk of the data folder is full." in str(said["error"])
        assert [profile["pack"] for profile in said["profiles"]] == ["attributes"]  # type: ignore[attr-defined]
        assert not file.exists()
        wait_until(lambda: service.http.get(f"/streams/{stream}").json()["status"]["state"] == "live", "scores")
        assert "In memory until then: 1 profile." in service.http.get("/readyz").json()["detail"]
    wait_until(file.exists, "the profile to be written")
    wait_until(lambda: enrolment()["error"] is None, "it to be said")
    wait_until(lambda: service.http.get("/readyz").is_success, "the service to be ready")
