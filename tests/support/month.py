"""A month of alerts in a data folder: of several cameras, reviewed in part, each with a picture that is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from service.contracts.alert import Alert, AlertKind, AlertObject, AlertState, Verdict
from service.contracts.stream import StreamSpec
from service.settings import Settings
from service.store.alerts import AlertStore
from service.store.database import Database
from service.store.streams import StreamStore

CAMERAS = ("Gate north", "Loading dock", "Car park, level 2", "Platform 2", "Lobby")
DELETED = "Old canteen"
"""A camera whose alerts are there, and which is not."""

WIDTH, HEIGHT = 480, 270
_CALM, _ALARM = (150, 190, 60), (20, 84, 206)
"""BGR of boxes."""

_NEW_DAYS = 2.0
"""What is younger nobody has reviewed; of what is older, one in eight."""

_EVENTS = (
    ("person", "a person, running", "Running. Nobody ran here while learning.", "speed"),
    ("person", "a person, standing", "Standing where nobody stood while learning.", "place"),
    ("bicycle", "a person riding a bicycle, fast", "A bicycle, moving unusually fast.", "speed"),
    ("truck", "a truck, slow", "A truck. None was seen here while learning.", "size"),
    ("motion", "something that moves", "Something large moves against the usual direction.", "direction"),
)
_NOTES = ("The gardener, every Tuesday.", "Told the guard, who went to look.", "Delivery out of hours.")


@dataclass(frozen=True)
class Month:
    """What was put there.

    Attributes:
        ids: Of the alerts, the newest first.
        streams: Ids of the cameras that are there, by name; they are paused.
        deleted: Id of the camera that is not.
    """

    ids: list[str]
    streams: dict[str, str]
    deleted: str


def fill_month(
    settings: Settings, alerts: int = 1000, days: int = 30, until: datetime | None = None, seed: int = 9
) -> Month:
    """Fill the data folder of a service that does not run yet.

    Args:
        settings: Its settings.
        alerts: How many.
        days: Over how many days, evenly but for nights, which are quieter.
        until: The newest opened a little before; None is now.
        seed: What varies, varies by this.
    """
    end = datetime.now(UTC) if until is None else until
    database = Database(settings.database)
    try:
        store = AlertStore(database, settings.data_dir / "snapshots")
        store.snapshots.mkdir(parents=True, exist_ok=True)
        names = {name: _camera(StreamStore(database), name) for name in CAMERAS}
        deleted = "0ldcanteen00"
        made = sorted(
            _alerts({**names, DELETED: deleted}, alerts, days, end, np.random.default_rng(seed)),
            key=lambda alert: (alert.opened_at, alert.id),
            reverse=True,
        )
        with database.transaction() as connection:
            for alert in made:
                store.record(connection, alert, "closed")
        for alert in made:
            if alert.snapshot is not None:
                (store.snapshots / f"{alert.id}.jpg").write_bytes(_picture(alert))
    finally:
        database.close()
    return Month([alert.id for alert in made], names, deleted)


def add_alert(database: Database, snapshots: Path, alert: Alert) -> None:
    """Store one more alert, with its picture, as the recorder of a running service would."""
    store = AlertStore(database, snapshots)
    with database.transaction() as connection:
        store.record(connection, alert, "opened" if alert.state is AlertState.OPEN else "closed")
    if alert.snapshot is not None:
        (snapshots / f"{alert.id}.jpg").write_bytes(_picture(alert))


def anomaly(
    alert_id: str,
    stream: tuple[str, str],
    at: datetime,
    rng: np.random.Generator,
    state: AlertState = AlertState.CLOSED,
) -> Alert:
    """An alert of something unusual.

    Args:
        alert_id: Its id.
        stream: Id and name of its camera.
        at: When it opened.
        rng: Where and what it was.
        state: Open or closed; one that is closed was open for up to two minutes.
    """
    label, caption, message, term = _EVENTS[int(rng.integers(len(_EVENTS)))]
    peak, lasted = round(float(rng.uniform(0.62, 1.0)), 2), timedelta(seconds=round(float(rng.gamma(2, 7)) + 2, 1))
    closed = at + lasted if state is AlertState.CLOSED else None
    width, height = (0.16, 0.2) if label == "truck" else (0.05, 0.22)
    box = (float(rng.uniform(0.1, 0.8)), float(rng.uniform(0.35, 0.7)), width, height)
    bystander = (float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.4, 0.7)), 0.05, 0.22)
    objects = [
        AlertObject(
            track_id=7,
            box=box,
            label=label,
            caption=caption,
            score=peak,
            terms={term: 6 * peak, "size": 0.4},
            culprit=True,
        ),
        AlertObject(track_id=3, box=bystander, label="person", caption="a person, walking", score=0.12),
    ]
    return Alert(
        id=alert_id,
        stream_id=stream[0],
        stream_name=stream[1],
        state=state,
        opened_at=at,
        updated_at=closed or at,
        closed_at=closed,
        peak_score=peak,
        peak_at=at + lasted / 3,
        threshold=0.6,
        heads={"attributes": peak},
        objects=objects,
        message=message,
        snapshot=f"/alerts/{alert_id}/snapshot.jpg",
    )


def outage(alert_id: str, stream: tuple[str, str], at: datetime, rng: np.random.Generator) -> Alert:
    """An alert of a camera that went away and came back; the arguments are those of ``anomaly``."""
    closed = at + timedelta(minutes=round(float(rng.uniform(1, 90))))
    return Alert(
        id=alert_id,
        stream_id=stream[0],
        stream_name=stream[1],
        kind=AlertKind.OFFLINE,
        state=AlertState.CLOSED,
        opened_at=at,
        updated_at=closed,
        closed_at=closed,
        message="The camera could not be reached.",
    )


def _camera(store: StreamStore, name: str) -> str:
    spec = StreamSpec(name=name, url="rtsp://127.0.0.1:9/camera", enabled=False)
    return store.create(spec, None).id


def _alerts(streams: dict[str, str], count: int, days: int, end: datetime, rng: np.random.Generator) -> Iterator[Alert]:
    ages = np.sort(rng.uniform(0.002, days, count))
    for number, age in enumerate(ages):
        at = end - timedelta(days=float(age))
        if at.hour < 6 and rng.random() < 0.6:
            at += timedelta(hours=6) if age > 0.3 else timedelta()
        # The deleted camera was there in the oldest third.
        there = list(streams)[: None if age > days * 2 / 3 else -1]
        name = there[int(rng.integers(len(there)))]
        make = outage if rng.random() < 0.06 else anomaly
        alert = make(f"{number:08x}", (streams[name], name), at, rng)
        yield alert.model_copy(update=_review(alert, float(age), rng))


def _review(alert: Alert, age: float, rng: np.random.Generator) -> dict[str, object]:
    if age < _NEW_DAYS or rng.random() < 1 / 8:
        return {}
    verdict: Verdict = "false_alarm" if rng.random() < 0.35 else "confirmed"
    note = _NOTES[int(rng.integers(len(_NOTES)))] if rng.random() < 0.1 else None
    return {"verdict": verdict, "note": note, "reviewed_at": alert.updated_at + timedelta(minutes=20)}


def _picture(alert: Alert) -> bytes:
    """A JPEG: a place of the camera's own, with what stood out in it."""
    image = _place(alert.stream_name).copy()
    for index, seen in reversed(list(enumerate(alert.objects))):
        x, y, width, height = (round(part * scale) for part, scale in zip(seen.box, (WIDTH, HEIGHT) * 2, strict=True))
        cv2.rectangle(image, (x + 2, y + 4), (x + width - 2, y + height), (60, 60, 75), -1)
        cv2.circle(image, (x + width // 2, y + 6), 5, (130, 150, 190), -1)
        cv2.rectangle(image, (x, y), (x + width, y + height), _CALM if index else _ALARM, 2)
    encoded, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert encoded
    return jpeg.tobytes()


@cache
def _place(name: str) -> np.ndarray:
    """Ground, a wall with windows, and a path: for each camera others."""
    rng = np.random.default_rng(list(name.encode()))
    wall, ground = rng.integers(110, 190) + rng.integers(-14, 14, 3), rng.integers(80, 120) + rng.integers(-10, 10, 3)
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    horizon = int(HEIGHT * rng.uniform(0.3, 0.45))
    image[:horizon], image[horizon:] = wall, ground
    for left in range(int(rng.integers(10, 40)), WIDTH, int(rng.integers(60, 110))):
        cv2.rectangle(image, (left, 18), (left + 34, horizon - 22), tuple(map(int, wall // 2)), -1)
    far, near = int(rng.integers(100, 380)), int(rng.integers(0, 300))
    path = np.array([(far, horizon), (far + 40, horizon), (near + 200, HEIGHT), (near, HEIGHT)])
    cv2.fillPoly(image, [path], tuple(map(int, np.minimum(ground + 40, 255))))
    return image
