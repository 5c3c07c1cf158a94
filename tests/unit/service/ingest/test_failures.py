"""What is said of a failure, and what to do about it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from service.ingest.failures import Cause, SourceFailure, connect_failure
from service.ingest.source import Source, local_source, parse_source


def camera(url: str) -> Source:
    return parse_source(url, "tcp", Path())


@pytest.mark.parametrize("cause", Cause)
def test_every_failure_says_what_happened_and_apart_from_it_what_to_do(cause: Cause) -> None:
    failure = SourceFailure(cause, camera("rtsp://user:secret@10.0.0.5/s"), "{it} is down.")
    assert failure.detail == str(failure) == "The camera at 10.0.0.5:554 is down."
    assert failure.advice.endswith(".")
    assert failure.refused().message == f"{failure.detail} {failure.advice}"


@pytest.mark.parametrize("cause", Cause)
def test_nobody_is_told_to_restart_a_file(cause: Cause) -> None:
    failure = SourceFailure(cause, local_source(Path("gate monday.mp4")), "{it} is down.")
    assert failure.detail == "gate monday.mp4 is down."
    assert "camera" not in failure.advice


@pytest.mark.parametrize(
    ("error", "cause", "said"),
    [
        (ConnectionRefusedError(), Cause.REFUSED, "The camera at [fe80::1]:8554 refused the connection."),
        (TimeoutError(), Cause.UNREACHABLE, "The camera at [fe80::1]:8554 did not answer within 5 s."),
        (OSError(113, "No route to host"), Cause.UNREACHABLE, "The camera at [fe80::1]:8554 cannot be reached: No "),
        (socket.gaierror(socket.EAI_NONAME, ""), Cause.UNREACHABLE, "There is no host called fe80::1."),
        (socket.gaierror(socket.EAI_AGAIN, ""), Cause.UNREACHABLE, "The name fe80::1 could not be looked up"),
    ],
)
def test_what_a_failed_connection_means(error: OSError, cause: Cause, said: str) -> None:
    failure = connect_failure(camera("rtsp://[fe80::1]:8554/s"), error, 5.0)
    assert failure.cause is cause
    assert failure.detail.startswith(said)


def test_advice_of_its_own_comes_before_that_of_the_cause() -> None:
    failure = SourceFailure(Cause.UNSUPPORTED, camera("rtsp://camera/s"), "{it} is down.", "Choose tcp.")
    assert failure.advice == "Choose tcp."
