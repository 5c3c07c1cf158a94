from __future__ import annotations

import pytest

from service.contracts.score import ScoredObject
from service.pipeline.stages import attributed

WALKER, CYCLIST, ELSEWHERE = (0.1, 0.1, 0.1, 0.2), (0.3, 0.1, 0.1, 0.2), (0.8, 0.8, 0.1, 0.1)


def one(box: tuple[float, float, float, float], raw: float, **terms: float) -> ScoredObject:
    return ScoredObject(track_id=1, box=box, label="motion", score=raw / 6, raw_score=raw, terms=terms)


@pytest.mark.parametrize(
    ("region", "scores"),
    [
        (one((0.25, 0.05, 0.3, 0.3), 5.0), [1.0, 5.0]),  # around the cyclist alone
        (one((0.05, 0.05, 0.5, 0.3), 5.0), [1.0, 5.0]),  # around both: the more unusual one's
        (one((0.05, 0.05, 0.2, 0.3), 5.0), [5.0, 2.0]),  # around the walker alone
        (one((0.25, 0.05, 0.3, 0.3), 0.5), [1.0, 2.0]),  # says less than the object itself
        (one((0.37, 0.10, 0.3, 0.2), 5.0), [1.0, 2.0, 5.0]),  # holds less than half of the cyclist
        (one(ELSEWHERE, 5.0), [1.0, 2.0, 5.0]),  # of nothing that was detected
    ],
)
def test_a_regions_evidence_goes_to_the_object_that_it_is_of(region: ScoredObject, scores: list[float]) -> None:
    found = attributed([one(WALKER, 1.0), one(CYCLIST, 2.0)], [region])
    assert [thing.raw_score for thing in found] == scores


def test_the_object_says_what_the_region_knew() -> None:
    (cyclist,) = attributed([one(CYCLIST, 2.0, size=0.1)], [one(CYCLIST, 5.0, **{"motion speed": 4.0})])
    assert cyclist.terms == {"size": 0.1, "motion speed": 4.0}
    assert cyclist.score == pytest.approx(5.0 / 6)
