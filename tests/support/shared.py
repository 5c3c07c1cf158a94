"""Real footage beside the checkout. It is no part of the project: tests that want it skip where it is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"
PED2 = SHARED / "data" / "ped2"


def needs(path: Path) -> pytest.MarkDecorator:
    """Skip unless this footage is there."""
    return pytest.mark.skipif(not path.exists(), reason=f"needs the real footage {path.name} in ../shared")
