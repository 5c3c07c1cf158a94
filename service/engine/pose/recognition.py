"""Which layout a graph of poses is of, told from what it takes and gives, and from a trial."""

from __future__ import annotations

import numpy as np

from models.graph import Tensor
from models.packs import PackError
from service.engine.pose.layouts import LAYOUTS, PoseLayout, foreign_layouts, layout_named
from service.engine.session import Session

_KNOWN = (
    "Known are MoveNet MultiPose (1, h, w, 3) to (1, 6, 56), MoveNet SinglePose to (1, 1, 17, 3), RTMPose with its two "
    "outputs of SimCC, and pose networks of YOLOv8, YOLO11 and YOLO26, all with the 17 keypoints of COCO."
)


def recognise(session: Session, wanted: str | None) -> tuple[PoseLayout, tuple[int, int]]:
    """Tell a graph's layout, and try it.

    Args:
        session: Of the graph.
        wanted: The layout that a manifest says; None tells it from the graph.

    Returns:
        The layout, and width and height of the input.

    Raises:
        PackError: ``unknown_layout``, or ``wrong_layout`` with what was found.
    """
    inputs, outputs = session.inputs, session.outputs
    named = None if wanted is None else layout_named(wanted)
    able = [each for each in (*LAYOUTS.values(), *foreign_layouts().values()) if each.recognises(inputs, outputs)]
    takes = f"This graph takes {_list(inputs)} and gives {_list(outputs)}"
    if not able:
        raise PackError("wrong_layout", f"{takes}, which is no layout of poses that is known. {_KNOWN}")
    if named is not None and named not in able:
        message = f"{takes}, which is the layout {able[0].name}, not {wanted} as its pack says."
        raise PackError("wrong_layout", message)
    layout = named or able[0]
    size = layout.size(inputs[0])
    _try(session, layout, size, takes)
    return layout, size


def _try(session: Session, layout: PoseLayout, size: tuple[int, int], takes: str) -> None:
    """Run it on a picture of a coarse pattern: shapes that are declared may be open, and are alike."""
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    rows, columns = (np.arange(side) * 8 // side for side in size[::-1])
    picture = np.ascontiguousarray(coarse[rows][:, columns])[None]
    taken = session.inputs[0]
    try:
        answer = session.run({taken.name: layout.feed(picture, taken)})
        [people] = layout.read([answer[tensor.name] for tensor in session.outputs], size)
    except Exception as error:  # ONNX Runtime's exceptions share no base class, and any layout may be another's
        why = " ".join(str(error).split())[:200]
        raise PackError("wrong_layout", f"{takes}, and does not run as the layout {layout.name}: {why}") from error
    problem = _problem(people.points, people.scores)
    if problem is not None:
        raise PackError("wrong_layout", f"{takes}, which is the shape of the layout {layout.name}, but {problem}.")


def _problem(points: np.ndarray, scores: np.ndarray) -> str | None:
    """Why these can be no keypoints; None if they can."""
    if points.ndim != 3 or points.shape[1:] != (17, 3) or scores.shape != points.shape[:1]:
        return f"it reads as keypoints of shape {points.shape} with scores of shape {scores.shape}"
    if not np.isfinite(points).all() or not np.isfinite(scores).all():
        return "it gives numbers that are not finite for an ordinary picture"
    confidences = np.concatenate([points[..., 2].ravel(), scores])
    if confidences.size and (confidences.min() < -1e-3 or confidences.max() > 1 + 1e-3):
        return f"its confidences are not from 0 to 1: {confidences.min():.4g} to {confidences.max():.4g}"
    return None


def _list(tensors: tuple[Tensor, ...]) -> str:
    return "; ".join(map(str, tensors)) or "nothing"
