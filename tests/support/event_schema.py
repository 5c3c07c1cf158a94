"""``docs/alert-event.schema.json``, as the contract would have it. Run as a program it writes the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from service.contracts.alert import AlertEvent

FILE = Path(__file__).parents[2] / "docs/alert-event.schema.json"


def event_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what the Redis channel and webhooks carry."""
    found = AlertEvent.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def written(schema: dict[str, Any]) -> str:
    """As the file has it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(event_schema()))
