"""The evaluator over real footage whose brightness is the truth, with a pipeline that scores brightness.

So any frame that slips, is lost or counted twice shows as an AUC below 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest

from models.observation import Objects
from models.scoring.calibration import Calibration
from service.frames import PreparedFrame
from service.pipeline.scored import ScoredFrame, ScoredObjects
from service.profiles.profile import HeadProfile, Profile
from service.settings import Settings
from training.datasets import DatasetError, open_dataset
from training.evaluation.evaluate import evaluate
from training.evaluation.plots import curve_top, save_plots, score_curve
from training.evaluation.scored_clip import ScoredClip

FPS = 10
BOX = (0.25, 0.25, 0.25, 0.5)
FAR_BOX = (0.75, 0.0, 0.1, 0.1)


def write_footage(path: Path, labels: list[int], seed: int = 0) -> None:
    """A grey clip, bright where its label is 1, never twice the same brightness within a label."""
    noise = np.random.default_rng(seed).integers(0, 30, len(labels))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.bit_rate = 2_000_000
        for label, extra in zip(labels, noise, strict=True):
            picture = np.full((64, 96, 3), (160 if label else 60) + extra, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


LABELS = {"01": [0] * 30 + [1] * 20 + [0] * 10, "02": [1] * 15 + [0] * 25, "03": [0] * 35}


@pytest.fixture
def root(tmp_path):
    """Two scenes; boxes where anomalous."""
    train, test, boxes = {}, {}, {}
    for name, scene in (("01", "gate"), ("02", "yard")):
        write_footage(tmp_path / f"train_{name}.mp4", [0] * 40)
        train[name] = {"file": f"train_{name}.mp4", "scene": scene}
    for name, labels in LABELS.items():
        write_footage(tmp_path / f"test_{name}.mp4", labels)
        scene = "yard" if name == "02" else "gate"
        test[name] = {"file": f"test_{name}.mp4", "labels": labels, "scene": scene}
        boxes[name] = [[[24, 16, 24, 32]] if label else [] for label in labels]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    save(tmp_path, train, test)
    return tmp_path


def save(root: Path, train: dict, test: dict) -> None:
    document = {"dataset": "two gates", "size": [96, 64], "train": train, "test": test}
    (root / "labels.json").write_text(json.dumps(document))


def _clip(frame: PreparedFrame) -> str:
    """Name of the clip a frame is of, as the data set's document has it."""
    return Path(frame.stream_id).stem.removeprefix("train_").removeprefix("test_")


class Brightness:
    """Stands in for the service's pipeline: as surprising as it is bright."""

    windows = ()

    def __init__(self) -> None:
        self.enrolled: list[list[str]] = []
        self.scored_under: dict[str, str] = {}

    def enrol(self, recordings: Iterable[Iterable[PreparedFrame]], origin: str, on_frame) -> Profile:
        names, values, seconds = [], [], 0.0
        for recording in recordings:
            for frame in recording:
                values.append(float(frame.frame.image.mean()))
                seconds += 1 / FPS
                on_frame()
            names.append(_clip(frame))
        self.enrolled.append(names)
        numbers = np.zeros(len(values), int)
        calibration = Calibration.fit(np.array(values), numbers)
        fused = Calibration.fit(calibration.surprise(np.array(values)), numbers)
        heads = {"brightness": HeadProfile("brightness", "abc123", {}, calibration)}
        return Profile(heads, fused, "none", datetime.now(UTC), origin, len(values), seconds, None)

    def score(self, frames: Iterable[PreparedFrame], profile: Profile, threshold: float) -> Iterator[ScoredFrame]:
        for frame in frames:
            self.scored_under[_clip(frame)] = profile.origin
            raw = float(profile.heads["brightness"].calibration.surprise(float(frame.frame.image.mean())))
            surprise = float(profile.fused.surprise(raw))
            # an object that is as surprising as the frame, and one far off that never is
            boxes = np.array([BOX, FAR_BOX], np.float32)
            objects = Objects(boxes, np.ones(2, np.float32), np.zeros(2, np.int32), np.array([1, 2]), ("object",))
            scored = replace(ScoredObjects.unscored(objects, None), surprise=np.array([surprise, -1.0]))
            yield ScoredFrame(frame, scored, surprise=surprise, unguided=surprise, unsmoothed=raw, threshold=threshold)


