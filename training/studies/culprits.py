"""Whether alerts point at what the truth marks: the pictures that the live service would have stored, looked at.

    watchword study culprits ../shared/data/ped2 runs/plaza --out results/culprits

Every test clip goes through the service's own pipeline and its own rules of when an alert opens and what its picture
is. Of each alert the box marked in its picture is set against the regions that the truth marks in that very frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from models.arrays import Image
from models.boxes import common_areas
from service.alerts.compose import AlertEvidence, anomaly_alert
from service.alerts.incident_machine import IncidentRules
from service.alerts.scene import Followed, IncidentScene, Told
from service.contracts.alert import Alert
from service.frames import CLEAR, PreparedFrame
from service.ingest.listing import count_frames
from service.pipeline.offline import OfflinePipeline
from service.presentation.message import scored_objects
from service.presentation.overlay import ALARM, draw, encode_jpeg
from service.profiles.profile import Profile
from training.datasets import Dataset, LabelledClip, Truth
from training.evaluation.evaluate import Progress, Silent, decoded
from training.evaluation.tables import percent, table
from training.studies.study import Setup, Study

POINTS_AT = 0.5
"""A marked box is that of a true region if it holds at least this share of it, or lies within it by as much: a detector
has a rider and the truth the rider with the bicycle, and a moving region is larger than what moves in it."""

AT_MOST = 6.0
"""But it points at nothing that is more than so many times as large: a box around half a street names nobody."""

Verdict = Literal["right", "wrong", "nothing marked", "false alarm", "in an event"]
"""Of an alert: ``in an event`` where the data set does not say where in the picture."""

TILE, ACROSS = (320, 240), 5
"""Width and height of a picture on the sheet, and how many in a row."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One alert and its picture.

    Attributes:
        dataset: And clip, as is ``clip``.
        opened_s: Presentation time of its opening.
        pictured_s: Of the picture.
        message: Its sentence, as it closed.
        verdict: What the truth says of the marked box.
        seen: Of the true region that is marked, its area over the largest that it has within the alert, in [0, 1];
            None without one.
    """

    dataset: str
    clip: str
    opened_s: float
    pictured_s: float
    message: str
    verdict: Verdict
    seen: float | None


@dataclass(frozen=True, slots=True)
class Sighted:
    """The same with its picture, ``(H, W, 3)`` BGR, boxes drawn as in the stored one."""

    sighting: Sighting
    picture: Image


def sight(
    dataset: Dataset, setup: Setup, pipeline: OfflinePipeline, progress: Progress | None = None, *, cut: bool = False
) -> Iterator[Sighted]:
    """Every alert of a data set's test clips, under a profile from its training clips; ``cut`` as for the study."""
    progress = progress or Silent()
    truths = [clip.truth() for clip in dataset.test]
    progress.begin(f"enrolment: {dataset.name}", sum(count_frames(clip.source) for clip in dataset.train))
    footage = (decoded(clip, setup.settings, setup.fps, pipeline.windows) for clip in dataset.train)
    profile = replace(pipeline.enrol(footage, dataset.name, progress.advance), samples=None)
    for clip, truth in zip(dataset.test, truths, strict=True):
        progress.begin(f"alerts: {clip.name}", len(truth.labels))
        with closing(decoded(clip, setup.settings, setup.fps, pipeline.windows)) as frames:
            seen = _settled(frames) if cut else frames
            yield from _sight_clip(dataset.name, clip, truth, seen, pipeline, profile, setup, progress)


def _settled(frames: Iterable[PreparedFrame]) -> Iterator[PreparedFrame]:
    """As if the background had been known from the first frame on."""
    return (replace(frame, sight=CLEAR) for frame in frames)


def _sight_clip(
    dataset: str,
    clip: LabelledClip,
    truth: Truth,
    frames: Iterator[PreparedFrame],
    pipeline: OfflinePipeline,
    profile: Profile,
    setup: Setup,
    progress: Progress,
) -> Iterator[Sighted]:
    numbers = count()
    scene = IncidentScene(IncidentRules(), lambda: str(next(numbers)))
    pts: dict[float, int] = {}
    picture: AlertEvidence | None = None

    def take(followed: Followed) -> Iterator[Sighted]:
        nonlocal picture
        for told in followed.told:
            if told.event == "opened":
                scene.machine.sent(told.incident.id)
            # As the recorder does: a picture stays until a better one comes.
            picture = told.evidence if told.evidence.image is not None else picture
            if told.event == "closed" and picture is not None:
                yield _judged(dataset, clip, truth, told, picture, pts)
                picture = None

    for scored in pipeline.score(frames, profile, setup.threshold(profile)):
        pts[scored.source.frame.pts] = scored.source.frame.index
        yield from take(scene.observe(scored, scored_objects(scored)))
        progress.advance()
    yield from take(scene.close("The clip ended."))


def _judged(
    dataset: str, clip: LabelledClip, truth: Truth, told: Told, picture: AlertEvidence, pts: dict[float, int]
) -> Sighted:
    assert picture.image is not None
    alert = anomaly_alert(clip.name, clip.name, told.incident, told.evidence)
    index = pts[picture.pts]
    last = max(pts.values())
    verdict, seen = judge(alert, truth, index, (pts_index(pts, told.incident.opened_pts), last))
    sighting = Sighting(dataset, clip.name, told.incident.opened_pts, picture.pts, alert.message, verdict, seen)
    return Sighted(sighting, draw(picture.image, picture.objects, ALARM))


