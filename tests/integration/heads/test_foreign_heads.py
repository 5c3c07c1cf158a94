"""Two heads of another distribution: learned, scored, calibrated, explained, tried with rules, and measured.

Nothing in ``models`` or ``service`` knows them. ``surges`` looks at windows of frames with flow, ``looks`` at crops of
objects; each runs a graph of its own pack.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner
from websockets.sync.client import connect

from models.heads.registry import head_names
from models.packs import PackLibrary
from service.cli.app import assemble
from service.contracts.stream import Detection
from service.engine.pack_check import try_pack
from service.frames import PreparedFrame
from service.ingest.playback import read_all
from service.ingest.source import local_source
from service.pipeline.context import StreamContext
from service.pipeline.offline import OfflinePipeline, build_pipeline
from service.pipeline.scored import ScoredFrame
from service.profiles.profile import Profile
from service.settings import Settings
from support.acme_packs import SITE, write_acme_packs
from support.lane import FPS, ROWS, write_lane
from support.serving import Service, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ODD = range(40, 70)
"""Frames of the odd videos in which somebody rushes, or is green."""

NORMAL = tuple(f"normal_{number}.mp4" for number in range(3))
HELD_OUT = tuple(f"held_out_{number}.mp4" for number in range(3))
VIDEOS = {"surges": "rush.mp4", "looks": "green.mp4"}
SENTENCES = {
    "surges": "Moving in a surge never seen at that place",
    "looks": "Looking like nothing that was learned here",
}
STRIDE = 2
"""Of the pack ``surges``."""


@pytest.fixture(scope="module", autouse=True)
def acme() -> Iterator[None]:
    """The distribution is installed."""
    assert "surges" not in head_names()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SITE)
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packs, and footage under ``media``."""
    root = tmp_path_factory.mktemp("acme")
    write_acme_packs(root / "packs")
    media = root / "media"
    media.mkdir()
    for number, name in enumerate((*NORMAL, *HELD_OUT)):
        write_lane(media / name, 200, seed=number)
    write_lane(media / VIDEOS["surges"], 110, seed=10, rushing=ODD)
    write_lane(media / VIDEOS["looks"], 110, seed=11, green=ODD)
    return root


@dataclass(frozen=True)
class Offline:
    """A pipeline with a head of acme's, and what it has learned."""

    name: str
    pipeline: OfflinePipeline
    profile: Profile
    frames: Callable[[str], Generator[PreparedFrame]]

    def score(self, video: str) -> list[ScoredFrame]:
        return list(self.pipeline.score(self.frames(video), self.profile))


@pytest.fixture(scope="module", params=["surges", "looks"])
def offline(request: pytest.FixtureRequest, root: Path) -> Iterator[Offline]:
    settings = Settings(data_dir=root, packs_dir=root / "packs")
    with build_pipeline(settings, "motion", [request.param], FPS) as pipeline:

        def frames(video: str) -> Generator[PreparedFrame]:
            yield from read_all(video, local_source(root / "media" / video), FPS, settings, pipeline.windows)

        yield Offline(request.param, pipeline, pipeline.enrol(map(frames, NORMAL)), frames)


def believable(frames: list[ScoredFrame]) -> list[ScoredFrame]:
    """Those behind the start of a video: who stood in its first picture leaves a ghost, which is not learned either."""
    return [frame for frame in frames if frame.believable]


def surprises(frames: list[ScoredFrame]) -> np.ndarray:
    return np.array([frame.surprise for frame in frames])


# ---- recordings


def test_what_is_odd_stands_out_where_it_is(offline: Offline) -> None:
    found = offline.score(VIDEOS[offline.name])
    surprise = surprises(found)
    assert surprises(believable(found[: ODD.start])).max() < 3.0
    # A window still holds the first of it; somebody green turns grey in the very next crop of seven.
    assert np.median(surprise[ODD.start + 5 : ODD.stop]) > 4.5
    peak = found[int(surprise.argmax())]
    assert peak.threshold is None
    row = int(np.nanargmax(peak.objects.surprise))
    _, top, _, height = peak.objects.boxes[row].tolist()
    assert top + height / 2 == pytest.approx((ROWS[-1] + 12) / 120, abs=0.06)
    (term,) = (name for name, values in peak.objects.terms.items() if not np.isnan(values[row]))
    assert peak.legend.sentences[term].capitalize() == SENTENCES[offline.name]


