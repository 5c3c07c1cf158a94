from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.alerts.incident_machine import Change, IncidentMachine, IncidentRules, SurpriseSample

RULES = IncidentRules()
THRESHOLD = 4.0
LEVELS = {".": 1.0, "~": 3.5, "#": 5.0, "%": 5.2, "@": 7.0}
"""Far below the threshold, between exit level (3.2) and threshold, above, a little more, far above."""

Event = tuple[str, float]


@dataclass
class Run:
    """A machine, what it said, and when (in tenths of seconds of presentation time)."""

    rules: IncidentRules = RULES
    interval: float = 0.1
    sends: bool = True
    changes: list[tuple[Change, int]] = field(default_factory=list)
    suppressed: list[str] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = itertools.count()
        self.machine = IncidentMachine(self.rules, lambda: f"i{next(names)}")
        self.tick = 0

    def feed(self, levels: str, epoch: int = 0) -> Run:
        for level in levels:
            self.take(
                SurpriseSample(
                    epoch,
                    self.tick * self.interval,
                    1e9 + self.tick * self.interval,
                    LEVELS[level],
                    THRESHOLD,
                    1e9 + self.tick * self.interval,
                )
            )
        return self

    def take(self, sample: SurpriseSample) -> None:
        step = self.machine.step(sample)
        if step.peak:
            self.peaks.append(self.tick)
        if step.suppressed:
            self.suppressed.append(step.suppressed)
        for change in step.changes:
            self.changes.append((change, self.tick))
            if change.event == "opened" and self.sends:
                self.machine.sent(change.incident.id)
        self.tick += 1

    @property
    def events(self) -> str:
        return " ".join(f"{change.event}@{tick}" for change, tick in self.changes)


STORIES = [
    ("nothing unusual", "." * 50, ""),
    ("one bad frame", "..#.......", ""),
    ("two bad frames", "..##......", ""),
    ("a quarter of a second", "..####", "opened@5"),
    ("it wavers about the threshold", "..#~#~#", "opened@6"),
    ("a spike and then merely raised", "..#~~~~~~~~~~", ""),
    ("it rests and comes back later", "..##..####", "opened@9"),
    ("raised is not quiet", "####" + "~" * 60, "opened@3"),
    ("quiet for three seconds", "####" + "." * 40, "opened@3 closed@33"),
    ("back within three seconds", "####" + "." * 28 + "#" + "." * 40, "opened@3 closed@62"),
    ("a rise", "####" + "@" * 30, "opened@3 updated@23"),
    ("a slight rise", "####" + "%" * 30, "opened@3"),
    ("a rise before the pace allows it", "####" + "@" + "#" * 30, "opened@3 updated@23"),
    ("it lasts", "#" * 1300, "opened@3 updated@603 updated@1203"),
    ("again within the cooldown", "####" + "." * 40 + "#" * 20 + "." * 40, "opened@3 closed@33"),
    ("beyond the cooldown", "####" + "." * 40 + "#" * 265, "opened@3 closed@33 opened@303"),
    ("worse within the cooldown", "####" + "." * 40 + "@" * 20, "opened@3 closed@33 opened@47"),
    ("not much worse within the cooldown", "####" + "." * 40 + "%" * 20, "opened@3 closed@33"),
]


@pytest.mark.parametrize(("levels", "expected"), [story[1:] for story in STORIES], ids=[story[0] for story in STORIES])
def test_stories_at_ten_frames_a_second(levels: str, expected: str) -> None:
    assert Run().feed(levels).events == expected


SUPPRESSED = [
    ("..##..", ["too_short"]),
    ("..##..##.", ["too_short", "too_short"]),
    ("####" + "." * 40 + "#" * 20 + ".", ["cooldown"]),
    ("####" + "." * 40 + "##.", ["too_short"]),
    ("####" + "." * 40 + "#" * 265 + "." * 40, []),
]


@pytest.mark.parametrize(("levels", "expected"), SUPPRESSED)
def test_what_did_not_become_an_alert_is_told_of_once(levels: str, expected: list[str]) -> None:
    assert Run().feed(levels).suppressed == expected


