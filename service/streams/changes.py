"""What a patch of a stream's settings changes, and what for that a stream has to be built anew."""

from __future__ import annotations

from service.contracts.stream import StreamPatch

REBUILDING = {"url", "transport", "fps", "detector", "packs", "encoder", "pose", "appearance", "enabled"}
"""Settings that a stream is stopped and started for; the others are changed while it runs."""


def changes_of(patch: StreamPatch) -> dict[str, object]:
    """The settings that a patch names. Setting one of ``threshold`` and ``alerts_per_day`` takes the other back.

    Credentials are no setting: they go into the source.
    """
    changes = {name: getattr(patch, name) for name in patch.model_fields_set - {"credentials"}}
    for given, other in (("threshold", "alerts_per_day"), ("alerts_per_day", "threshold")):
        if changes.get(given) is not None and other not in changes:
            return {**changes, other: None}
    return changes
