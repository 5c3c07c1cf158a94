"""What all tests share: `support` importable, and nothing that hangs on what else the machine does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

sys.path.insert(0, str(Path(__file__).parent))

# A busy machine draws its examples slowly, which is no fault of the code.
_TOO_SLOW = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("watchword", deadline=None, suppress_health_check=_TOO_SLOW)
hypothesis.settings.load_profile("watchword")


@pytest.fixture(autouse=True, scope="session")
def room_for_streams() -> Iterator[None]:
    """Lets any number of streams in: what a busy machine refuses is the subject of the tests of `admit` alone."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("WATCHWORD_MAX_LOAD", "1000")
        yield