@pytest.mark.parametrize("interval", [1 / 60, 0.04, 0.1, 0.2, 0.5])
def test_an_alert_opens_within_a_second_of_its_onset_at_any_usual_rate(interval: float) -> None:
    run = Run(interval=interval).feed("." + "#" * 100)
    change, tick = run.changes[0]
    assert change.event == "opened"
    assert RULES.min_duration_s <= (tick - 1) * interval < 1.0


@pytest.mark.parametrize("interval", [1.0, 10.0])
def test_streams_of_few_frames_open_with_their_second_frame_and_are_no_gap(interval: float) -> None:
    run = Run(interval=interval).feed(".." + "####" + "..")
    assert run.events.startswith("opened@3")
    closings = [change.incident.reason for change, _ in run.changes if change.event == "closed"]
    assert closings in ([], [None])


def test_an_incident_says_when_and_how_much() -> None:
    run = Run().feed("..#@##" + "." * 40)
    opened, closed = run.changes[0][0].incident, run.changes[-1][0].incident
    assert (opened.opened_pts, opened.opened_at) == pytest.approx((0.5, 1e9 + 0.5))
    assert (opened.peak, opened.peak_at, opened.threshold) == (7.0, 1e9 + 0.3, THRESHOLD)
    assert (opened.closed_at, opened.closed_pts, opened.reason) == (None, None, None)
    assert (closed.closed_pts, closed.closed_at) == pytest.approx((3.5, 1e9 + 3.5))
    assert closed.updated_at == closed.closed_at
    assert closed.reason is None


def test_the_frame_to_remember_is_the_peak_also_of_the_time_before_the_opening() -> None:
    run = Run().feed("..#%@##@.")
    assert run.peaks == [2, 3, 4]


def test_a_cooldown_does_not_start_with_an_alert_that_was_not_sent() -> None:
    run = Run(sends=False).feed("####" + "." * 40 + "#" * 20)
    assert run.events == "opened@3 closed@33 opened@47"


def test_a_cooldown_starts_when_the_alert_is_sent_not_when_it_opens() -> None:
    run = Run(sends=False).feed("####" + "." * 20)
    run.machine.sent("i0")
    run.feed("." * 20 + "#" * 300)
    # Sent at frame 23 (2.3 s): the cooldown ends at 32.3 s.
    assert run.events == "opened@3 closed@33 opened@323"


def test_a_late_word_of_an_older_incident_starts_no_cooldown() -> None:
    run = Run(sends=False).feed("####" + "." * 40 + "####")
    run.machine.sent("i0")
    run.feed("." * 40 + "####")
    assert run.events == "opened@3 closed@33 opened@47 closed@77 opened@91"


def test_a_new_epoch_breaks_an_excursion_but_not_an_incident() -> None:
    assert Run().feed("..##").feed("##", epoch=1).events == ""
    assert Run().feed("####").feed("####", epoch=1).feed("." * 40, epoch=1).events == "opened@3 closed@37"


GAPS = [
    (2.0, None, ""),
    (4.9, None, ""),
    (5.2, "Closed because nothing was scored for 5 seconds.", "closed"),
    (3600.0, "Closed because nothing was scored for 3600 seconds.", "closed"),
    (-3600.0, None, ""),
]


@pytest.mark.parametrize("new_epoch", [True, False])
@pytest.mark.parametrize(("gap", "reason", "event"), GAPS)
def test_a_gap_ends_an_incident_where_it_was_last_seen(
    gap: float, reason: str | None, event: str, new_epoch: bool
) -> None:
    if gap < 0 and not new_epoch:
        return  # presentation times do not go back within an epoch; capture times may, when a clock is set
    run = Run().feed("####")
    run.changes.clear()
    pts, at = (0.0, 1e9 + 0.3 + gap) if new_epoch else (0.3 + gap, 1e9 + 0.3 + gap)
    run.take(SurpriseSample(int(new_epoch), pts, at, 5.0, THRESHOLD, at))
    assert "".join(change.event for change, _ in run.changes) == event
    if event:
        incident = run.changes[0][0].incident
        assert (incident.reason, incident.closed_at) == (reason, 1e9 + 0.3)
        assert incident.closed_pts == pytest.approx(0.3)


