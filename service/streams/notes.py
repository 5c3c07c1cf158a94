"""What people should know of a source that works, in sentences."""

from __future__ import annotations

from models.inputs import FrameWindow
from service.contracts.drift import DriftOut
from service.ingest.frame_windows import longest_step
from service.ingest.ingest import IngestStatus
from service.ingest.prepare import MAX_PAIR_S, PAIR_SLACK
from service.pipeline.stages import Stages


def source_notes(source: IngestStatus, stages: Stages, moved: str | None = None) -> list[str]:
    """What a source's clock, rate and view mean for what is said of it; empty if nothing is to be said.

    Args:
        source: How the source is doing.
        stages: What looks at its frames.
        moved: When the camera was moved since it learned, in words; None if it was not.
    """
    notes = []
    if moved is not None:
        notes.append(
            f"The camera was moved at {moved}: what was learned here is of another view. Let it learn again, "
            "or turn it back."
        )
    if source.distrust is not None:
        notes.append(f"Its time stamps {source.distrust}, so its pictures are timed by their arrival.")
    step = source.usual_step
    if step is None:
        return notes
    if step > MAX_PAIR_S * PAIR_SLACK:
        notes.append(
            f"It sends a picture every {step:.1f} seconds, which is too seldom to see how things move: only their "
            f"place, size and looks are judged. Motion needs a picture at least every {MAX_PAIR_S:g} seconds."
        )
    notes.extend(_blind_heads(step, stages))
    return notes


def _blind_heads(step: float, stages: Stages) -> list[str]:
    """Of the heads whose windows never fill at this rate."""
    notes = []
    for name, loaded in stages.heads.items():
        windows = [wanted for wanted in loaded.head.inputs if isinstance(wanted, FrameWindow)]
        least = min(map(longest_step, windows), default=step)
        if step > least:
            notes.append(
                f"{name} needs a picture every {least:.1f} seconds and gets one every {step:.1f} seconds, so it says "
                "nothing here. Raise the camera's frame rate."
            )
    return notes


def drift_notes(drift: DriftOut | None) -> list[str]:
    """That normal has changed, with how much; empty if it has not."""
    if drift is None or not drift.changed:
        return []
    newest, before = [day.share for day in drift.days if day.beyond][:2]
    return [
        f"Normal has changed here: on the last two days {100 * before:.1f} % and {100 * newest:.1f} % of the pictures "
        f"were as unusual as {100 * drift.expected:.0f} % was while learning. Extend what was learned?"
    ]
