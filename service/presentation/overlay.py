"""Boxes and labels on a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import cv2
import numpy as np

from models.arrays import Float32, Image
from service.contracts.score import ScoredObject

Colour = tuple[int, int, int]

CALM: Final[Colour] = (150, 190, 60)
"""BGR of what did not make the score, and of what did while that is far below the threshold: teal."""
RAISED: Final[Colour] = (40, 180, 250)
"""From three quarters of the threshold: amber."""
ALARM: Final[Colour] = (60, 50, 235)
"""From the threshold: red."""

_DARK: Final[Colour] = (20, 20, 20)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_RAISED_SHARE = 0.75
_LONGEST = 40  # letters of a reason in a label: about a third of a picture's width
_CROWDED = 12
"""With more objects than this, the plain ones keep their box and lose their label: labels of a crowd cover the
picture."""


def draw(image: Image, objects: Sequence[ScoredObject], alarm: Colour, heat: Float32 | None = None) -> Image:
    """A copy of a picture with its objects' boxes and labels: the culprit in a colour of its own and on top.

    Args:
        image: ``(H, W, 3)`` uint8, BGR.
        objects: Boxes as fractions of the picture; they may reach beyond it.
        alarm: The culprit's colour: ``level`` of the frame's score, ``ALARM`` in the picture of an alert. The others
            are plain: what they score themselves is beside the point.
        heat: ``(h, w)`` float32 in [0, 1] over the picture, which is reddened where it is hot; None for none.
    """
    canvas = image.copy() if heat is None else _heated(image, heat)
    pen = _Pen(canvas)
    for scored in sorted(objects, key=lambda scored: (scored.culprit, -1.0 if scored.score is None else scored.score)):
        colour = alarm if scored.culprit else CALM
        labelled = colour is not CALM or len(objects) <= _CROWDED
        pen.mark(scored, colour, _label(scored, why=colour is not CALM) if labelled else None)
    return canvas


def level(score: float | None, threshold: float | None) -> Colour:
    """The colour that says how unusual a frame is.

    Args:
        score: The frame's, in [0, 1]; None for none.
        threshold: Score at which an alert opens; None while there is none.
    """
    if score is None or threshold is None or score < threshold * _RAISED_SHARE:
        return CALM
    return RAISED if score < threshold else ALARM


def worth_heat(score: float | None, threshold: float | None) -> bool:
    """Whether to show where a frame's score comes from: of a calm one it says nothing."""
    return score is not None and threshold is not None and score >= threshold * _RAISED_SHARE


def _heated(image: Image, heat: Float32) -> Image:
    """A copy of a picture, reddened where it is hot: by half at most, so that what is there can still be seen."""
    height, width = image.shape[:2]
    share = cv2.resize(np.clip(heat, 0, 1).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    share = 0.5 * np.asarray(share, np.float32)[..., None]
    return (image * (1 - share) + np.array(ALARM, np.float32) * share).round().astype(np.uint8)


def encode_jpeg(image: Image, quality: int = 85) -> bytes:
    """A picture as JPEG.

    Args:
        image: ``(H, W, 3)`` uint8, BGR.
        quality: 1 to 100. At 85 a 640x360 street scene is about 60 KB, and its artefacts cannot be seen.
    """
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cast("Image", encoded).tobytes()


def _label(scored: ScoredObject, *, why: bool) -> str:
    number = "" if scored.track_id is None else f" {scored.track_id}"
    score = "" if scored.score is None else f"  {scored.score:.2f}"
    reason = _reason(scored) if why else ""
    # OpenCV's fonts have no letters beyond ASCII.
    return f"{scored.label}{number}{score}{reason}".encode("ascii", "replace").decode()


def _reason(scored: ScoredObject) -> str:
    """The rule that it matched."""
    rule = next((match.text for match in scored.matches if match.verdict == "anomaly"), None)
    return "" if rule is None else f"  rule: {_short(rule)}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


class _Pen:
    """Draws on one canvas, with lines and letters sized to it."""

    def __init__(self, canvas: Image) -> None:
        self._canvas = canvas
        self._height, self._width = canvas.shape[:2]
        # Of the picture's diagonal, so that a label is as legible on a 240-line camera as on a 4K one once
        # both are shown in the same tile.
        diagonal = float(np.hypot(self._height, self._width))
        self._line = max(1, round(diagonal / 500))
        self._font = max(0.35, diagonal / 1900)
        self._stroke = max(1, round(self._font * 1.6))
        self._pad = max(2, round(diagonal / 300))

    def mark(self, scored: ScoredObject, colour: Colour, label: str | None) -> None:
        """One object's box with its label above it, or inside where there is no room above."""
        x, y, width, height = scored.box
        left, top = self._clip(x, y)
        right, bottom = self._clip(x + width, y + height)
        # A dark line beside the coloured one: visible on snow and on asphalt.
        shadow = self._line
        cv2.rectangle(self._canvas, (left + shadow, top + shadow), (right + shadow, bottom + shadow), _DARK, self._line)
        cv2.rectangle(self._canvas, (left, top), (right, bottom), colour, self._line)
        if label:
            self._write(label, left, top, colour)

    def _clip(self, x: float, y: float) -> tuple[int, int]:
        column = min(max(round(x * self._width), 0), self._width - 1)
        row = min(max(round(y * self._height), 0), self._height - 1)
        return column, row

    def _write(self, text: str, left: int, top: int, colour: Colour) -> None:
        (width, height), below = cv2.getTextSize(text, _FONT, self._font, self._stroke)
        box_width, box_height = width + 2 * self._pad, height + below + self._pad
        x = max(0, min(left, self._width - box_width))
        y = top - box_height if top >= box_height else top
        cv2.rectangle(self._canvas, (x, y), (x + box_width, y + box_height), colour, cv2.FILLED)
        ink = _DARK if sum(colour) > 380 else (255, 255, 255)
        at = (x + self._pad, y + height + self._pad // 2 + 1)
        cv2.putText(self._canvas, text, at, _FONT, self._font, ink, self._stroke, cv2.LINE_AA)
