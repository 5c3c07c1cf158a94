"""Figures by group of clips, such as the hours of one day beside those of another, or one kind of fall."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from training.evaluation.events import event_metrics
from training.evaluation.false_alerts import normal_frames
from training.evaluation.metrics import frame_metrics
from training.evaluation.scored_clip import ScoredClip

_LAST_NUMBER = re.compile(r"[\W_]*\d+$")


def group_of(clip: ScoredClip) -> str:
    """What a clip is one of: its scene where the data set tells scenes apart, else its name without its last number."""
    return clip.clip.scene or _LAST_NUMBER.sub("", clip.clip.name)


def groups_of(clips: Sequence[ScoredClip], promised_per_day: float | None) -> dict[str, dict[str, Any]]:
    """Figures of each group; empty where there is one group alone, or as many as clips.

    Args:
        clips: Scored.
        promised_per_day: See ``FalseAlerts``.
    """
    groups: dict[str, list[ScoredClip]] = {}
    for clip in clips:
        groups.setdefault(group_of(clip), []).append(clip)
    if not 1 < len(groups) < len(clips):
        return {}
    return {name or "others": _figures(members, promised_per_day) for name, members in groups.items()}


def _figures(clips: Sequence[ScoredClip], promised_per_day: float | None) -> dict[str, Any]:
    counted, causal = [clip.counted for clip in clips], [clip.surprise for clip in clips]
    found = event_metrics(counted, causal)
    return {
        "clips": len(clips),
        "frames": sum(len(clip.index) for clip in clips),
        "micro_auc": frame_metrics([clip.truth.labels for clip in clips], causal).micro_auc,
        "events": found.events,
        "noticed": found.noticed,
        "noticed_in_time": found.noticed_in_time,
        "alerts": found.alerts,
        "false_alerts": asdict(normal_frames(counted, promised_per_day)),
    }
