"""Trying a source before it is registered: one frame, within a time bound whatever the peer does."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError

from service.errors import PROBES_BUSY, Overloaded
from service.ingest.failures import NOTHING_DECODES, Cause, SourceFailure
from service.ingest.reader import SourceInfo, open_reader
from service.ingest.source import Source

__all__ = ["SourceInfo", "probe"]

MAX_PROBES = 16
"""Probes at a time, those included whose caller no longer waits: a silent peer holds its thread for a few
times the time-out."""

_slots = threading.BoundedSemaphore(MAX_PROBES)


def probe(source: Source, timeout: float) -> SourceInfo:
    """Open a source and decode one frame.

    Args:
        source: What to try.
        timeout: Seconds after which this gives up, whatever the peer does.

    Raises:
        SourceRefused: With code ``source_unreachable``, ``source_unauthorized``, ``source_unsupported`` or
            ``source_unreadable``; the message says what happened and what to do.
        Overloaded: If too many sources are being tried already.
    """
    if not _slots.acquire(blocking=False):
        wait = max(1, round(timeout))
        msg = f"{MAX_PROBES} cameras are being tried already. Try again in {wait} s."
        raise Overloaded(PROBES_BUSY, msg, retry_after=wait)
    result: Future[SourceInfo] = Future()
    given_up = threading.Event()
    threading.Thread(target=_try, args=(source, timeout, result, given_up), name="probe", daemon=True).start()
    try:
        return result.result(timeout)
    except SourceFailure as failure:
        raise failure.refused() from None
    except FutureTimeoutError:
        detail = f"{{it}} sent no picture within {timeout:g} s."
        raise SourceFailure(Cause.TIMEOUT, source, detail).refused() from None
    finally:
        given_up.set()


def _try(source: Source, timeout: float, result: Future[SourceInfo], given_up: threading.Event) -> None:
    try:
        result.set_result(_first_frame(source, timeout, given_up))
    except BaseException as error:  # whatever it is belongs to the caller
        result.set_exception(error)
    finally:
        _slots.release()


def _first_frame(source: Source, timeout: float, given_up: threading.Event) -> SourceInfo:
    with open_reader(source, timeout, timeout) as reader:
        for decoded in reader:
            if given_up.is_set():
                break
            if not decoded.corrupt:
                return reader.info.sized(*decoded.size)
    raise SourceFailure(Cause.UNREADABLE, source, NOTHING_DECODES)