def test_heat_is_where_it_comes_from_and_stands_between_evaluations(offline: Offline) -> None:
    found = offline.score(VIDEOS[offline.name])
    if offline.name == "looks":
        assert all(frame.heat is None and frame.covers is None for frame in found)
        return
    assert [frame.covers for frame in found[:15]] == [None] * 15  # too few frames for a window
    spoken = found[15:]
    pts = [frame.source.frame.pts for frame in spoken]
    spans = [frame.covers for frame in spoken]
    for at, span, heat in zip(pts, spans, (frame.heat for frame in spoken), strict=True):
        assert span is not None
        assert heat is not None
        assert span[1] - span[0] == pytest.approx(1.5)
        assert 0 <= at - span[1] < STRIDE / FPS - 0.01
        assert 0 <= heat.min() <= heat.max() <= 1
    changes = [before != after for before, after in pairwise(spans)]
    assert changes == [bool(index % STRIDE) for index in range(len(changes))]
    for frame in found[ODD.start + 8 : ODD.stop]:
        assert frame.heat is not None
        hot = int(np.argmax(frame.heat) // 16)
        assert hot == pytest.approx((ROWS[-1] + 12) / 120 * 12, abs=2)


def test_normal_frames_are_as_rare_as_is_said(offline: Offline) -> None:
    """Surprises of frames that were not learned from are about -log10 of their rank."""
    found = [frame for video in HELD_OUT for frame in believable(offline.score(video))]
    for said in (surprises(found), np.array([frame.heads[offline.name] for frame in found])):
        for share in (0.5, 0.25, 0.1):
            seen = float((said >= -np.log10(share)).mean())
            assert share / 2 < seen < share * 2, f"{share:.0%} of normal frames said, {seen:.1%} seen"


def test_streams_of_one_tick_do_not_mix(offline: Offline) -> None:
    stages, videos = offline.pipeline.stages, (VIDEOS[offline.name], HELD_OUT[0])
    contexts = [StreamContext(video, FPS, Detection(), (), stages.buffers()) for video in videos]
    for context in contexts:
        context.use_profile(offline.profile)
    with closing(offline.frames(videos[0])) as odd, closing(offline.frames(videos[1])) as calm:
        ticks = zip(islice(odd, 55), islice(calm, 55), strict=True)
        found = [stages.process(list(zip(contexts, frames, strict=True))) for frames in ticks]
    for video, together in zip(videos, zip(*found, strict=True), strict=True):
        with closing(offline.frames(video)) as frames:
            alone = list(offline.pipeline.score(islice(frames, 55), offline.profile))
        np.testing.assert_allclose(surprises(list(together)), surprises(alone), atol=0.02)  # sums of larger batches


def test_a_profile_comes_back_from_its_file(offline: Offline, tmp_path: Path) -> None:
    offline.profile.save(tmp_path / "profile.npz")
    loaded = Profile.load(tmp_path / "profile.npz")
    offline.pipeline.stages.check(loaded)
    assert loaded.samples is not None
    again = offline.pipeline.fit(loaded.samples, "files")
    for name, array in offline.profile.heads[offline.name].arrays.items():
        np.testing.assert_array_equal(again.heads[offline.name].arrays[name], array)


# ---- the evaluator and the commands


def run(root: Path, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> str:
    monkeypatch.setenv("WATCHWORD_PACKS_DIR", str(root / "packs"))
    monkeypatch.setenv("COLUMNS", "200")
    result = CliRunner().invoke(assemble(), [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


@pytest.mark.parametrize("pack", VIDEOS)
def test_the_evaluator_measures_it(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: str) -> None:
    dataset = tmp_path / "lane"
    dataset.mkdir()
    for video in (*NORMAL, VIDEOS[pack]):
        (dataset / video).symlink_to(root / "media" / video)
    labels = [int(index in ODD) for index in range(110)]
    train = {Path(video).stem: {"file": video} for video in NORMAL[:2]}
    test = {"odd": {"file": VIDEOS[pack], "labels": labels}}
    (dataset / "labels.json").write_text(json.dumps({"dataset": "lane", "train": train, "test": test}))
    alerts = "--alerts-per-day", 24
    run(root, monkeypatch, "evaluate", dataset, "--heads", pack, *alerts, "--no-plots", "--out", tmp_path / "out")
    figures = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert figures["frames"] == 110
    assert figures["causal"]["micro_auc"] > 0.9
    assert figures["offline"]["micro_auc"] > 0.9
    assert figures["events"]["missed"] == 0
    assert figures["packs"].keys() == {pack}


def test_the_packs_are_verified_and_their_graphs_timed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(root, monkeypatch, "packs", "verify", *VIDEOS) == "surges: ok looks: ok"
    library = PackLibrary([root / "packs"])
    for pack, graph in (("surges", "flow"), ("looks", "crops")):
        trial = try_pack(library.get(pack), threads=1)
        assert trial.problem is None
        assert trial.seconds.keys() == {graph}
        assert trial.seconds[graph] > 0


# ---- live


@dataclass(frozen=True)
class House:
    """The service with three streams, which all begin to learn at once.

    Attributes:
        service: Itself.
        surges: A stream of ``surges`` alone.
        together: One of both heads beside ``attributes``.
        live: One of ``surges`` that learns from its own picture.
    """

    service: Service
    surges: str
    together: str
    live: str


@pytest.fixture(scope="module")
def house(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with Service(folder, media_dir=root / "media", packs_dir=root / "packs", encoder="none") as service:

        def watched(name: str, video: str, enrolment: dict[str, object], *packs: str) -> str:
            url = f"file:{video}?loop=true"
            return service.add_stream(name, url=url, packs=packs, fps=FPS, threshold=0.6, enrolment=enrolment)

        files: dict[str, object] = {"sources": NORMAL[:2]}
        surges = watched("Surges", VIDEOS["surges"], files, "surges")
        together = watched("Together", VIDEOS["looks"], files, "surges", "looks", "attributes")
        yield House(service, surges, together, watched("Live", NORMAL[2], {"seconds": 12}, "surges"))


def get(house: House, path: str, **params: object) -> Any:
    response = house.service.http.get(path, params=params)  # type: ignore[arg-type]
    assert response.is_success, response.text
    return response.json()


def first_alert(house: House, stream: str) -> dict[str, Any]:
    """The stream's first alert, once its picture is stored."""

    def alerts() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = get(house, "/alerts", stream=stream)
        return [alert for alert in found if alert["snapshot"] is not None]

    wait_until(alerts, "an alert with a picture", timeout=120)
    return alerts()[-1]


def pictured_alert(house: House, stream: str) -> tuple[dict[str, Any], bytes]:
    """The stream's first alert and its picture, both of the same peak: a later one replaces both."""
    while True:
        alert = first_alert(house, stream)
        jpeg = house.service.http.get(alert["snapshot"]).content
        if first_alert(house, stream) == alert:
            return alert, jpeg


def ready(house: House, stream: str) -> dict[str, Any]:
    """The stream's enrolment, once it is done."""

    def done() -> bool:
        enrolment = get(house, f"/streams/{stream}/enrolment")
        assert enrolment["state"] != "failed", enrolment["error"]
        return bool(enrolment["state"] == "ready")

    wait_until(done, "a profile", timeout=120)
    enrolment: dict[str, Any] = get(house, f"/streams/{stream}/enrolment")
    return enrolment


def test_an_alert_says_what_its_head_found(house: House) -> None:
    alert = first_alert(house, house.surges)
    assert alert["message"].startswith(SENTENCES["surges"]), alert["message"]
    assert alert["heads"].keys() == {"surges"}
    assert alert["objects"][0]["terms"].keys() == {"surge"}


def test_messages_tell_where_and_when(house: House) -> None:
    ready(house, house.surges)
    with connect(house.service.socket_url(f"/streams/{house.surges}/scores")) as socket:
        message = next(each for each in map(json.loads, socket) if each.get("heat") is not None)
    heat, covers = message["heat"], message["covers"]
    assert (heat["rows"], heat["columns"]) == (12, 16)
    assert len(heat["values"]) == 12 * 16
    assert max(heat["values"]) > 0
    assert covers[1] - covers[0] == pytest.approx(1.5)
    assert 0 <= message["pts"] - covers[1] < 1.0


def test_the_picture_of_an_alert_marks_the_culprit_and_hides_nothing_under_heat(house: House) -> None:
    alert, jpeg = pictured_alert(house, house.surges)
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).astype(np.float32)
    red = picture[..., 2] - picture[..., :2].mean(axis=2)  # the footage is grey
    rows, columns = red.shape
    x, y, width, height = alert["objects"][0]["box"]
    assert [one["culprit"] for one in alert["objects"]].count(True) == 1
    left, right, top, bottom = (
        round(share * side) for share, side in ((x, columns), (x + width, columns), (y, rows), (y + height, rows))
    )
    around = np.zeros(red.shape, bool)
    around[top : bottom + 7, max(0, left - 6) : right + 7] = True
    around[: bottom + 4, max(0, left - 3) : right + 4] = False
    inside = red[
        min(top + 5, bottom - 1) : max(bottom - 4, top + 1), min(left + 5, right - 1) : max(right - 4, left + 1)
    ]
    line = red[max(0, bottom - 1) : bottom + 1, left:right]
    assert line.max() > 60
    assert np.median(inside) < 8
    assert np.median(red[around]) < 8


def test_heads_of_all_kinds_run_on_one_stream(house: House) -> None:
    alert = first_alert(house, house.together)
    assert alert["heads"].keys() == {"surges", "looks", "attributes"}
    assert max(alert["heads"], key=alert["heads"].__getitem__) == "looks"
    assert "look" in alert["objects"][0]["terms"]
    scored = [each for each in get(house, f"/streams/{house.together}/scores") if each["score"] is not None]
    assert all(each["heads"].keys() == alert["heads"].keys() for each in scored)


def test_a_rule_is_tried_on_what_it_found(house: House) -> None:
    first_alert(house, house.surges)
    rule = {"text": "something moving", "verdict": "normal"}
    path = f"/streams/{house.surges}/guidance/preview"
    response = house.service.http.post(path, json={"rule": rule, "minutes": 5})
    assert response.status_code == 200, response.text
    out = response.json()
    assert out["frames"] > 0
    assert out["objects"]
    assert len(out["alerts_removed"]) >= 1
    assert max(out["curves"]["with_rule"]) < out["threshold"] <= max(out["curves"]["without_rule"])


def test_profiles_are_learned_live_taken_over_and_extended(house: House) -> None:
    before = ready(house, house.surges)
    (profile,) = before["profiles"]
    assert (profile["pack"], profile["frames"]) == ("surges", 2 * 159)  # of each video all but its start
    assert profile["summary"]["most_motion_of_a_cell"] > 0
    taker = house.service.add_stream("Taker", packs=["surges"], enabled=False, enrolment={"stream": house.surges})
    assert ready(house, taker)["profiles"][0]["origin"] == f"stream {house.surges}"
    more = {"sources": [HELD_OUT[0]], "extend": True}
    assert house.service.http.post(f"/streams/{house.surges}/enrolment", json=more).is_success
    assert ready(house, house.surges)["profiles"][0]["frames"] == 3 * 159
    assert ready(house, house.live)["profiles"][0]["seconds"] >= 12
