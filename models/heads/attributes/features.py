"""What the head keeps of a frame: where objects stand and how they move and look, and the windows that move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.arrays import Float32, Mask
from models.colour import COLOURED, colourfulness
from models.heads.attributes.descriptor import describe
from models.heads.attributes.embedding import shorten
from models.heads.attributes.skeletons import JOINTS
from models.heads.attributes.windows import find_windows, moving, thin
from models.inputs import Appearance, Keypoints
from models.observation import Motion, Observation

BODY = 0.6
"""The upper share of a box whose motion is the body's. Below it legs swing, and stand still half of the time."""

MIN_BODY = 0.1
"""The share of the body that must move or be foreground; with less, an object counts as standing."""


def describe_frame(observation: Observation) -> dict[str, NDArray[np.generic]]:
    """The features of one frame; see ``AttributesHead.features``."""
    boxes = observation.objects.boxes
    motion = observation.motion
    height, width = observation.image.shape[:2]
    grey = colourfulness(observation.image) < COLOURED
    believed = motion is not None and not motion.disturbed
    velocities = np.zeros((len(boxes), 2), np.float32)
    windows = np.zeros((0, 5), np.float32)
    # Of a camera that sends too seldom to see motion, only where objects are, how large and how they look is judged.
    if motion is not None and believed and motion.matched:
        motion = thin(motion)
        mask = moving(motion, observation.ignored)
        velocities = _body_velocities(motion, mask, boxes)
        found = find_windows(motion, mask)
        windows = np.concatenate([found.places, found.velocities, found.sizes[:, None].astype(np.float32)], axis=1)
    return {
        "boxes": boxes.astype(np.float32),
        "velocities": velocities,
        "appearance": describe(observation.image, boxes),
        "embeddings": _embeddings(observation),
        "skeletons": _skeletons(observation),
        "limbs": observation.limb_speeds.astype(np.float32),
        "still": observation.still_s.astype(np.float32),
        "changes": _changes(observation),
        "windows": windows,
        "frame": np.array(
            [width / height, believed, observation.recognised, grey, observation.since_light_s], np.float32
        ),
    }


def _embeddings(observation: Observation) -> NDArray[np.float16]:
    """``(N, D)``; D is 0 without a model."""
    embeddings = observation.appearance(Appearance())
    if embeddings is None:
        return np.zeros((len(observation.objects), 0), np.float16)
    return shorten(embeddings.astype(np.float64)).astype(np.float16)


def _skeletons(observation: Observation) -> NDArray[np.float16]:
    """``(N, 51)``, NaN rows where there is none; ``(N, 0)`` without an estimator."""
    keypoints = observation.keypoints(Keypoints())
    if keypoints is None:
        return np.zeros((len(observation.objects), 0), np.float16)
    return keypoints.reshape(len(keypoints), JOINTS * 3).astype(np.float16)


def _changes(observation: Observation) -> Float32:
    """``(C, 6)``: box, age in seconds, 1 if gone."""
    changes = observation.changes
    return np.concatenate([changes.boxes, changes.ages_s[:, None], changes.gone[:, None]], axis=1).astype(np.float32)


def _body_velocities(motion: Motion, mask: Mask, boxes: Float32) -> Float32:
    """``(N, 2)`` median velocity of what moves in the upper part of each box, in picture heights a second."""
    height, width = mask.shape
    velocities = np.zeros((len(boxes), 2), np.float32)
    scaled = boxes * np.array([width, height, width, height], np.float32)
    low = np.clip(scaled[:, :2].round(), 0, (width - 1, height - 1)).astype(np.intp)
    extent = scaled[:, 2:] * (1.0, BODY)
    high = np.clip((scaled[:, :2] + extent).round(), low + 1, (width, height)).astype(np.intp)
    for index, ((left, top), (right, bottom)) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        # At most some hundred pixels: their median is as good as that of ten thousand.
        step = 1 + int(((right - left) * (bottom - top) / 500) ** 0.5)
        body = mask[top:bottom:step, left:right:step]
        if np.count_nonzero(body) >= MIN_BODY * body.size:
            velocities[index] = np.median(motion.flow[top:bottom:step, left:right:step][body], axis=0)
    return velocities / np.float32(height * motion.interval)
