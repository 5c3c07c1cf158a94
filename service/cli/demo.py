"""``watchword demo``: a virtual camera, the service, and the page, in one command."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.console import console, fail_clearly

ENROL_SECONDS = 60.0
"""Of the plaza's normal life: enough for a first true alert (docs/performance.md), and short to wait for."""
