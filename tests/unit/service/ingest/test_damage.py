from __future__ import annotations

import pytest

from service.ingest.damage import Damage


def test_what_is_whole_needs_no_words() -> None:
    assert Damage(kept=100).sentence("a.mp4") is None
    assert Damage(kept=100).share == 0


def test_places_are_named_and_bounded() -> None:
    damage = Damage(kept=900)
    for start in range(0, 1000, 10):
        damage.add(1, start, start + 0.2)
    assert damage.lost == 100
    assert len(damage.stretches) == 20
    assert damage.sentence("a.mp4") == (
        "a.mp4 is damaged: 100 frames (10%) left out, 0.0 to 0.2 s, 10.0 to 10.2 s, 20.0 to 20.2 s"
        " and in 17 more places."
    )


def test_neighbours_are_one_place() -> None:
    damage = Damage(kept=10)
    damage.add(2, 1.0, 1.5)
    damage.add(3, 1.9, 2.4)
    assert damage.stretches == [(1.0, 2.4)]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (Damage(kept=99, lost=1), "a is damaged: 1 frame (1.0%) left out."),
        (
            Damage(kept=30, lost=70, cut_off=True, stretches=[(3.0, 10.0)]),
            "a is damaged: 70 frames (70%) left out, 3.0 to 10.0 s; it breaks off before its end.",
        ),
        (Damage(unreadable="no video"), "a could not be read and was left out: no video"),
    ],
)
def test_sentences(damage: Damage, said: str) -> None:
    assert damage.sentence("a") == said


def test_nothing_read_is_all_lost() -> None:
    assert Damage(unreadable="no video").share == 1