def pts_index(pts: dict[float, int], at: float) -> int:
    """The frame of a presentation time among those looked at."""
    return pts[min(pts, key=lambda each: abs(each - at))]


def judge(alert: Alert, truth: Truth, index: int, span: tuple[int, int]) -> tuple[Verdict, float | None]:
    """What the truth says of the box that an alert marks.

    Args:
        alert: With its objects as they are in its picture.
        truth: Of its clip.
        index: The picture's frame.
        span: The alert's first and last frame.

    Returns:
        The verdict; and how much of what is marked can be seen, ``Sighting.seen``.
    """
    first, last = span
    if not truth.labels[max(0, first - 5) : last + 1].any():
        return "false alarm", None
    marked = next((one for one in alert.objects if one.culprit), None)
    if marked is None:
        return "nothing marked", None
    if truth.regions is None:
        return ("in an event" if truth.labels[index] else "wrong"), None
    regions = truth.regions[index]
    hits = np.flatnonzero(points_at(np.array(marked.box, np.float32), regions.boxes))
    if not len(hits):
        return "wrong", None
    areas = regions.boxes[:, 2:].prod(axis=1)
    hit = int(hits[areas[hits].argmax()])
    track = regions.tracks[hit]
    largest = max(
        float(each.boxes[each.tracks == track][:, 2:].prod(axis=1).max(initial=0.0))
        for each in truth.regions[first : last + 1]
    )
    return "right", float(min(1.0, areas[hit] / max(largest, 1e-12)))


def points_at(box: NDArray[np.float32], regions: NDArray[np.float32]) -> NDArray[np.bool_]:
    """``(M,)``, which of the true regions ``(M, 4)`` a box ``(4,)`` points at."""
    common = common_areas(regions, box)
    areas, area = regions[:, 2:].prod(axis=1), float(box[2] * box[3])
    holds = common >= POINTS_AT * np.minimum(areas, area)
    hit: NDArray[np.bool_] = holds & (common > 0) & (area <= AT_MOST * areas)
    return hit


def study_culprits(
    datasets: Sequence[Dataset], setup: Setup, out: Path, progress: Progress | None = None, *, cut: bool = False
) -> Study:
    """Look at the picture of every alert of these data sets; write them, and one sheet of each data set.

    Args:
        datasets: With truth.
        setup: As of every study.
        out: Where pictures go.
        progress: Told how far it is.
        cut: The clips are cut to their event: what happens in their first seconds counts too, in which the service
            raises nothing as the background has not settled.
    """
    sightings: list[Sighting] = []
    with setup.pipeline(setup.rate(datasets)) as pipeline:
        for dataset in datasets:
            found = list(sight(dataset, setup, pipeline, progress, cut=cut))
            sightings += [one.sighting for one in found]
            _save_sheet(found, out / f"{dataset.root.name}.jpg")
    figures = {
        dataset.name: {**_counts([one for one in sightings if one.dataset == dataset.name])} for dataset in datasets
    }
    rows = [
        (
            name,
            row["alerts"],
            row["true"],
            row["right"],
            row["wrong"],
            row["nothing marked"],
            row["in an event"],
            "-" if row["seen"] is None else percent(row["seen"]),
        )
        for name, row in figures.items()
    ]
    headers = ("data set", "alerts", "of true events", "right", "wrong", "nothing marked", "no boxes known", "seen")
    listed = [
        (f"{one.clip}, {one.opened_s:.1f} s", f"{one.pictured_s:.1f} s", one.verdict, one.message) for one in sightings
    ]
    text = table(headers, rows) + "\n" + table(("alert", "picture", "marked", "message"), listed)
    return Study({"datasets": figures, "alerts": [asdict(one) for one in sightings]}, text)


def _counts(sightings: Sequence[Sighting]) -> dict[str, float | None]:
    counts: dict[str, float | None] = {"alerts": len(sightings)}
    counts["true"] = sum(one.verdict != "false alarm" for one in sightings)
    for verdict in ("right", "wrong", "nothing marked", "in an event"):
        counts[verdict] = sum(one.verdict == verdict for one in sightings)
    seen = [one.seen for one in sightings if one.seen is not None]
    counts["seen"] = float(np.mean(seen)) if seen else None
    return counts


def _save_sheet(found: Sequence[Sighted], path: Path) -> None:
    """The pictures of alerts side by side, each with its clip, time and verdict."""
    if not found:
        return
    rows = -(-len(found) // ACROSS)
    sheet = np.full((rows * (TILE[1] + 20), ACROSS * TILE[0], 3), 255, np.uint8)
    for number, one in enumerate(found):
        x, y = number % ACROSS * TILE[0], number // ACROSS * (TILE[1] + 20)
        height, width = one.picture.shape[:2]
        scale = min(TILE[0] / width, TILE[1] / height)
        small = cv2.resize(one.picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        sheet[y + 20 : y + 20 + small.shape[0], x : x + small.shape[1]] = small
        said = f"{one.sighting.clip} {one.sighting.pictured_s:.1f} s: {one.sighting.verdict}"
        cv2.putText(sheet, said, (x + 4, y + 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_jpeg(sheet, 92))
