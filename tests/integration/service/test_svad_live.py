"""The built-in encoder and the svad head in the running service and in the commands, with the packs as they ship."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from models.packs import PackLibrary
from service.cli.app import assemble
from service.settings import Settings
from support.serving import Service, assert_problem, wait_until
from support.video import write_video


@pytest.mark.parametrize("packs", [["svad"], ["attributes", "svad"]])
def test_it_learns_and_scores_live(tmp_path: Path, packs: list[str]) -> None:
    with Service(tmp_path) as service:
        write_video(service.media / "normal.mp4", frames=300)
        stream = service.add_stream(packs=packs, fps=10, enrolment={"sources": ["normal.mp4"]})
        wait_until(lambda: service.http.get(f"/streams/{stream}/enrolment").json()["state"] == "ready", "a profile")
        summary = {each["pack"]: each["summary"] for each in enrolled(service, stream)}
        assert summary.keys() == set(packs)
        assert "of what was seen" in summary["svad"]["mode_1"]

        def explained() -> list[dict[str, Any]]:
            scored = messages(service, stream)
            return [each for message in scored for each in message["objects"] if each["nearest"] is not None]

        wait_until(explained, "an object with a clip")
        actions = PackLibrary([]).get("words").phrases()
        assert {action["text"] for action in explained()[-1]["actions"]} <= {phrase.text for phrase in actions}
        newest = messages(service, stream)[-1]
        assert newest["heads"].keys() == set(packs)
        assert 0 <= newest["score"] <= 1
        assert newest["score"] == newest["raw_score"]
        assert newest["guided"] is False


def enrolled(service: Service, stream: str) -> list[dict[str, Any]]:
    return service.http.get(f"/streams/{stream}/enrolment").json()["profiles"]


def messages(service: Service, stream: str) -> list[dict[str, Any]]:
    found = service.http.get(f"/streams/{stream}/scores").json()
    return [each for each in found if each["score"] is not None]


def test_a_stream_names_its_encoder_or_goes_without(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        plain = service.http.get(f"/streams/{service.add_stream(encoder='none')}").json()
        assert plain["encoder"] == "none"
        body = {"name": "Yard", "url": "file:yard.mp4", "packs": ["svad"], "encoder": "none"}
        created = service.http.post("/streams", params={"probe": False}, json=body)
        assert created.status_code == 201, created.text  # the head brings its own
        unknown = service.http.post("/streams", params={"probe": False}, json={**body, "encoder": "clip"})
        assert_problem(unknown, 422, "unknown_pack")


def test_the_commands_take_it_too(tmp_path: Path) -> None:
    video, profile = write_video(tmp_path / "normal.mp4", frames=300), tmp_path / "gate.npz"
    runner = CliRunner()
    learned = runner.invoke(assemble(), ["enrol", str(video), "--pack", "svad", "--out", str(profile)])
    assert learned.exit_code == 0, learned.output
    watched = runner.invoke(assemble(), ["watch", str(video), "--pack", "svad", "--profile", str(profile)])
    assert watched.exit_code == 0, watched.output
    assert "frames scored" in watched.output
    other = runner.invoke(assemble(), ["watch", str(video), "--profile", str(profile)])
    assert other.exit_code != 0
    assert "Enrol again." in " ".join(other.output.split())


def test_the_default_encoder_is_the_one_that_ships() -> None:
    default = Settings.model_fields["encoder"].default
    assert PackLibrary([]).get(default).kind == "encoder"
    assert json.loads((PackLibrary([]).get("svad").path / "manifest.json").read_text())["encoder"] == default