def run(root: Path, pipeline: Brightness | None = None, **options):
    settings = Settings(_env_file=None)
    return evaluate(open_dataset(root), cast(Any, pipeline or Brightness()), settings, lambda _: 4.0, **options)


def test_every_frame_meets_its_label(root):
    evaluation = run(root)
    metrics = evaluation.metrics()
    assert metrics["frames"] == sum(map(len, LABELS.values()))
    assert metrics["causal"] == dict.fromkeys(("micro_auc", "macro_auc", "auprc", "max_f1"), 1.0) | {"eer": 0.0}
    assert metrics["offline"]["micro_auc"] > 0.99
    first = evaluation.clips[0]
    assert first.offline[29] > first.surprise[29]  # it sees the event of frame 30 coming, which causal scores cannot
    for clip in evaluation.clips:
        assert clip.index.tolist() == list(range(len(LABELS[clip.clip.name])))


def test_regions_events_and_alerts(root):
    metrics = run(root).metrics()
    # the second object has the lowest score of all, one a frame, so it costs nothing before all is found
    assert (metrics["rbdc"], metrics["tbdc"]) == (1.0, 1.0)
    assert metrics["regions"] == {"rbdc": 1.0, "tbdc": 1.0, "regions": 35, "tracks": 2, "frames": 135}
    events = metrics["events"]
    assert (events["events"], events["missed"], events["false_alarms"]) == (2, 0, 0)
    # the rules open an alert after 0.25 s, which at 10 frames a second is the third frame after the first
    assert events["delays_s"] == pytest.approx([0.3, 0.3])
    assert metrics["detection_delay_s"] == pytest.approx(0.3)
    assert metrics["false_alarms_per_hour"] == 0.0
    assert metrics["threshold"] == 4.0


def test_a_profile_for_each_scene(root):
    pipeline = Brightness()
    metrics = run(root, pipeline).metrics()
    assert pipeline.enrolled == [["01"], ["02"]]
    assert set(metrics["enrolment"]["scenes"]) == {"gate", "yard"}
    assert metrics["packs"] == {"brightness": "abc123"}
    assert {name: origin.rpartition(" ")[2] for name, origin in pipeline.scored_under.items()} == {
        "01": "gate",
        "02": "yard",
        "03": "gate",
    }


def test_a_scene_without_training_clips_learns_from_all(root):
    document = json.loads((root / "labels.json").read_text())
    document["test"]["03"]["scene"] = "roof"
    save(root, document["train"], document["test"])
    pipeline = Brightness()
    run(root, pipeline)
    assert pipeline.enrolled == [["01"], ["02"], ["01", "02"]]
    assert pipeline.scored_under["03"] == "2 clips of all scenes"


def test_a_given_profile_is_used_instead(root):
    pipeline = Brightness()
    profile = run(root, pipeline).profiles["yard"]
    pipeline.enrolled.clear()
    run(root, pipeline, profile=profile)
    assert pipeline.enrolled == []
    assert set(pipeline.scored_under.values()) == {profile.origin}


def test_fewer_frames_a_second_keep_their_labels(root):
    evaluation = run(root, fps=5.0)
    metrics = evaluation.metrics()
    assert metrics["causal"]["micro_auc"] == 1.0
    assert metrics["frames"] == pytest.approx(sum(map(len, LABELS.values())) / 2, abs=3)
    first = evaluation.clips[0]
    assert first.truth.labels.tolist() == [LABELS["01"][index] for index in first.index]
    ((start, end),) = first.truth.events
    assert (first.index[start], first.index[end]) == (30, 50)


def test_truth_that_does_not_fit_stops_before_enrolment(root):
    document = json.loads((root / "labels.json").read_text())
    document["test"]["03"]["labels"] = [0] * 34
    save(root, document["train"], document["test"])
    pipeline = Brightness()
    with pytest.raises(DatasetError, match="clip 03: expected 35 labels"):
        run(root, pipeline)
    assert pipeline.enrolled == []


def test_a_frame_that_is_not_scored_is_an_error(root):
    class Forgetful(Brightness):
        def score(self, frames, profile, threshold):
            yield from list(super().score(frames, profile, threshold))[1:]

    with pytest.raises(DatasetError, match=r"none of the 3 test clips .* the first, 01: .*decoded 60, scored 59"):
        run(root, Forgetful())


