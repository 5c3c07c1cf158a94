from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from service.errors import InvalidInput
from training.datasets import Clip, Truth
from training.studies.posture_truth import PostureTruth, postures_of

CLIP = Clip("a01_t1", Path("a01_t1.mp4"), 10.0)
TRUTH = Truth.of(np.array([0] * 5 + [1] * 25, np.uint8))


def done(*given: str, clip: Clip = CLIP, truth: Truth | None = TRUTH) -> list[str | None]:
    return list(postures_of(clip, truth, 30, [PostureTruth.parse(text) for text in given]))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["a01*=standing"], ["standing"] * 30),
        (["a02*=standing"], [None] * 30),
        (["a01_t1:11-20=picking up"], [None] * 10 + ["picking up"] * 10 + [None] * 10),
        (["*:event=falling"], [None] * 5 + ["falling"] * 25),
        (["*:event+2=lying"], [None] * 25 + ["lying"] * 5),
        (["*=before", "*:event=-", "*:event+2=lying"], ["before"] * 5 + [None] * 20 + ["lying"] * 5),
        (["a0[1-4]*:event+1.5 = lying"], [None] * 20 + ["lying"] * 10),
    ],
)
def test_what_is_done_in_each_frame(given, expected) -> None:
    assert done(*[text.replace(" = ", "=") for text in given]) == expected


def test_a_clip_without_events_has_none() -> None:
    assert done("*:event=lying", truth=None) == [None] * 30


@pytest.mark.parametrize(
    "text", ["sitting", "a01*=", "=sitting", "a01:0-5=sitting", "a01:9-5=sitting", "a01:then=sitting"]
)
def test_what_cannot_be_read_is_refused(text) -> None:
    with pytest.raises(InvalidInput, match="CLIP=POSTURE"):
        PostureTruth.parse(text)
