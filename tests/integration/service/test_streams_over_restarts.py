"""What becomes of streams, profiles and enrolments when the service stops and starts again."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from service.settings import Settings
from support.service import running
from support.video import write_video

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    media = tmp_path / "media"
    media.mkdir()
    for name in ("a.mp4", "b.mp4"):
        write_video(media / name, frames=150, rate=10)
    return Settings(port=0, data_dir=tmp_path / "data", media_dir=media)


def body(**fields: object) -> dict[str, object]:
    return {"name": "Yard", "url": "file:a.mp4?loop=true", **fields}


def profile_of(settings: Settings, stream_id: str) -> Path:
    return settings.data_dir / "profiles" / f"{stream_id}.npz"


def test_a_profile_is_in_force_again_and_can_be_taken_over(settings: Settings) -> None:
    with running(settings) as client:
        first = client.post("/streams", json=body(enrolment={"sources": ["b.mp4"]})).json()["id"]
        learned = client.enrolled(first)
        taken = client.post("/streams", json=body(enrolment={"stream": first}))
        assert taken.status_code == 201, taken.text
        second = taken.json()["id"]
        assert client.get(f"/streams/{second}/enrolment").json()["profiles"][0]["origin"] == f"stream {first}"
        # A rebuilt stream must not begin to learn anew, nor look for the stream that it learned from.
        assert client.patch(f"/streams/{second}", json={"fps": 5}).status_code == 200
        assert client.get(f"/streams/{second}/enrolment").json()["state"] == "ready"
        assert client.delete(f"/streams/{first}").status_code == 204
    with running(settings) as client:
        (stream,) = client.get("/streams").json()
        assert stream["id"] == second
        client.state(second, "live")
        again = client.get(f"/streams/{second}/enrolment").json()
        assert again["state"] == "ready"
        assert again["profiles"][0]["frames"] == learned["profiles"][0]["frames"]


def test_an_enrolment_is_extended(settings: Settings) -> None:
    with running(settings) as client:
        stream_id = client.post("/streams", json=body(enrolment={"sources": ["a.mp4"]})).json()["id"]
        before = client.enrolled(stream_id)["profiles"][0]["frames"]
        answer = client.post(f"/streams/{stream_id}/enrolment", json={"sources": ["b.mp4"], "extend": True})
        assert answer.status_code == 202, answer.text
        client.enrolled(stream_id)
        after = client.get(f"/streams/{stream_id}/enrolment").json()["profiles"][0]["frames"]
        assert after == 2 * before


def test_an_enrolment_whose_file_is_gone_does_not_cost_the_camera(settings: Settings) -> None:
    with running(settings) as client:
        created = client.post("/streams", json=body(enabled=False, enrolment={"sources": ["b.mp4"] * 50}))
        stream_id = created.json()["id"]
    (settings.media_dir / "b.mp4").unlink()
    with running(settings) as client:
        enrolment = client.get(f"/streams/{stream_id}/enrolment").json()
        assert enrolment["state"] == "failed"
        assert "There is no file" in enrolment["error"]
        assert client.patch(f"/streams/{stream_id}", json={"enabled": True}).status_code == 200
        client.state(stream_id, "live")
        assert client.delete(f"/streams/{stream_id}/enrolment").status_code == 204
        assert client.get(f"/streams/{stream_id}/enrolment").json()["state"] == "none"


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


def not_a_number(path: Path) -> None:
    with np.load(path) as file:
        arrays = dict(file)
    arrays["fused/scores"] = arrays["fused/scores"] * np.nan
    np.savez(path, **arrays)


def of_the_future(path: Path) -> None:
    with np.load(path) as file:
        arrays = dict(file)
    header = json.loads(arrays["header"].tobytes()) | {"format": 9}
    np.savez(path, **(arrays | {"header": np.frombuffer(json.dumps(header).encode(), np.uint8)}))


@pytest.mark.parametrize(
    ("damage", "says"), [(torn, "readable profile"), (not_a_number, "finite"), (of_the_future, "got 9")]
)
def test_a_damaged_profile_is_said_and_the_camera_goes_on(settings: Settings, damage, says: str) -> None:
    with running(settings) as client:
        stream_id = client.post("/streams", json=body(enrolment={"sources": ["b.mp4"]})).json()["id"]
        client.enrolled(stream_id)
    damage(profile_of(settings, stream_id))
    with running(settings) as client:
        status = client.state(stream_id, "live")
        assert not status["enrolled"]
        assert says in status["detail"]
        newest = client.get(f"/streams/{stream_id}/scores", params={"limit": 1}).json()[0]
        assert newest["score"] is None
        assert client.delete(f"/streams/{stream_id}/enrolment").status_code == 204


def test_a_new_stream_has_nothing_to_extend(settings: Settings) -> None:
    with running(settings) as client:
        refused = client.post("/streams", json=body(enrolment={"seconds": 30, "extend": True}))
        assert (refused.status_code, refused.json()["code"]) == (422, "nothing_to_extend")
        assert client.get("/streams").json() == []


def test_the_limit_of_streams_holds(settings: Settings) -> None:
    with running(settings.model_copy(update={"max_streams": 2})) as client:
        answers = [client.post("/streams", json=body(enabled=False)) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 503]
        assert answers[2].json()["code"] == "too_many_streams"
        assert int(answers[2].headers["retry-after"]) > 0
        assert len(client.get("/streams").json()) == 2


def test_a_url_among_the_files_to_learn_from_is_not_repeated(settings: Settings) -> None:
    with running(settings) as client:
        stream_id = client.post("/streams", json=body()).json()["id"]
        refused = client.post(f"/streams/{stream_id}/enrolment", json={"sources": ["rtsp://admin:hunter2@cam/1"]})
        assert (refused.status_code, refused.json()["code"]) == (422, "source_path")
        assert "hunter2" not in refused.text


def test_what_an_older_version_showed_of_a_secret_is_hidden_at_the_next_start(settings: Settings) -> None:
    """Versions before knew fewer names of secrets: what they stored to be shown holds such a one."""
    whole = "http://127.0.0.1:9/video?pin=hunter2&channel=1"
    with running(settings) as client:
        created = client.post("/streams?probe=false", json=body(url="http://127.0.0.1:9/video?channel=1"))
        stream_id = created.json()["id"]
    database = settings.data_dir / "watchword.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        (spec,) = connection.execute("SELECT spec FROM streams").fetchone()
        older = json.dumps({**json.loads(spec), "url": whole})
        connection.execute("UPDATE streams SET spec = ?", (older,))
    with running(settings) as client:
        client.state(stream_id, "offline")
        shown = client.get(f"/streams/{stream_id}").json()
        assert shown["url"] == "http://127.0.0.1:9/video?pin=***&channel=1"
        assert shown["has_credentials"]
        masked = client.patch(f"/streams/{stream_id}", json={"url": shown["url"]})
        assert masked.status_code == 422
        assert masked.json()["code"] == "source_masked"
    with closing(sqlite3.connect(database)) as connection:
        (spec,) = connection.execute("SELECT spec FROM streams").fetchone()
        (secret,) = connection.execute("SELECT url FROM secrets").fetchone()
    assert "hunter2" not in spec
    assert secret == whole
