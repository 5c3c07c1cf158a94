"""``watchword study`` from the command line, with the service's real pipeline, on two streets made for the purpose."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.packs import PackLibrary
from service.settings import Settings
from support.street import write_street, write_virtual
from training.cli.study import study_app
from training.datasets import open_dataset
from training.studies.ablation import HeadVariant, write_variant
from training.studies.study import Setup
from training.text.paraphrases import Paraphrases


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("streets")
    return [
        write_virtual(root / "north", seed=1, running=range(80, 110)),
        write_virtual(root / "south", seed=50, running=range(70, 100)),
    ]


def study(name: str, sources: list[Path], out: Path, *options: str) -> tuple[dict, str]:
    arguments = [name, *map(str, sources), "--out", str(out), "--heads", "attributes", *options]
    result = CliRunner().invoke(study_app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads((out / "study.json").read_text()), (out / "study.md").read_text()


def test_svad_measures_every_data_set_and_every_kind(streets: list[Path], tmp_path: Path) -> None:
    figures, text = study("svad", streets, tmp_path)
    assert list(figures["datasets"]) == ["virtual north", "virtual south"]
    assert all(row["micro_auc"] > 0.95 for row in figures["datasets"].values())
    assert figures["kinds"]["runner"]["frames"] == 60
    assert figures["kinds"]["runner"]["auc"] > 0.95
    assert set(figures["packs"]) == {"attributes"}
    assert {"commit", "machine", "command"} <= set(figures)
    assert "| runner | 0.9" in text or "| runner | 1.0" in text


def test_cross_scene_scores_each_place_under_the_profile_of_each(streets: list[Path], tmp_path: Path) -> None:
    figures, text = study("cross-scene", streets, tmp_path)
    matrix = figures["micro_auc"]
    assert {home: list(row) for home, row in matrix.items()} == {
        "virtual north": ["virtual north", "virtual south"],
        "virtual south": ["virtual north", "virtual south"],
    }
    away = (matrix["virtual north"]["virtual south"], matrix["virtual south"]["virtual north"])
    assert min(away) == figures["away_least"]
    assert min(away) > 0.8  # people walk as fast in both
    assert away != (matrix["virtual south"]["virtual south"], matrix["virtual north"]["virtual north"])
    assert "| enrolled in virtual north |" in text


def test_redefinition_tries_every_wording_under_both_methods(streets: list[Path], tmp_path: Path) -> None:
    figures, text = study("redefinition", streets[:1], tmp_path)
    wording = Paraphrases.load()
    assert list(figures["methods"]) == ["contrastive", "equation10"]
    for result in figures["methods"].values():
        # nobody does anything else in that street
        assert list(result["normal"]) == ["run"]
        running = result["normal"]["run"]
        assert set(running["paraphrases"]) == set(wording.actions["run"].paraphrases)
        assert running["alerted"] > 10
        assert 0 <= running["quiet"] <= running["alerted"]
        assert set(result["unrelated"]) == set(wording.unrelated)
    still = figures["methods"]["contrastive"]["unrelated"].values()
    assert max(max(row["frames"], row["objects"]) for row in still) <= 0.02
    assert (tmp_path / "plots" / "run.png").stat().st_size > 1000
    assert "## equation10" in text


def mine(tmp_path: Path, action: str) -> Path:
    """Somebody else's list: one rule and one other way of saying it."""
    path = tmp_path / "mine.json"
    actions = {action: {"rule": "people who run", "paraphrases": ["joggers"]}}
    path.write_text(json.dumps({"format": 1, "actions": actions, "unrelated": ["the sky is blue"]}))
    return path


def test_redefinition_tries_somebody_elses_list(streets: list[Path], tmp_path: Path) -> None:
    figures, _ = study("redefinition", streets[:1], tmp_path, "--paraphrases", str(mine(tmp_path, "run")))
    result = figures["methods"]["contrastive"]
    assert list(result["normal"]) == ["run"]
    assert list(result["normal"]["run"]["paraphrases"]) == ["joggers"]
    assert list(result["unrelated"]) == ["the sky is blue"]


@pytest.mark.parametrize(
    ("name", "action", "expected"),
    [
        ("redefinition", "hurry", "expected paraphrases of the actions walk, run, crawl"),
        ("redefinition", None, "expected paraphrases in"),
        ("footage", None, "expected paraphrases in"),
    ],
)
def test_a_list_that_cannot_be_tried_is_refused_before_anything_is_scored(
    tmp_path: Path, streets: list[Path], name: str, action: str | None, expected: str
) -> None:
    path = tmp_path / "none.json" if action is None else mine(tmp_path, action)
    arguments = [name, str(streets[0]), "--out", str(tmp_path / "out"), "--paraphrases", str(path)]
    result = CliRunner().invoke(study_app, arguments)
    assert result.exit_code == 2
    assert expected in " ".join(result.output.split())
    assert "scoring" not in result.output
    assert "recording" not in result.output


