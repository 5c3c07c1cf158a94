from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from service.errors import MACHINE_FULL, Overloaded
from service.pipeline.worker import Worker
from service.streams import admission
from service.streams.admission import RETRY_AFTER_S, admit

BUDGET = 0.85


@pytest.fixture(autouse=True)
def full_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit that the service has, which tests are otherwise rid of."""
    monkeypatch.setattr(admission, "FULL_LOAD", BUDGET)


def worker(load: float, processor_load: float) -> Worker:
    """One that is so busy, and a machine that is."""
    return cast("Worker", SimpleNamespace(load=load, processor_load=processor_load))


@pytest.mark.parametrize(
    ("load", "cores", "running", "enrolling"),
    [
        (0.99, 0.99, 0, False),  # the first is always let in: nothing is known of what it costs
        (0.40, 0.40, 1, False),
        (0.63, 0.63, 3, False),
        (0.20, 0.99, 1, True),  # reading files takes what the cores have left
    ],
)
def test_a_stream_that_fits_is_let_in(load: float, cores: float, running: int, enrolling: bool) -> None:
    admit(worker(load, cores), running, enrolling_files=enrolling)


@pytest.mark.parametrize(
    ("load", "cores", "running", "enrolling", "message"),
    [
        (0.44, 0.10, 1, False, "one more stream at about 44% of the worker's time, got 44% of at most 85% in use by 1"),
        (0.10, 0.66, 3, False, "one more stream at about 22% of all cores, got 66% of at most 85% in use by 3"),
        (0.50, 0.10, 1, True, "of the worker's time"),
    ],
)
def test_one_that_would_slow_down_the_others_is_refused(
    load: float, cores: float, running: int, enrolling: bool, message: str
) -> None:
    with pytest.raises(Overloaded, match=message) as refused:
        admit(worker(load, cores), running, enrolling_files=enrolling)
    assert refused.value.kind is MACHINE_FULL
    assert refused.value.retry_after == RETRY_AFTER_S
