from __future__ import annotations

import errno
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from models.packs import PackLibrary
from models.scoring.calibration import Calibration
from service.enrolment import profile_file as module
from service.enrolment.profile_file import ProfileFile
from service.profiles.profile import HeadProfile, Profile
from service.profiles.samples import Samples
from support.alerts import wait_until
from support.storage import full_disk


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_FIRST_S", 0.02)
    monkeypatch.setattr(module, "RETRY_MAX_S", 0.05)


def learned(origin: str) -> Profile:
    calibration = Calibration.fit([float(number) for number in range(100)], [0] * 100)
    heads = {"attributes": HeadProfile("attributes", PackLibrary().get("attributes").hash, {}, calibration)}
    return Profile(heads, calibration, "motion", datetime.now(UTC), origin, 100, 10.0, Samples())


class Notes:
    """How often the store was told that an enrolment is over, and whether it can be."""

    def __init__(self) -> None:
        self.taken = 0
        self.fault: Exception | None = None

    def __call__(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.taken += 1


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def file(tmp_path: Path, notes: Notes):
    file = ProfileFile("yard", tmp_path / "profiles/yard.npz", notes)
    yield file
    file.close()
    wait_until(lambda: not any(thread.name == "profile-of-yard" for thread in threading.enumerate()))


def test_a_profile_is_written_at_once_where_there_is_room(file: ProfileFile, notes: Notes) -> None:
    file.keep(learned("monday"))
    assert Profile.load(file.path).origin == "monday"
    assert (notes.taken, file.trouble) == (1, None)


def test_what_a_full_disk_does_not_take_is_kept_and_written_when_it_does(
    file: ProfileFile, notes: Notes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.keep(learned("monday"))
    with full_disk(tmp_path, most=1000):
        file.keep(learned("tuesday"))
        assert file.trouble is not None
        assert file.trouble.kind == "full"
        assert Profile.load(file.path).origin == "monday"
        assert file.load().origin == "tuesday"
        assert notes.taken == 1  # a restart now would take the enrolment up again
        assert [path.name for path in file.path.parent.iterdir()] == ["yard.npz"]
    wait_until(lambda: file.trouble is None)
    assert Profile.load(file.path).origin == "tuesday"
    assert notes.taken == 2
    assert caplog.text.count("is written as soon as the disk takes it: The disk of the data folder is full") == 1
    assert caplog.text.count("is written now") == 1


def test_a_newer_profile_takes_the_place_of_the_one_that_waits(file: ProfileFile, tmp_path: Path) -> None:
    with full_disk(tmp_path, most=1000):
        file.keep(learned("monday"))
        file.keep(learned("tuesday"))
    wait_until(lambda: file.trouble is None)
    assert Profile.load(file.path).origin == "tuesday"


def test_a_note_that_the_store_does_not_take_is_repeated(file: ProfileFile, notes: Notes) -> None:
    notes.fault = OperationalError("DELETE", {}, OSError(errno.ENOSPC, "No space left on device"))
    file.keep(learned("monday"))
    assert Profile.load(file.path).origin == "monday"
    assert file.trouble is not None
    notes.fault = None
    wait_until(lambda: file.trouble is None)
    assert notes.taken == 1


def test_the_end_of_an_enrolment_is_not_noted_once_another_has_begun(
    file: ProfileFile, notes: Notes, tmp_path: Path
) -> None:
    with full_disk(tmp_path, most=1000):
        file.keep(learned("monday"))
        file.begin()
    wait_until(lambda: file.trouble is None)
    assert Profile.load(file.path).origin == "monday"
    assert notes.taken == 0


def test_closing_tries_a_last_time(tmp_path: Path, notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_FIRST_S", 1000.0)
    monkeypatch.setattr(module, "RETRY_MAX_S", 1000.0)
    file = ProfileFile("yard", tmp_path / "yard.npz", notes)
    with full_disk(tmp_path, most=1000):
        file.keep(learned("monday"))
    file.close()
    file.close()
    assert Profile.load(file.path).origin == "monday"


def test_closing_on_a_full_disk_leaves_the_enrolment_to_the_next_start(
    tmp_path: Path, notes: Notes, caplog: pytest.LogCaptureFixture
) -> None:
    file = ProfileFile("yard", tmp_path / "yard.npz", notes)
    with full_disk(tmp_path, most=1000):
        file.keep(learned("monday"))
        file.close()
    assert (file.path.exists(), notes.taken) == (False, 0)
    assert "its enrolment begins anew with the next start" in caplog.text


def test_deleting_forgets_what_waits(file: ProfileFile, notes: Notes, tmp_path: Path) -> None:
    with full_disk(tmp_path, most=1000):
        file.keep(learned("monday"))
        file.delete()
        assert file.trouble is None
    assert (file.path.exists(), notes.taken) == (False, 0)


def test_what_says_nothing_of_the_disk_is_raised(file: ProfileFile, tmp_path: Path) -> None:
    (tmp_path / "profiles").touch()
    with pytest.raises(FileExistsError):
        file.keep(learned("monday"))
    assert file.trouble is None
