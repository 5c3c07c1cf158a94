"""What a rule that is not saved would have done to the recent past."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Index, Mask
from models.guidance.captions import Caption
from models.guidance.effect import Judgement, guided_frames, guided_objects
from models.guidance.guide import Guide
from models.guidance.rules import Match
from models.scoring.calibration import Calibration
from models.scoring.smoothing import final_surprise, smooth_series
from service.alerts.incident_machine import Incident, IncidentMachine, IncidentRules, SurpriseSample
from service.contracts.guidance import PreviewAlert, PreviewCurves, PreviewObject, PreviewOut
from service.guidance.explanation import Explanation
from service.guidance.history import HistoryFrame, Rows, tabulated
from service.pipeline.scored import display

MAX_OBJECTS = 50
"""Objects listed: more are a page that nobody scrolls, at 4 kB a thumbnail."""


@dataclass(frozen=True, slots=True)
class Tried:
    """The rules in force and the one that is tried, compiled together.

    Attributes:
        guide: All of them.
        without: ``(M, R)`` bool, which were in force at each frame.
        with_rule: The same with the new one, and without the one that it replaces.
        new: ``(M, R)``, the new one alone.
    """

    guide: Guide
    without: Mask
    with_rule: Mask
    new: Mask


def preview(
    frames: Sequence[HistoryFrame], tried: Tried, fused: Calibration, threshold: float, said: Explanation
) -> PreviewOut:
    """Judge the past again, smooth and calibrate it as it was live, and open the alerts that it would have opened.

    Args:
        frames: The past, oldest first.
        tried: The rules.
        fused: Calibration of smoothed scores.
        threshold: The surprise at which alerts open.
        said: Of the new rule itself.
    """
    rows = tabulated(frames)
    without, with_rule, new = _judged(tried, rows)
    raw = np.array([frame.surprise for frame in frames], np.float64)
    known = rows.seen.surprise
    guided = (guided_objects(known, judgement) for judgement in (without, with_rule))
    series = [raw, *(guided_frames(raw, rows.frame, known, objects) for objects in guided)]
    curves = [_final(frames, values, fused) for values in series]
    before, after = (_incidents(frames, curve, threshold) for curve in curves[1:])
    lost = _lost(before, after)
    cause = [_reaches(one, frames, curves[2], threshold) for one in lost]
    objects = _objects(frames, rows, new)
    return PreviewOut(
        seconds=round(frames[-1].at - frames[0].at, 2) if frames else 0.0,
        frames=len(frames),
        threshold=display(threshold),
        resembles=said.resembles,
        conflicts=said.conflicts,
        warnings=said.warnings,
        objects=objects[:MAX_OBJECTS],
        more_objects=max(0, len(objects) - MAX_OBJECTS),
        alerts_removed=[_alert(one) for one, still in zip(lost, cause, strict=True) if not still],
        alerts_absorbed=[_alert(one) for one, still in zip(lost, cause, strict=True) if still],
        alerts_raised=[_alert(one) for one in after if not any(_meet(one, other) for other in before)],
        curves=_drawn(frames, *curves),
    )


def _judged(tried: Tried, rows: Rows) -> tuple[Judgement, Judgement, Judgement]:
    """Without the new rule, with it, and by it alone. How surely rules are of objects is asked once for all three."""
    guide, bank, seen = tried.guide, tried.guide.bank, rows.seen
    if bank is not None and len(rows.embeddings):
        seen = replace(seen, cosines=_spread(bank.cosines(rows.embeddings), rows.which))
    matched = guide.match(seen) if guide.rules and len(seen) else None
    without, with_rule = (
        guide.judge(seen, active[rows.frame], matched, explain=False) for active in (tried.without, tried.with_rule)
    )
    return without, with_rule, guide.judge(seen, tried.new[rows.frame], matched)


def _spread(values: Float32, which: Index) -> Float32:
    """``(N, K)``: the cosines of each row's embedding, 0 where it has none."""
    rows = values[which]
    rows[which < 0] = 0.0
    return rows


def _final(frames: Sequence[HistoryFrame], values: NDArray[np.float64], fused: Calibration) -> NDArray[np.float64]:
    """``(M,)`` surprises as the live service makes them of the frames'."""
    pts, epochs = np.array([frame.pts for frame in frames]), np.array([frame.epoch for frame in frames])
    calm = np.array([frame.calm for frame in frames])
    return final_surprise(fused, smooth_series(values, pts, epochs), calm)


