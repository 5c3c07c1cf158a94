"""Whether a picture has colours: by infrared light a camera's has none."""

from __future__ import annotations

import numpy as np

from models.arrays import Image

GREY, COLOURED = 4.0, 8.0
"""Colourfulness below which a picture is grey, as by infrared, and from which it is not. The office has 0.1 to 0.3 by
infrared, and 12 to 78 by day and by lamps. Who needs an answer of every picture divides at the second."""

_SIDE = 128  # pixels of the longer side that are looked at


def colourfulness(image: Image) -> float:
    """The mean difference of the strongest and the weakest channel of a picture's pixels, in [0, 255].

    Args:
        image: ``(H, W, 3)`` BGR.
    """
    step = max(1, max(image.shape) // _SIDE)
    blue, green, red = np.moveaxis(image[::step, ::step], 2, 0)
    strongest, weakest = np.maximum(np.maximum(blue, green), red), np.minimum(np.minimum(blue, green), red)
    return float((strongest - weakest).mean())
