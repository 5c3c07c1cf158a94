"""Guidance as the API speaks of it: rules in words that redefine what is normal on a stream."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from models.guidance.rules import Evidence, Method, Verdict
from service.contracts.score import Box
from service.contracts.stream import Name
from service.contracts.timezone import Timezone

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_BLANK = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and a symbol that are drawn as nothing: the fillers of Hangul and the empty pattern of Braille."""


def _visible(text: str) -> str:
    if not any(unicodedata.category(each)[0] in "LNPS" and each not in _BLANK for each in text):
        msg = "Enter some words; these characters cannot be seen."
        raise ValueError(msg)
    return text


RuleText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"),
    AfterValidator(_visible),
]


class Schedule(BaseModel):
    """The days and hours a rule is in force, by the clock on the wall where the camera hangs.

    A schedule that ends before it starts is refused, unless `overnight` says that it is meant to end on the next
    day; it then belongs to the day on which it starts. When clocks are set forward the hour that is missing counts
    for nothing; when they are set back the hour that comes twice counts twice.
    """

    model_config = ConfigDict(
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        json_schema_extra={
            "examples": [
                {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:00", "to": "18:30"},
                {"days": ["sat"], "from": "22:00", "to": "06:00", "overnight": True, "timezone": "Europe/Berlin"},
            ]
        },
    )

    days: list[Day] = Field(list(DAYS), min_length=1, max_length=7, description="Days on which it starts.")
    start: str = Field(
        "00:00", alias="from", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="HH:MM, the first minute in force."
    )
    end: str = Field(
        "24:00",
        alias="to",
        pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$",
        description="HH:MM, the first minute no longer in force; 24:00 is midnight.",
    )
    overnight: bool = Field(False, description="`to` is on the day after: needed where it is earlier than `from`.")
    timezone: Timezone | None = Field(None, description="IANA name; null takes the stream's, or UTC if it has none.")

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if len(set(self.days)) != len(self.days):
            msg = f"Name each day once, not {', '.join(self.days)}."
            raise ValueError(msg)
        if self.start == self.end:
            msg = f"A schedule from {self.start} to {self.end} never begins. All day is 00:00 to 24:00."
            raise ValueError(msg)
        if not self.overnight and self.end < self.start:
            msg = (
                f"A schedule from {self.start} to {self.end} ends before it starts. "
                "If it ends on the next day, set overnight to true."
            )
            raise ValueError(msg)
        if self.overnight and self.end > self.start:
            msg = f"From {self.start} to {self.end} of the next day is more than 24 hours. Set overnight to false."
            raise ValueError(msg)
        return self


class GuidanceSpec(BaseModel):
    """What `POST /streams/{id}/guidance` takes: one rule."""

    model_config = ConfigDict(
        extra="forbid",
        # Else a number beyond the year 2603 is taken for milliseconds, of a moment in the past.
        val_temporal_unit="seconds",
        json_schema_extra={
            "examples": [
                {"text": "a person riding a bicycle", "verdict": "normal"},
                {
                    "text": "people on foot",
                    "verdict": "anomaly",
                    "strength": 0.8,
                    "zone": "Tracks",
                    "schedule": {
                        "days": ["mon", "tue", "wed", "thu", "fri"],
                        "from": "22:00",
                        "to": "05:00",
                        "overnight": True,
                        "timezone": "Europe/Berlin",
                    },
                    "note": "Closed for works at night.",
                },
            ]
        },
    )

    text: RuleText = Field(
        description="What it is about, in plain words: 1 to 200 characters, not blank. It names what is seen. One "
        'that denies ("nobody on the tracks", "anything but cars") matches nothing, and a warning says so; judgements '
        '("bicycles are not allowed here") are left to `verdict`.'
    )
    verdict: Verdict = Field(description="`normal`: it does not count as unusual. `anomaly`: it does.")
    strength: float = Field(1.0, ge=0, le=1, description="How far a match moves a score: 0 not at all, 1 all the way.")
    zone: Name | None = Field(None, description="Only objects whose feet are in this zone of the stream.")
    schedule: Schedule | None = Field(None, description="Only on these days and hours; null is always.")
    expires_at: AwareDatetime | None = Field(
        None, description="Not in force from this moment on; a number counts as Unix seconds."
    )
    enabled: bool = Field(True, description="`false` keeps the rule and does not apply it.")
    method: Method = Field(
        "contrastive",
        description="`contrastive`: calibrated against other phrases and the stream's own recent objects. "
        "`equation10`: the bare image-text similarity of the paper that introduced text guidance.",
    )
    note: str = Field("", max_length=1000, description="For people.")


class GuidancePatch(BaseModel):
    """What `PATCH /streams/{id}/guidance/{gid}` takes: the fields to change, each as in `POST`."""

    model_config = ConfigDict(
        extra="forbid",
        val_temporal_unit="seconds",
        json_schema_extra={"examples": [{"enabled": False}, {"strength": 0.5, "zone": None}]},
    )

    text: RuleText | None = None
    verdict: Verdict | None = None
    strength: float | None = Field(None, ge=0, le=1)
    zone: Name | None = None
    schedule: Schedule | None = None
    expires_at: AwareDatetime | None = None
    enabled: bool | None = None
    method: Method | None = None
    note: str | None = Field(None, max_length=1000)


class Resemblance(BaseModel):
    """A phrase of the bank that a rule's text was understood as."""

    text: str
    weight: float = Field(ge=0, le=1, description="How far it means the same.")


class RuleConflict(BaseModel):
    """Another rule that says the opposite of the same thing, at the same place and time."""

    # In the API's description it is a Conflict, which in the code is an error.
    __qualname__ = "Conflict"
    model_config = ConfigDict(title="Conflict")

    id: str = Field(description="The other rule's id.")
    text: str
    verdict: Verdict
    wins: str = Field(description="Id of the rule that counts where both match: this one's or the other's.")


class GuidanceOut(GuidanceSpec):
    """A rule as the API answers it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "9b1f0c3d7a2e",
                    "text": "a person riding a bicycle",
                    "verdict": "normal",
                    "strength": 1.0,
                    "zone": None,
                    "schedule": None,
                    "expires_at": None,
                    "enabled": True,
                    "method": "contrastive",
                    "note": "",
                    "created_at": "2026-03-01T12:00:00Z",
                    "updated_at": "2026-03-01T12:00:00Z",
                    "active": True,
                    "inactive_because": None,
                    "timezone": None,
                    "resembles": [
                        {"text": "a person riding a bicycle", "weight": 1.0},
                        {"text": "a cyclist on the road", "weight": 0.93},
                    ],
                    "conflicts": [],
                    "warnings": [],
                }
            ]
        }
    )

    id: str
    created_at: datetime
    updated_at: datetime
    active: bool = Field(description="Whether it is in force at this moment.")
    inactive_because: str | None = Field(description="Why it is not in force at this moment; null while it is.")
    timezone: str | None = Field(
        description="The time zone that its hours go by: the schedule's own, else the stream's, else UTC. Null without "
        "a schedule."
    )
    resembles: list[Resemblance] = Field(
        description="What the text was understood as, most alike first. Empty: it means nothing here, and the picture "
        "of an object never matches it."
    )
    conflicts: list[RuleConflict] = Field(description="Rules that contradict this one, and which of the two counts.")
    warnings: list[str] = Field(description="Why it may not do what it was meant to, each a sentence.")


class GuidanceAudit(BaseModel):
    """One edit of a rule."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 7,
                    "at": "2026-03-01T12:00:00Z",
                    "who": "mara",
                    "action": "created",
                    "rule_id": "9b1f0c3d7a2e",
                    "before": None,
                    "after": {
                        "text": "a person riding a bicycle",
                        "verdict": "normal",
                        "strength": 1.0,
                        "zone": None,
                        "schedule": None,
                        "expires_at": None,
                        "enabled": True,
                        "method": "contrastive",
                        "note": "",
                    },
                }
            ]
        }
    )

    id: int = Field(description="Counts up; the greater, the later.")
    at: datetime
    who: str = Field(description="Who says to have done it (`X-Watchword-User`), or the address that it came from.")
    action: Literal["created", "changed", "deleted", "undone"]
    rule_id: str
    before: GuidanceSpec | None = Field(description="The rule before; null if there was none.")
    after: GuidanceSpec | None = Field(description="The rule after; null if there is none any more.")