def test_frames_without_a_score_are_a_gap_too() -> None:
    run = Run().feed("####")
    for second in range(1, 9):
        run.take(SurpriseSample(0, second, 1e9 + second, None, None, second))
    assert [change.event for change, _ in run.changes] == ["opened", "closed"]
    assert run.machine.is_idle


def test_closing_from_outside_says_why_and_is_idempotent() -> None:
    run = Run().feed("####")
    (change,) = run.machine.close("Closed because the stream was paused.").changes
    assert (change.event, change.incident.reason) == ("closed", "Closed because the stream was paused.")
    assert run.machine.close("again").changes == ()
    assert run.machine.is_idle


@pytest.mark.parametrize("surprise", [math.nan, math.inf])
def test_odd_numbers_neither_open_for_ever_nor_break(surprise: float) -> None:
    run = Run()
    for tick in range(5):
        run.take(SurpriseSample(0, tick / 10, tick / 10, surprise, THRESHOLD, tick / 10))
    run.feed("." * 40)
    assert run.events in ("", "opened@3 closed@34")
    assert run.machine.is_idle


@pytest.mark.parametrize("rules", [{"min_samples": 1}, {"exit_ratio": 0.0}, {"exit_ratio": 1.1}, {"gap_s": 0.0}])
def test_rules_that_cannot_work_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected min_samples"):
        IncidentRules(**rules)


@st.composite
def streams(draw: st.DrawFn) -> list[SurpriseSample]:
    """Any stream: gaps, epochs, clocks that jump, scores that come and go, an excursion now and then."""
    samples, epoch, pts, at = [], 0, 0.0, 1e9
    surprises = st.one_of(st.none(), st.floats(0, 12), st.sampled_from([0.0, 3.2, 4.0, 9.0]))
    for _ in range(draw(st.integers(1, 12))):
        level = draw(surprises)
        interval = draw(st.sampled_from([0.02, 0.1, 0.5, 1.0]))
        if draw(st.booleans()):
            epoch, pts = epoch + 1, draw(st.floats(0, 100))
            at += draw(st.floats(-20, 100))
        for _ in range(draw(st.integers(1, 60))):
            samples.append(SurpriseSample(epoch, pts, at, level, None if level is None else THRESHOLD, at))
            pts, at = pts + interval, at + interval
    return samples


QUIET = [SurpriseSample(10_000, tick / 10, 1e10 + tick / 10, 0.0, THRESHOLD, 1e10 + tick / 10) for tick in range(60)]


@given(streams(), st.booleans())
def test_invariants(samples: Sequence[SurpriseSample], sends: bool) -> None:
    run = Run(sends=sends)
    for sample in itertools.chain(samples, QUIET):
        run.take(sample)
    changes = [change for change, _ in run.changes]
    lives = [list(life) for _, life in itertools.groupby(changes, key=lambda change: change.incident.id)]
    ids = [life[0].incident.id for life in lives]
    assert len(set(ids)) == len(ids), "an incident came back, or two were open at once"
    for life in lives:
        events = [change.event for change in life]
        assert (events[0], events[-1]) == ("opened", "closed")
        assert set(events[1:-1]) <= {"updated"}
        peaks = [change.incident.peak for change in life]
        assert peaks == sorted(peaks)
        assert all(peak >= THRESHOLD for peak in peaks)
        updates = [change.incident.updated_at for change in life]
        assert life[0].incident.opened_at <= updates[0]
        assert updates == sorted(updates)
        closed = life[-1].incident
        assert closed.closed_at is not None
        assert closed.closed_at >= updates[-1]
    assert run.machine.is_idle


def above_before(samples: Sequence[SurpriseSample], tick: int) -> tuple[float, int]:
    """For how long, and in how many frames, an excursion had lasted when its incident opened."""
    exit_level = THRESHOLD * RULES.exit_ratio
    epoch = samples[tick].epoch
    above = []
    for sample in reversed(samples[: tick + 1]):
        if sample.surprise is None:
            continue
        if sample.surprise < exit_level or sample.epoch != epoch:
            break
        if sample.surprise >= THRESHOLD:
            above.append(sample.pts)
    return above[0] - above[-1], len(above)


