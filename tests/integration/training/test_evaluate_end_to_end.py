"""``watchword evaluate`` from the command line, with the service's real pipeline, on footage made for the purpose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from support.street import write_street
from training.cli.evaluate import evaluate

PED2 = Path(__file__).parents[4] / "shared" / "data" / "ped2"

app = typer.Typer()
app.command()(evaluate)


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    root = tmp_path_factory.mktemp("street")
    train, test = {}, {}
    for name in ("1", "2", "3"):
        write_street(root / f"train_{name}.mp4", 140, seed=int(name))  # four seconds of each are its start
        train[name] = {"file": f"train_{name}.mp4"}
    labels = write_street(root / "test.mp4", 90, seed=9, running=range(40, 70))
    test["4"] = {"file": "test.mp4", "labels": labels}
    document = {"dataset": "street", "train": train, "test": test}
    (root / "labels.json").write_text(json.dumps(document))
    return root


def run(*arguments: object):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def test_figures_scores_and_plots(street, tmp_path):
    result = run(street, "--out", tmp_path / "out")
    figures = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert figures["frames"] == 90
    assert figures["frames_per_second"] > 0
    # a runner among walkers is what the head is for
    assert figures["causal"]["micro_auc"] > 0.95
    assert set(figures["causal"]) == set(figures["offline"]) == {"micro_auc", "macro_auc", "auprc", "max_f1", "eer"}
    assert {
        "rbdc", "tbdc", "detection_delay_s", "false_alarms_per_hour", "per_clip", "threshold", "commit", "dirty",
        "packs", "detector", "machine", "seed", "command", "date",
    } <= set(figures)  # fmt: skip
    assert figures["detector"] == "motion"
    assert set(figures["machine"]) == {"cpu", "cores", "python", "onnxruntime", "opencv"}
    assert len(figures["packs"]["attributes"]) == 64
    assert (figures["rbdc"], figures["tbdc"]) == (None, None)  # no boxes in this data set
    assert (tmp_path / "out" / "plots" / "roc.png").exists()
    assert len((tmp_path / "out" / "scores" / "4.csv").read_text().splitlines()) == 91
    assert "micro AUC" in result.output
    assert figures["event_detection"]["noticed"] == figures["event_detection"]["events"] == 1
    assert figures["false_alerts"]["normal_frames"]["promised_per_day"] == 1.0
    output = " ".join(result.output.split())
    assert "1 of 1 (3% to 100%)" in output
    assert "no such footage" in output  # no clip without the runner
    assert "latency-aware AP" in output


def test_the_same_twice_is_the_same(street, tmp_path):
    for name in ("first", "second"):
        run(street, "--no-plots", "--out", tmp_path / name)
    first, second = ((tmp_path / name / "scores" / "4.csv").read_bytes() for name in ("first", "second"))
    assert first == second
    assert not (tmp_path / "first" / "plots").exists()


def test_a_stopped_evaluation_is_resumed(street, tmp_path):
    """Of its clips one is there already, as a stopped one leaves it; the figures are those of an unbroken one."""
    out = tmp_path / "out"
    run(street, "--no-plots", "--out", out)
    before = json.loads((out / "metrics.json").read_text())
    (out / "metrics.json").unlink()
    csv = (out / "scores" / "4.csv").stat().st_mtime_ns
    result = run(street, "--no-plots", "--out", out, "--resume")
    after = json.loads((out / "metrics.json").read_text())
    assert "scoring" not in result.output
    assert (out / "scores" / "4.csv").stat().st_mtime_ns == csv
    for name in ("causal", "offline", "events", "event_detection", "false_alerts", "frames_per_second"):
        assert after[name] == before[name]
    assert (after["complete"], after["event_detection"]["noticed"]) == (True, 1)
    other = CliRunner().invoke(app, [str(street), "--fps", "5", "--out", str(out), "--resume"])
    assert other.exit_code == 2
    assert "with fps None, to be resumed; got fps 5.0" in " ".join(other.output.split())


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.timeout(480)
@pytest.mark.skipif(not PED2.is_dir(), reason="needs ../shared/data/ped2")
def test_ped2_without_weights(tmp_path):
    """What the README says of Ped2 with no weights at all stays true."""
    run(PED2, "--detector", "motion", "--no-plots", "--out", tmp_path)
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["frames"] == 1020
    assert figures["causal"]["micro_auc"] >= 0.97
    assert figures["offline"]["micro_auc"] >= figures["causal"]["micro_auc"]
    assert 0 < figures["rbdc"] <= figures["tbdc"] <= 1
