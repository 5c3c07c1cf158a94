"""What all tests share: `support` importable, and no deadline by the clock, which a busy machine would miss."""

from __future__ import annotations

import sys
from pathlib import Path

import hypothesis

sys.path.insert(0, str(Path(__file__).parent))

hypothesis.settings.register_profile("watchword", deadline=None)
hypothesis.settings.load_profile("watchword")