class Stumbling(Brightness):
    """Fails in the middle of one clip, as a head of another distribution might."""

    def __init__(self, stumbles_in: str) -> None:
        super().__init__()
        self._in = stumbles_in

    def score(self, frames, profile, threshold):
        for number, scored in enumerate(super().score(frames, profile, threshold)):
            if _clip(scored.source) == self._in and number == 20:
                raise RuntimeError("out of memory")
            yield scored


def test_a_clip_that_fails_costs_itself_alone(root):
    kept: list[str] = []
    evaluation = run(root, Stumbling("03"), on_clip=lambda clip: kept.append(clip.clip.name))
    assert kept == ["01", "02"]
    assert evaluation.failed == {"03": "RuntimeError: out of memory"}
    metrics = evaluation.metrics()
    assert metrics["failed"] == {"03": "RuntimeError: out of memory"}
    assert metrics["dataset"]["test_clips"] == 2
    assert set(metrics["per_clip"]) == {"01", "02"}
    assert metrics["causal"]["micro_auc"] == 1.0


def test_what_cannot_be_kept_of_a_clip_is_told_and_not_lost(root):
    def full(clip):
        if clip.clip.name == "02":
            raise OSError(28, "No space left on device")

    evaluation = run(root, on_clip=full)
    assert set(evaluation.failed) == {"02"}
    assert "No space left" in evaluation.failed["02"]


def test_figures_so_far_are_told_after_each_clip(root):
    told: list[dict] = []
    run(root, Stumbling("02"), so_far=lambda evaluation: told.append(evaluation.metrics()))
    assert [list(each["per_clip"]) for each in told] == [["01"], ["01", "03"]]
    assert [each["complete"] for each in told] == [False, False]
    assert [list(each["failed"]) for each in told] == [[], ["02"]]
    assert run(root).metrics()["complete"] is True


def test_figures_that_cannot_be_kept_cost_nothing(root):
    def full(_):
        raise OSError(28, "No space left on device")

    metrics = run(root, so_far=full).metrics()
    assert (metrics["failed"], metrics["dataset"]["test_clips"]) == ({}, 3)


def test_a_stopped_evaluation_goes_on_where_it_was(root, tmp_path):
    class Stopped(Brightness):
        def score(self, frames, profile, threshold):
            for scored in super().score(frames, profile, threshold):
                if _clip(scored.source) == "02":
                    raise KeyboardInterrupt
                yield scored

    with pytest.raises(KeyboardInterrupt):
        run(root, Stopped(), on_clip=lambda clip: clip.save(tmp_path / "kept"))

    def kept(clip, truth, _):
        return ScoredClip.load(tmp_path / "kept", clip, truth)

    pipeline, noted = Brightness(), []
    resumed = run(root, pipeline, kept=kept, on_clip=lambda clip: noted.append(clip.clip.name)).metrics()
    assert list(pipeline.scored_under) == noted == ["02", "03"]
    whole = run(root).metrics()
    timed = {"frames_per_second", "enrolment", "per_clip"}
    assert {name: resumed[name] for name in resumed if name not in timed} == {
        name: whole[name] for name in whole if name not in timed
    }
    assert list(resumed["per_clip"]) == ["01", "02", "03"]