class PreviewSpec(BaseModel):
    """What `POST /streams/{id}/guidance/preview` takes: a rule that is not saved."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"rule": {"text": "a person riding a bicycle", "verdict": "normal"}, "minutes": 10}]
        },
    )

    rule: GuidanceSpec
    minutes: float = Field(10.0, gt=0, le=60, description="How far back to look, as far as is kept in memory.")
    replaces: str | None = Field(
        None, max_length=64, description="Id of the saved rule that it would replace; null adds it to those there are."
    )
    brief: bool = Field(False, description="Leave out `curves` and thumbnails, which are most of an answer.")


class PreviewObject(BaseModel):
    """A tracked object that the rule would have matched."""

    track_id: int | None = Field(description="As in score messages; null for objects that no track held.")
    label: str
    caption: str = Field(description="Said of it when it matched most; empty if nothing was.")
    first_at: datetime = Field(description="When it matched first.")
    last_at: datetime
    first_pts: float
    last_pts: float
    frames: int = Field(description="Frames in which it matched.")
    similarity: float = Field(ge=0, le=1, description="How surely it is what the rule says, at most.")
    evidence: Evidence = Field(description="What matched then: its picture, its caption, or a posture guessed in that.")
    box: Box
    thumbnail: str | None = Field(
        None, description="A `data:` URL of a JPEG, from within a second of the best match; null in a brief answer."
    )


class PreviewAlert(BaseModel):
    """An alert that would have been removed or raised."""

    opened_at: datetime
    closed_at: datetime | None = Field(description="Null if it would still be open.")
    peak_score: float = Field(ge=0, le=1)
    peak_at: datetime


class PreviewCurves(BaseModel):
    """Scores of the frames of the past, one entry a frame in each list, oldest first."""

    at: list[float] = Field(description="Capture time, Unix seconds.")
    pts: list[float] = Field(description="Presentation time, seconds.")
    raw: list[float] = Field(description="Score with no rule at all, 0..1.")
    without_rule: list[float] = Field(description="Score with the rules that are in force, 0..1.")
    with_rule: list[float] = Field(description="Score with this one as well, 0..1.")


class PreviewOut(BaseModel):
    """What a rule would have done to the last minutes."""

    seconds: float = Field(description="Length of the past that was looked at, within what is kept in memory.")
    frames: int
    threshold: float = Field(description="Score at which an alert opens.")
    resembles: list[Resemblance]
    conflicts: list[RuleConflict]
    warnings: list[str]
    objects: list[PreviewObject] = Field(description="What it would have matched, the most alike first.")
    more_objects: int = Field(0, description="How many more there are than are listed.")
    alerts_removed: list[PreviewAlert] = Field(description="Alerts whose cause the rule would have taken away.")
    alerts_absorbed: list[PreviewAlert] = Field(
        description="Alerts that would have been part of another one, or too soon after it to be sent."
    )
    alerts_raised: list[PreviewAlert] = Field(description="Alerts that the rule would have added.")
    curves: PreviewCurves = Field(description="Of no frame in a brief answer.")


class TaughtOut(BaseModel):
    """What a false alarm taught: objects that look and move like its own do not count as unusual any more."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "alert_id": "5f1d2c9a0b7e4c1e9a3d6f8b2c4e7a10",
                    "taught_at": "2026-03-01T12:00:00Z",
                    "objects": 1,
                    "radius": 0.12,
                    "active": True,
                }
            ]
        }
    )

    alert_id: str = Field(description="The alert that was marked `false_alarm`; another verdict takes this back.")
    taught_at: datetime
    objects: int = Field(description="Objects of the alert, each a normal mode of its own.")
    radius: float = Field(description="Cosine distance within which an object counts as the same.")
    active: bool = Field(description="False if it was learned with another encoder than the stream has now.")
