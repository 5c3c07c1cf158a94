from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from service.contracts.score import ScoredObject
from service.presentation.overlay import ALARM, CALM, RAISED, draw, encode_jpeg, level
from service.presentation.overlay import _label as label_of


def scored(score: float | None, box: tuple[float, float, float, float] = (0.3, 0.3, 0.3, 0.3), **fields: object):
    known = {"track_id": 7, "label": "person", "raw_score": score, "surprise": score, **fields}
    return ScoredObject(box=box, score=score, **known)


def picture(height: int = 240, width: int = 360) -> np.ndarray:
    return np.full((height, width, 3), 128, np.uint8)


LEVELS = [
    (None, 0.6, CALM),
    (0.1, None, CALM),
    (0.44, 0.6, CALM),
    (0.46, 0.6, RAISED),
    (0.59, 0.6, RAISED),
    (0.6, 0.6, ALARM),
    (1.0, 0.6, ALARM),
]


@pytest.mark.parametrize(("score", "threshold", "colour"), LEVELS)
def test_the_colour_says_how_unusual_the_frame_is(
    score: float | None, threshold: float | None, colour: tuple[int, int, int]
) -> None:
    assert level(score, threshold) == colour


def line(drawn: np.ndarray, box: tuple[float, float, float, float] = (0.3, 0.3, 0.3, 0.3)) -> tuple[int, ...]:
    """The colour of a box's left side."""
    x, y, _, height = box
    return tuple(drawn[round((y + height / 2) * drawn.shape[0]), round(x * drawn.shape[1])])


@pytest.mark.parametrize("own", [None, 0.1, 0.9])
@pytest.mark.parametrize("alarm", [CALM, RAISED, ALARM])
def test_the_culprit_has_the_colour_whatever_its_own_score(own: float | None, alarm: tuple[int, int, int]) -> None:
    assert line(draw(picture(), [scored(own, culprit=True)], alarm)) == alarm
    assert line(draw(picture(), [scored(own)], alarm)) == CALM


def test_nothing_within_a_box_is_tinted() -> None:
    drawn = draw(picture(), [scored(0.9, culprit=True)], ALARM)
    assert np.all(drawn[80:135, 118:206] == 128)


def test_the_picture_itself_is_left_alone() -> None:
    image = picture()
    drawn = draw(image, [scored(0.9)], ALARM)
    assert np.array_equal(image, picture())
    assert drawn.shape == image.shape
    assert not np.array_equal(drawn, image)
    assert np.array_equal(draw(image, [], ALARM), image)


def test_the_culprit_is_on_top_and_then_the_most_unusual() -> None:
    objects = [scored(0.1, culprit=True), scored(0.9), scored(None)]
    assert line(draw(picture(), objects, ALARM)) == ALARM
    top = np.s_[round(0.3 * 240) - 12 : round(0.3 * 240) - 2, 108:180]
    assert np.array_equal(
        draw(picture(), [scored(0.9), scored(0.1)], ALARM)[top], draw(picture(), [scored(0.1), scored(0.9)], ALARM)[top]
    )


BOXES = [
    (-0.2, -0.2, 0.3, 0.3),
    (0.95, 0.95, 0.3, 0.3),
    (0.0, 0.0, 1.0, 1.0),
    (0.5, 0.5, 0.0, 0.0),
    (2.0, 2.0, 0.1, 0.1),
]


@pytest.mark.parametrize("size", [(2160, 3840), (240, 360), (24, 32), (2, 2)])
@pytest.mark.parametrize("box", BOXES)
def test_any_box_on_any_picture(box: tuple[float, float, float, float], size: tuple[int, int]) -> None:
    assert draw(picture(*size), [scored(0.9, box, culprit=True)], ALARM).shape == (*size, 3)


def ink(height: int) -> float:
    """Share of the picture that a label and a box change."""
    image = picture(height, height * 16 // 9)
    return float(np.mean(np.any(draw(image, [scored(0.1)], ALARM) != image, axis=2)))


def test_lines_and_letters_are_sized_to_the_picture() -> None:
    assert ink(2160) == pytest.approx(ink(720), rel=0.25)


def test_a_crowd_is_labelled_only_where_it_matters() -> None:
    place = (0.3, 0.6, 0.05, 0.05)
    few = draw(picture(), [scored(0.1, place)], ALARM)
    crowd = draw(picture(), [scored(0.1, place) for _ in range(13)], ALARM)
    above = np.s_[round(0.6 * 240) - 10 : round(0.6 * 240) - 2, 108:120]
    assert np.any(few[above] != 128)
    assert np.all(crowd[above] == 128)
    raised = draw(picture(), [scored(0.9, place) for _ in range(12)] + [scored(0.1, place, culprit=True)], ALARM)
    assert np.any(raised[above] != 128)


def test_labels_of_any_language_are_drawn() -> None:
    draw(picture(), [scored(0.9, label="Öl 漏れ")], ALARM)


def test_a_jpeg_is_the_picture() -> None:
    image = draw(picture(), [scored(0.9, culprit=True)], ALARM)
    decoded = cv2.imdecode(np.frombuffer(encode_jpeg(image), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert np.mean(cv2.absdiff(decoded, image)) < 2
    assert len(encode_jpeg(image, 40)) < len(encode_jpeg(image))


RULE = {"rule_id": "r", "text": "no bicycles", "verdict": "anomaly", "similarity": 0.9, "evidence": "image"}
ACTION = {"text": "riding a bicycle", "similarity": 0.4}


@pytest.mark.parametrize(
    ("fields", "why", "expected"),
    [
        ({}, True, "person 7  0.90"),
        ({"actions": [ACTION]}, True, "person 7  0.90"),
        ({"matches": [RULE]}, False, "person 7  0.90"),
        ({"actions": [ACTION], "matches": [RULE]}, True, "person 7  0.90  rule: no bicycles"),
        ({"matches": [{**RULE, "verdict": "normal"}]}, True, "person 7  0.90"),
        ({"matches": [{**RULE, "text": "x" * 200}]}, True, f"person 7  0.90  rule: {'x' * 37}..."),
    ],
)
def test_a_label_says_why_where_something_stands_out(fields: dict[str, Any], why: bool, expected: str) -> None:
    assert label_of(scored(0.9, **fields), why=why) == expected
