from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from service.profiles.moments import Moment, MomentKind, from_arrays, to_arrays
from service.profiles.samples import Choice, Span

ODD = Moment(
    span=Span(2, 82.1, 84.9),
    kind=MomentKind.ODD,
    left_out=True,
    choice=Choice.LEAVE_OUT,
    recording="gate/monday.mp4",
    at=math.nan,
    peak=83.0,
    surprise=5.5,
    why="moving unusually fast",
    picture=b"\xff\xd8one",
)
UNUSUAL = replace(
    ODD, span=Span(0, 0.0, 0.3), kind=MomentKind.UNUSUAL, left_out=False, choice=None, recording="", at=1.8e9
)


def test_moments_are_read_back_as_they_were_stored() -> None:
    nothing = replace(UNUSUAL, span=Span(1, 4.0, 4.0), surprise=math.nan, why="", picture=b"")
    again = from_arrays(to_arrays([ODD, nothing, UNUSUAL]))
    assert [repr(moment) for moment in again] == [repr(moment) for moment in (ODD, nothing, UNUSUAL)]  # NaN is not NaN


def test_a_profile_of_an_earlier_version_has_none() -> None:
    assert from_arrays({}) == ()
    assert from_arrays(to_arrays([])) == ()
    assert all(values.dtype == np.uint8 for values in to_arrays([ODD]).values())


def test_its_id_says_which_stretch_it_is() -> None:
    assert ODD.id == "2-82100-84900"
    assert replace(ODD, choice=None, surprise=1.0, kind=MomentKind.UNUSUAL).id == ODD.id