def _incidents(frames: Sequence[HistoryFrame], curve: NDArray[np.float64], threshold: float) -> list[Incident]:
    """The incidents that these surprises lead to; the last one may still be open."""
    numbers = count()
    machine = IncidentMachine(IncidentRules(), lambda: str(next(numbers)))
    found: list[Incident] = []
    for frame, value in zip(frames, curve.tolist(), strict=True):
        sample = SurpriseSample(frame.epoch, frame.pts, frame.at, value, threshold, frame.at, frame.believable)
        for change in machine.step(sample).changes:
            if change.event == "opened":
                machine.sent(change.incident.id)
            elif change.event == "closed":
                found.append(change.incident)
    return found if machine.incident is None else [*found, machine.incident]


def _lost(before: Sequence[Incident], after: Sequence[Incident]) -> list[Incident]:
    """Incidents that have none of their own any more: each of ``after`` goes on the first one that it meets."""
    firsts = (next((one for one in before if _meet(one, other)), None) for other in after)
    kept = {one.id for one in firsts if one is not None}
    return [one for one in before if one.id not in kept]


def _reaches(one: Incident, frames: Sequence[HistoryFrame], curve: NDArray[np.float64], threshold: float) -> bool:
    """Whether a curve reaches the threshold while an incident lasts."""
    at = np.array([frame.at for frame in frames])
    return bool((curve[(at >= one.opened_at) & (at <= one.updated_at)] >= threshold).any())


def _meet(one: Incident, other: Incident) -> bool:
    """Whether two incidents share a moment."""
    return one.opened_at <= other.updated_at and other.opened_at <= one.updated_at


def _alert(one: Incident) -> PreviewAlert:
    return PreviewAlert(
        opened_at=_utc(one.opened_at),
        closed_at=None if one.closed_at is None else _utc(one.closed_at),
        peak_score=display(one.peak),
        peak_at=_utc(one.peak_at),
    )


def _objects(frames: Sequence[HistoryFrame], rows: Rows, judgement: Judgement) -> list[PreviewObject]:
    """What the new rule matched, by track, the most alike first."""
    tracks = [track for frame in frames for track in frame.tracks]
    labels = [label for frame in frames for label in frame.labels]
    matched: dict[int, list[tuple[int, Match]]] = {}
    for row, matches in enumerate(judgement.matches):
        if matches:
            matched.setdefault(tracks[row], []).append((row, matches[0]))
    pictures = _pictures(frames)
    objects = []
    for track, found in matched.items():
        row, best = max(found, key=lambda each: each[1].similarity)
        first, last, peak = (frames[rows.frame[each]] for each in (found[0][0], found[-1][0], row))
        x, y, width, height = rows.seen.boxes[row].tolist()
        objects.append(
            PreviewObject(
                track_id=track if track >= 0 else None,
                label=labels[row],
                caption=_text(rows.seen.captions[row]),
                first_at=_utc(first.at),
                last_at=_utc(last.at),
                first_pts=first.pts,
                last_pts=last.pts,
                frames=len({int(rows.frame[each]) for each, _ in found}),
                similarity=round(min(1.0, best.similarity), 3),
                evidence=best.evidence,
                box=(x, y, width, height),
                thumbnail=_nearest(pictures.get(track, ()), peak.at),
            )
        )
    return sorted(objects, key=lambda each: -each.similarity)


def brief(preview: PreviewOut) -> PreviewOut:
    """The same without what only a page can show: 20 to 30 kB of curves and thumbnails."""
    objects = [each.model_copy(update={"thumbnail": None}) for each in preview.objects]
    nothing = PreviewCurves(at=[], pts=[], raw=[], without_rule=[], with_rule=[])
    return preview.model_copy(update={"objects": objects, "curves": nothing})


def _text(caption: Caption | None) -> str:
    return "" if caption is None else caption.text


def _pictures(frames: Sequence[HistoryFrame]) -> Mapping[int, Sequence[tuple[float, bytes]]]:
    """Each track's thumbnails with their times."""
    pictures: dict[int, list[tuple[float, bytes]]] = {}
    for frame in frames:
        for track, jpeg in frame.thumbnails.items():
            pictures.setdefault(track, []).append((frame.at, jpeg))
    return pictures


def _nearest(pictures: Sequence[tuple[float, bytes]], at: float) -> str | None:
    """The thumbnail nearest in time, as a ``data:`` URL."""
    if not pictures:
        return None
    _, jpeg = min(pictures, key=lambda picture: abs(picture[0] - at))
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _drawn(
    frames: Sequence[HistoryFrame],
    raw: NDArray[np.float64],
    without_rule: NDArray[np.float64],
    with_rule: NDArray[np.float64],
) -> PreviewCurves:
    return PreviewCurves(
        at=[round(frame.at, 3) for frame in frames],
        pts=[round(frame.pts, 3) for frame in frames],
        raw=_shown(raw),
        without_rule=_shown(without_rule),
        with_rule=_shown(with_rule),
    )


def _shown(surprises: NDArray[np.float64]) -> list[float]:
    """As scores."""
    return [round(display(value), 4) for value in surprises.tolist()]


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