def test_footage_tries_somebody_elses_list(streets: list[Path], tmp_path: Path) -> None:
    video = streets[0] / "train" / "001.mp4"
    options = ("--learn", "10", "--paraphrases", str(mine(tmp_path, "hurry")), "--verdict", "anomaly")
    figures, text = study("footage", [video], tmp_path, *options)
    assert (figures["rules"], figures["verdict"]) == ({}, "anomaly")
    assert list(figures["wording"]["hurry"]["paraphrases"]) == ["joggers"]
    assert figures["wording"]["hurry"]["objects"]["motion"]["seen"] > 10
    assert figures["unrelated"]["the sky is blue"]["objects"] <= 0.02
    assert "| anomaly: people who run |" in text
    nothing = CliRunner().invoke(study_app, ["footage", str(video), "--learn", "10", "--out", str(tmp_path / "out")])
    assert (nothing.exit_code, "give one, or --paraphrases" in " ".join(nothing.output.split())) == (2, True)


def test_redefinition_needs_the_virtual_world(tmp_path: Path) -> None:
    write_street(tmp_path / "a.mp4", 10, seed=1)
    write_street(tmp_path / "b.mp4", 10, seed=2)
    (tmp_path / "labels.csv").write_text("file,split,first,last\na.mp4,train,,\nb.mp4,test,,\n")
    arguments = ["redefinition", str(tmp_path), "--out", str(tmp_path / "out"), "--heads", "attributes"]
    result = CliRunner().invoke(study_app, arguments)
    assert result.exit_code == 2
    assert "expected a data set of kind virtual" in " ".join(result.output.split())


def test_footage_of_which_nothing_is_known(streets: list[Path], tmp_path: Path) -> None:
    video = streets[0] / "train" / "001.mp4"
    rule = "normal: joggers are normal here"
    figures, _ = study("footage", [video], tmp_path, "--learn", "10", "--rule", rule)
    assert list(figures["rules"]) == [rule]
    assert figures["rules"][rule]["objects"]["motion"]["seen"] > 10
    assert figures["coverage"] is None
    assert (tmp_path / "plots" / "001.png").is_file()


def test_culprits_are_looked_at_in_the_pictures_that_the_service_would_have_stored(
    streets: list[Path], tmp_path: Path
) -> None:
    figures, text = study("culprits", streets, tmp_path, "--alerts-per-day", "50")
    counts = figures["datasets"]["virtual north"]
    assert counts["true"] >= 1
    assert counts["right"] == counts["true"]
    assert counts["seen"] > 0.5
    assert (tmp_path / "north.jpg").stat().st_size > 1000
    assert all(alert["message"].startswith("Moving ") for alert in figures["alerts"] if alert["verdict"] == "right")
    assert "| right |" in text


def test_an_ablation_gives_each_variant_what_it_has_alone(streets: list[Path], tmp_path: Path) -> None:
    variants: dict[str, dict[str, float]] = {"all": {}, "windows": {"object_weight": 0.0}}
    options = [part for name, one in variants.items() for part in ("--variant", f"{name}={json.dumps(one)}")]
    result = CliRunner().invoke(
        study_app, ["ablation", str(streets[0]), "--out", str(tmp_path / "out"), *options], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "out" / "study.json").read_text())["variants"]
    assert list(rows) == list(variants)
    dataset = open_dataset(streets[0])
    setup = Setup(Settings(), "motion", ("attributes",), None, 1.0, 0)
    for name, parameters in variants.items():
        write_variant(PackLibrary().get("attributes"), HeadVariant(name, parameters=parameters), tmp_path / name)
        own = replace(setup, heads=(name,), packs=tmp_path)
        with own.pipeline(own.rate([dataset])) as pipeline:
            alone = own.evaluate(dataset, pipeline, None).metrics()
        row = rows[name]
        assert row["micro_auc"] == pytest.approx(alone["causal"]["micro_auc"], abs=1e-9)
        assert row["threshold"] == pytest.approx(alone["threshold"], abs=1e-9)
        assert row["latency_aware_ap"] == pytest.approx(alone["event_detection"]["latency_aware_ap"], abs=1e-9)
        for key in ("events", "noticed", "noticed_in_time"):
            assert row[key] == alone["event_detection"][key]
        assert row["ms_per_frame"] > 0
    assert rows["all"]["threshold"] != rows["windows"]["threshold"]
    assert "| windows | - |" in (tmp_path / "out" / "study.md").read_text()


def test_names_are_held_against_the_truth(streets: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["names", str(streets[0]), "--out", str(out), "--usual", "walk,stand", "--anomalous", "run"]
    result = CliRunner().invoke(study_app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    figures = json.loads((out / "study.json").read_text())
    rows = figures["datasets"]["virtual north"]
    shares = [row["named"] for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert figures["good"] == [row["bar"] for row in rows if good(row)]
    refused = CliRunner().invoke(study_app, [*arguments, "--encoder", "none"])
    assert (refused.exit_code, "expected an encoder" in " ".join(refused.output.split())) == (2, True)


def good(row: dict) -> bool:
    return min(row["usual_right"] or 0.0, row["anomalous_right"] or 0.0) >= 0.9