@given(streams())
def test_nothing_opens_before_it_has_lasted(samples: Sequence[SurpriseSample]) -> None:
    run = Run()
    for sample in samples:
        run.take(sample)
    for change, tick in run.changes:
        if change.event == "opened":
            lasted, frames = above_before(samples, tick)
            assert lasted >= RULES.min_duration_s - 1e-9
            assert frames >= RULES.min_samples


def openings(changes: Iterable[tuple[Change, int]]) -> list[tuple[int, float]]:
    return [(tick, change.incident.peak) for change, tick in changes if change.event == "opened"]


@given(st.text("...##@~", min_size=1, max_size=40), st.integers(1, 20))
def test_the_cooldown_is_kept_unless_it_is_worse(levels: str, repeat: int) -> None:
    run = Run().feed("".join(level * repeat for level in levels))
    last_peak = {change.incident.id: change.incident.peak for change, _ in run.changes}
    peaks = list(last_peak.values())
    for (earlier, later), peak in zip(itertools.pairwise(openings(run.changes)), peaks, strict=False):
        waited = (later[0] - earlier[0]) / 10
        assert waited >= RULES.cooldown_s - 1e-9 or later[1] >= peak + RULES.cooldown_rise


@given(st.text("#@%", min_size=1, max_size=60), st.integers(1, 20))
def test_updates_keep_their_pace(levels: str, repeat: int) -> None:
    run = Run().feed("####" + "".join(level * repeat for level in levels))
    ticks = [tick for _, tick in run.changes]
    assert all(later - earlier >= RULES.update_s * 10 - 1e-6 for earlier, later in itertools.pairwise(ticks))


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
@pytest.mark.parametrize("jumps_at", [1, 5, 9])
def test_a_wall_clock_that_is_set_changes_no_length_and_no_peak(jump: float, jumps_at: int) -> None:
    """Within an epoch and from one to the next, before the incident opens, in it, and while it grows quiet."""
    run = Run()
    for tick, level in enumerate("###" + "@####" + "." * 40):
        at = tick / 10
        wall = 1e9 + at + (jump if tick >= jumps_at else 0.0)
        run.take(SurpriseSample(int(tick >= 6), at, wall, LEVELS[level], THRESHOLD, 500.0 + at))
    assert [change.event for change, _ in run.changes] == ["opened", "closed"]
    opened, closed = (change.incident for change, _ in run.changes)
    assert opened.opened_at == closed.opened_at == pytest.approx(1e9 + 0.3 + (jump if jumps_at <= 3 else 0.0))
    assert closed.closed_at is not None
    assert closed.closed_at - closed.opened_at == pytest.approx(3.4 + 0.0, abs=0.11)
    assert closed.peak_at - closed.opened_at == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_wall_clock_that_is_set_ends_no_cooldown(jump: float) -> None:
    run = Run().feed("####" + "." * 40)
    for tick in range(44, 60):
        run.take(SurpriseSample(1, tick / 10, 1e9 + tick / 10 + jump, LEVELS["#"], THRESHOLD, 1e9 + tick / 10))
    assert [change.event for change, _ in run.changes] == ["opened", "closed"]


def test_frames_before_the_background_has_settled_begin_nothing() -> None:
    """Ghosts of who stood in the first picture; what goes on after them opens an incident as ever."""
    run = Run()
    for tick in range(40):
        run.take(SurpriseSample(1, tick * 0.1, 1e9 + tick * 0.1, 7.0, THRESHOLD, tick * 0.1, believable=False))
    assert run.changes == []
    run.feed("#" * 10, epoch=1)
    assert [(change.event, tick) for change, tick in run.changes] == [("opened", 43)]


def test_nor_do_they_prolong_what_is_open_or_close_it_as_a_gap() -> None:
    run = Run().feed("#" * 10)
    for tick in range(10, 80):
        run.take(SurpriseSample(1, tick * 0.1, 1e9 + tick * 0.1, 7.0, THRESHOLD, tick * 0.1, believable=False))
    assert [change.event for change, _ in run.changes] == ["opened"]
    run.feed("." * 5, epoch=1)
    assert [change.event for change, _ in run.changes] == ["opened", "closed"]
    assert run.changes[-1][0].incident.peak == 5.0
