"""The file of one stream's profile. What the disk does not take now stays in memory and is written later."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from service.backoff import Backoff
from service.profiles.profile import Profile
from service.store.storage_trouble import StorageTrouble, storage_trouble

logger = logging.getLogger(__name__)

RETRY_FIRST_S, RETRY_MAX_S = 2.0, 30.0
"""Waits before another attempt: a person who makes room sees within half a minute that it was enough."""


class ProfileFile:
    """Writes a profile and whatever else ends an enrolment, now or as soon as the disk takes it. Thread-safe.

    While a profile waits, a timer of its own tries again; there is at most one.
    """

    def __init__(self, stream_id: str, path: Path, settle: Callable[[], None]) -> None:
        """Read and write nothing yet.

        Args:
            stream_id: Whose.
            path: The file.
            settle: Notes in the store that the enrolment is over: after the profile is written, and not before, so
                that a restart in between takes the enrolment up again.
        """
        self.path = path
        self._stream_id = stream_id
        self._settle = settle
        self._lock = threading.RLock()
        self._waiting: Profile | None = None
        self._unsettled = False
        self._trouble: StorageTrouble | None = None
        self._timer: threading.Timer | None = None
        self._backoff = Backoff(RETRY_FIRST_S)
        self._closed = False

    @property
    def trouble(self) -> StorageTrouble | None:
        """Why the profile in force could not be written yet."""
        return self._trouble

    def save(self, profile: Profile) -> None:
        """Write a profile now.

        Raises:
            OSError: If it cannot be; the older file is then still there, or what waits still waits.
        """
        with self._lock:
            profile.save(self.path)
            self._forget_waiting()

    def keep(self, profile: Profile) -> None:
        """Write the profile of an enrolment that is over, now or later.

        Raises:
            OSError: If it cannot be written for a reason that says nothing of the disk.
        """
        with self._lock:
            self._waiting, self._unsettled = profile, True
            self._try()

    def settle(self) -> None:
        """Note that an enrolment is over, once what it learned is written."""
        with self._lock:
            self._unsettled = True
            self._try()

    def begin(self) -> None:
        """Note that another enrolment has begun: what is to be said of the one before is out of date."""
        with self._lock:
            self._unsettled = False

    def load(self) -> Profile:
        """The profile that was kept last, with its samples.

        Raises:
            ProfileError: If there is none, or none that can be read.
        """
        with self._lock:
            return Profile.load(self.path) if self._waiting is None else self._waiting

    def delete(self) -> None:
        """Delete the file and forget what waits. Idempotent."""
        with self._lock:
            self._forget_waiting()
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Try a last time, and end the timer. Idempotent."""
        with self._lock:
            timer, self._timer = self._timer, None
            first, self._closed = not self._closed, True
            if first and self._waiting is not None:
                self._try()
            if first and self._waiting is not None:
                text = "stream %s: what it learned could not be written; its enrolment begins anew with the next start"
                logger.error(text, self._stream_id)
        if timer is not None:
            timer.cancel()
            timer.join()

    def _forget_waiting(self) -> None:
        self._waiting, self._trouble, self._unsettled = None, None, False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _try(self) -> None:
        """Do what waits: first the file, then the note in the store."""
        error = self._write() or self._note()
        if error is None:
            if self._trouble is not None:
                logger.warning("stream %s: what it learned is written now", self._stream_id)
            self._forget_waiting()
            return
        trouble = storage_trouble(error)
        if trouble is not None and (self._trouble is None or self._trouble.kind != trouble.kind):
            text = "stream %s: what it learned is in force, and is written as soon as the disk takes it: %s"
            logger.error(text, self._stream_id, trouble.detail)
        if self._trouble is None:
            self._backoff.ease()
        self._trouble = trouble
        self._try_later()

    def _write(self) -> OSError | None:
        """What the disk said; None if nothing waits any more.

        Raises:
            OSError: If it says nothing of the disk.
        """
        if self._waiting is None:
            return None
        try:
            self._waiting.save(self.path)
        except OSError as error:
            if storage_trouble(error) is None:
                self._waiting = None
                raise
            return error
        self._waiting = None
        return None

    def _note(self) -> SQLAlchemyError | None:
        """What the store said. A restart before it took the note would only learn once more."""
        if not self._unsettled:
            return None
        try:
            self._settle()
        except SQLAlchemyError as error:
            logger.warning("stream %s: the end of its enrolment is not noted yet", self._stream_id)
            return error
        self._unsettled = False
        return None

    def _try_later(self) -> None:
        if self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(RETRY_FIRST_S / 4 + self._backoff.wait(RETRY_MAX_S), self._again)
        self._timer.name, self._timer.daemon = f"profile-of-{self._stream_id}", True
        self._timer.start()

    def _again(self) -> None:
        with self._lock:
            if self._closed or self._timer is not threading.current_thread():
                return
            self._timer = None
            try:
                self._try()
            except Exception:
                logger.exception("stream %s: what it learned cannot be written", self._stream_id)
