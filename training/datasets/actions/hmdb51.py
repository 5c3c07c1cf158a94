"""HMDB51: 51 actions from films and the web.

Kuehne, Jhuang, Garrote, Poggio, Serre: HMDB: A Large Video Database for Human Motion Recognition, ICCV 2011.
Published layout, the archives of `hmdb51_org.rar` and `test_train_splits.rar` unpacked into one folder:

    brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi ...      or the same below videos/
    testTrainMulti_7030_splits/brush_hair_test_split1.txt ...      "NAME.avi 1": 1 trains, 2 tests, 0 does neither

A name ends in what is known of the clip: visible body parts, camera motion (`nm` none, `cm` some), number of people,
viewpoint, quality and the clip's number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from training.datasets.actions.base import ActionDataset, ActionSample, Split
from training.datasets.base import DatasetError, need
from training.datasets.text import read_text

KIND = "hmdb51"
LOOKS_FOR = "testTrainMulti_7030_splits/*_test_split1.txt beside a folder of .avi for each action (HMDB51)"
SPLIT = 1
"""Of three; the first is the one that single figures are given for."""

_LISTS = "testTrainMulti_7030_splits"
_CAMERA = re.compile(r"_(?:h|u|l|f)_(cm|nm)_np\d_(?:fr|ba|le|ri)_(?:goo|med|bad)_\d+$")
_SPLITS: dict[str, Split] = {"1": "train", "2": "test"}


def matches(root: Path) -> bool:
    """Whether the folder has this layout."""
    return (root / _LISTS).is_dir()


def read(root: Path) -> ActionDataset:
    """Read the data set's structure."""
    ending = f"_test_split{SPLIT}.txt"
    lists = sorted((root / _LISTS).glob(f"*{ending}"))
    if not lists:
        msg = f"expected lists ACTION{ending} in {root / _LISTS}, got none"
        raise DatasetError(msg)
    clips = root / "videos" if (root / "videos").is_dir() else root
    samples = [sample for path in lists for sample in _samples(path, clips / path.name.removesuffix(ending))]
    return ActionDataset.of("HMDB51", KIND, root, samples)


def _samples(path: Path, folder: Path) -> Iterator[ActionSample]:
    """The samples of one action that train or test."""
    for line in read_text(path).splitlines():
        name, _, code = line.strip().rpartition(" ")
        if not line.strip() or code == "0":
            continue
        if code not in _SPLITS:
            msg = f"{path}: expected lines NAME.avi and 0, 1 or 2, got {line!r}"
            raise DatasetError(msg)
        clip = need(folder / name.strip(), "a clip of HMDB51")
        camera = _CAMERA.search(clip.stem)
        yield ActionSample(
            f"{folder.name}/{clip.stem}",
            clip,
            folder.name.replace("_", " "),
            _SPLITS[code],
            still=None if camera is None else camera[1] == "nm",
        )
