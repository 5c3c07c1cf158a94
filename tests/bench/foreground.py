"""Background and detectors: what each costs a frame, and how much of the people the foreground covers.

    python -m tests.bench foreground [--weights ../shared/weights/yolox_nano.onnx]

On UCSD Ped2's training clips, on one thread, next to OpenCV's MOG2. The people are what YOLOX-nano finds with a
confidence of 0.5: of each, the ellipse inside the box is looked at. "missed" are those covered by less than 0.3;
"outside" is the share of foreground where the detector sees nobody, which holds people it misses too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from models.observation import Objects
from service.engine.detectors import OnnxDetector, Options
from service.engine.detectors.motion import regions
from service.frames import Frame, PreparedFrame
from service.ingest.background import Background

SHARED = Path(__file__).parents[3] / "shared"
CLIPS = (1, 2, 7, 16)
FPS = 10.0
FIRST_JUDGED = 30  # frames: both models begin on a crowd
EVERY = 6

Picture = NDArray[np.uint8]
Model = Callable[[Picture, float], Picture]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=SHARED / "weights" / "yolox_nano.onnx")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    detector = OnnxDetector(arguments.weights, Options(confidence=0.5), threads=1)
    clips = [list(pictures(SHARED / "data" / "ped2" / f"train_{number:02d}.mp4")) for number in CLIPS]
    people, spent = detect(detector, clips)
    detector.close()
    print(f"detector, whole picture in tiles: {spent * 1e3:.1f} ms a frame (processor time)")
    print(f"{'model':12}{'ms a frame':>12}{'median':>9}{'covered':>9}{'missed':>9}{'outside':>9}")
    for name, make in (("background", background), ("MOG2", mog2)):
        covered, outside, costs = judge(make, clips, people)
        print(
            f"{name:12}{np.mean(costs) * 1e3:12.2f}{np.median(costs) * 1e3:9.2f}{np.mean(covered):9.2f}"
            f"{np.mean(np.array(covered) < 0.3):9.3f}{np.mean(outside):9.4f}"
        )
    print(f"motion detector on the background: {1e3 * cost_of_regions(clips[0]):.2f} ms a frame")


def pictures(path: Path) -> Iterator[Picture]:
    """The frames of a clip, BGR."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def detect(detector: OnnxDetector, clips: list[list[Picture]]) -> tuple[list[dict[int, Objects]], float]:
    """By clip and frame, what the detector finds; and its processor seconds a frame."""
    found: list[dict[int, Objects]] = []
    begin, count = time.process_time(), 0
    for clip in clips:
        judged = range(FIRST_JUDGED, len(clip), EVERY)
        count += len(judged)
        frames = {index: PreparedFrame("bench", 0, Frame(index, 0, 0, 0, clip[index]), None) for index in judged}
        found.append({index: detector.detect([frame])[0] for index, frame in frames.items()})
    return found, (time.process_time() - begin) / count


def background() -> Model:
    """Ours."""
    model = Background()
    return lambda grey, pts: model.update(grey, pts)[0]


def mog2() -> Model:
    """OpenCV's, with its defaults and no shadows."""
    model = cv2.createBackgroundSubtractorMOG2(detectShadows=False)
    return lambda grey, _: np.asarray(model.apply(grey), np.uint8) // 255


def judge(
    make: Callable[[], Model], clips: list[list[Picture]], people: list[dict[int, Objects]]
) -> tuple[list[float], list[float], list[float]]:
    """Per person the share covered, per frame the share of foreground outside, per frame the seconds."""
    covered, outside, costs = [], [], []
    for clip, found in zip(clips, people, strict=True):
        model = make()
        for index, picture in enumerate(clip):
            grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
            begin = time.thread_time()
            mask = model(np.asarray(grey, np.uint8), index / FPS)
            costs.append(time.thread_time() - begin)
            if index in found:
                somebody = np.zeros_like(mask)
                for box in found[index].boxes * (*picture.shape[1::-1], *picture.shape[1::-1]):
                    covered.append(float(mask[ellipse(mask, box)].mean()))
                    x, y, width, height = box
                    cv2.rectangle(somebody, (int(x - 3), int(y - 3)), (int(x + width + 3), int(y + height + 3)), 1, -1)
                outside.append(float(mask[somebody == 0].mean()))
    return covered, outside, costs


def ellipse(mask: Picture, box: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The part of a person's box that is sure to be person."""
    inside = np.zeros_like(mask)
    x, y, width, height = box
    centre, axes = (int(x + width / 2), int(y + height / 2)), (max(1, int(0.35 * width)), max(1, int(0.42 * height)))
    cv2.ellipse(inside, centre, axes, 0, 0, 360, 1, -1)
    return inside.astype(np.bool_)


def cost_of_regions(clip: list[Picture]) -> float:
    """Processor seconds of the motion detector a frame."""
    model = background()
    masks = [
        model(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8), index / FPS)
        for index, picture in enumerate(clip)
    ]
    begin = time.thread_time()
    for mask in masks:
        regions(mask)
    return (time.thread_time() - begin) / len(masks)


if __name__ == "__main__":
    main()