def test_events_and_false_alerts_stand_beside_auc(root):
    metrics = run(root, promised_per_day=2.0).metrics()
    found = metrics["event_detection"]
    assert (found["events"], found["noticed"], found["noticed_in_time"]) == (2, 2, 2)
    assert (found["recall"], found["recall_high"]) == (1.0, 1.0)
    assert found["recall_low"] == pytest.approx(0.158, abs=1e-3)
    assert (found["alerts"], found["true_alerts"]) == (2, 2)
    assert found["tiou"]["0.2"] == {"matched": 2, "precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert found["latency_aware_ap"] == 1.0
    assert metrics["within_clips"]["causal"] == {"clips": 2, "mean_auc": 1.0, "pair_auc": 1.0}
    apart, pooled = metrics["false_alerts"]["normal_clips"], metrics["false_alerts"]["normal_frames"]
    assert apart["hours"] == pytest.approx(35 / FPS / 3600)
    assert pooled["hours"] == pytest.approx(100 / FPS / 3600)
    assert (apart["alerts"], apart["promised_per_day"], apart["holds"]) == (0, 2.0, False)
    assert apart["hours_needed"] == pytest.approx(71.9 / 2, abs=0.05)
    # two scenes of two clips and one
    assert {name: group["clips"] for name, group in metrics["groups"].items()} == {"gate": 2, "yard": 1}
    assert metrics["groups"]["yard"]["noticed"] == 1


class Covered(Brightness):
    """Says nothing of some frames: its camera is covered for longer than the whole-clip smoothing reaches."""

    def score(self, frames, profile, threshold):
        for scored in super().score(frames, profile, threshold):
            if _clip(scored.source) == "03" and scored.source.frame.index < 30:
                yield replace(scored, surprise=None, unguided=None, unsmoothed=None)
            else:
                yield scored


def test_frames_of_which_nothing_can_be_said_count_as_calm_and_are_counted(root):
    metrics = run(root, Covered()).metrics()
    assert metrics["unscored_frames"] == 30
    assert {name: clip["unscored_frames"] for name, clip in metrics["per_clip"].items()} == {"01": 0, "02": 0, "03": 30}
    assert metrics["causal"]["micro_auc"] == 1.0
    assert metrics["offline"]["micro_auc"] > 0.99


def test_a_clip_of_one_class_has_no_auc(root):
    per_clip = run(root).metrics()["per_clip"]
    assert (per_clip["03"]["causal_auc"], per_clip["03"]["offline_auc"]) == (None, None)
    assert per_clip["01"]["causal_auc"] == 1.0


def test_thresholds_are_on_both_scales(root):
    metrics = run(root).metrics()
    assert metrics["threshold_score"] == pytest.approx(4.0 / 6.0)
    assert metrics["per_clip"]["01"]["threshold_score"] == pytest.approx(4.0 / 6.0)


def test_progress_counts_every_frame(root):
    class Counted:
        def __init__(self):
            self.tasks = []

        def begin(self, task, frames):
            self.tasks.append([task, frames, 0])

        def advance(self):
            self.tasks[-1][2] += 1

    counted = Counted()
    run(root, progress=counted)
    assert [task[0] for task in counted.tasks][:2] == ["enrolment: gate", "enrolment: yard"]
    assert all(frames == done for _, frames, done in counted.tasks)


def test_scores_and_plots_are_written(root, tmp_path):
    evaluation = run(root)
    for clip in evaluation.clips:
        clip.save_scores(tmp_path / "scores")
    table = np.genfromtxt(tmp_path / "scores" / "01.csv", delimiter=",", names=True)
    assert table["label"].tolist() == LABELS["01"]
    np.testing.assert_allclose(table["causal"], evaluation.clips[0].surprise)
    np.testing.assert_allclose(table["score"], np.clip(table["causal"] / 6.0, 0.0, 1.0), atol=1e-8)
    assert table["alert"][33] == 1
    assert table["alert"][:33].sum() == 0
    paths = save_plots(evaluation, tmp_path / "plots")
    assert sorted(path.name for path in paths) == ["01.png", "02.png", "03.png", "roc.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_curves_of_all_clips_are_on_one_scale(root):
    clips = run(root).clips
    top = curve_top(clips)
    assert top > max(clip.surprise.max() for clip in clips)
    assert {score_curve(clip, top).axes[0].get_ylim() for clip in clips} == {(0.0, top)}


def test_a_clip_in_a_folder_has_its_results_in_a_folder(root, tmp_path):
    document = json.loads((root / "labels.json").read_text())
    document["test"] = {"gate/01": document["test"]["01"], "yard/01": document["test"]["02"]}
    save(root, document["train"], document["test"])
    (root / "boxes.json").unlink()
    evaluation = run(root)
    for clip in evaluation.clips:
        clip.save_scores(tmp_path / "scores")
    paths = save_plots(evaluation, tmp_path / "plots")
    assert sorted(path.relative_to(tmp_path / "scores") for path in (tmp_path / "scores").rglob("*.csv")) == [
        Path("gate/01.csv"),
        Path("yard/01.csv"),
    ]
    assert Path(tmp_path / "plots" / "yard" / "01.png") in paths


def test_metrics_are_json(root):
    assert json.loads(json.dumps(run(root).metrics()))["dataset"]["name"] == "two gates"
