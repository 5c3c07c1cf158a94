"""A stream's incidents as they are told: what a closing shows belongs to the incident that ends."""

from __future__ import annotations

from itertools import count

import numpy as np

from service.alerts.incident_machine import IncidentRules
from service.alerts.scene import IncidentScene, Told
from service.presentation.message import scored_objects
from support.alerts import scored_frame


class Film:
    """Ten frames a second, each picture of another shade."""

    def __init__(self) -> None:
        numbers = count()
        self.scene = IncidentScene(IncidentRules(cooldown_s=0.0), lambda: str(next(numbers)))
        self.index = 0
        self.told: list[Told] = []

    def watch(self, surprise: float, seconds: float) -> list[str]:
        """What is told of so many seconds."""
        before = len(self.told)
        for _ in range(round(seconds * 10)):
            shade = np.full((4, 4, 3), self.index % 256, np.uint8)
            frame = scored_frame(self.index / 10, surprise, image=shade)
            self.told += self.scene.observe(frame, scored_objects(frame)).told
            self.index += 1
        return [told.event for told in self.told[before:]]


def test_from_opening_to_closing() -> None:
    film = Film()
    assert film.watch(1.0, 1) == []
    assert film.watch(5.0, 1) == ["opened"]
    assert film.watch(1.0, 4) == ["closed"]
    opened, closed = film.told
    assert opened.incident.id == closed.incident.id
    assert [one.culprit for one in opened.evidence.objects] == [True]
    assert opened.evidence.image is not None
    assert closed.evidence.image is None


def test_the_next_incident_shows_nothing_of_the_last() -> None:
    film = Film()
    film.watch(5.5, 1)
    film.watch(1.0, 4)
    began = film.index
    assert film.watch(5.0, 1) == ["opened"]
    image = film.told[-1].evidence.image
    assert image is not None
    assert image[0, 0, 0] >= began


def test_an_end_closes_what_is_open_and_says_why() -> None:
    film = Film()
    assert film.scene.close("It is over.").told == ()
    film.watch(5.0, 1)
    (closed,) = film.scene.close("It is over.").told
    assert (closed.event, closed.incident.reason) == ("closed", "It is over.")
    assert film.scene.close("It is over.").told == ()


def test_what_was_too_short_is_not_remembered() -> None:
    film = Film()
    film.watch(1.0, 1)
    frame = scored_frame(film.index / 10, 5.0)
    film.scene.observe(frame, scored_objects(frame))
    film.index += 1
    later = scored_frame(film.index / 10, 1.0)
    assert film.scene.observe(later, scored_objects(later)).suppressed == "too_short"
    assert film.scene._view is None
