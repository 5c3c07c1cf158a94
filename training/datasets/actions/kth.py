"""KTH: 25 people, six actions, four settings; each video holds about four stretches of its action.

Schuldt, Laptev, Caputo: Recognizing Human Actions, ICPR 2004. Published layout:

    00sequences.txt                                "person01_boxing_d1   frames   1-95, 96-185, 186-245, 246-360"
    boxing/person01_boxing_d1_uncomp.avi ...

Frames are counted from 1, both ends included; where a person walks or runs out of the picture, the time between is
in no stretch. The file also says which people train, validate and test. In setting d2 the camera zooms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from training.datasets.actions.base import ActionDataset, ActionSample, Split, in_words
from training.datasets.base import DatasetError, need

KIND = "kth"
LOOKS_FOR = "00sequences.txt beside boxing/person01_boxing_d1_uncomp.avi and the like (KTH)"

ACTIONS = {
    "boxing": "boxing",
    "handclapping": "clapping hands",
    "handwaving": "waving both hands",
    "jogging": "jogging",
    "running": "running",
    "walking": "walking",
}
PEOPLE: dict[Split, tuple[int, ...]] = {
    "train": (11, 12, 13, 14, 15, 16, 17, 18),
    "validation": (19, 20, 21, 23, 24, 25, 1, 4),
    "test": (22, 2, 3, 5, 6, 7, 8, 9, 10),
}
_SPLIT_OF = {person: split for split, people in PEOPLE.items() for person in people}
_LINE = re.compile(r"(person(\d\d)_([a-z]+)_d([1-4]))\s+frames\s+(.+)")
_STRETCH = re.compile(r"(\d+)\s*-\s*(\d+)")


def matches(root: Path) -> bool:
    """Whether the folder has this layout."""
    return (root / "00sequences.txt").is_file()


def read(root: Path) -> ActionDataset:
    """Read the data set's structure. A line that says a video is missing (there is one) names no frames."""
    listed = root / "00sequences.txt"
    samples = [
        sample
        for line in listed.read_text(errors="replace").splitlines()
        if (found := _LINE.match(line.strip()))
        for sample in _samples(root, found)
    ]
    if not samples:
        msg = f"{listed}: expected lines such as 'person01_boxing_d1 frames 1-95, 96-185', got none"
        raise DatasetError(msg)
    return ActionDataset.of("KTH", KIND, root, samples)


def _samples(root: Path, line: re.Match[str]) -> Iterator[ActionSample]:
    name, person, label, setting, stretches = line.groups()
    if int(person) not in _SPLIT_OF:
        msg = f"{root / '00sequences.txt'}: expected people 01 to 25, got {name}"
        raise DatasetError(msg)
    action = in_words(label, ACTIONS, root / "00sequences.txt")
    clip = need(root / label / f"{name}_uncomp.avi", "a video of KTH")
    for number, (first, last) in enumerate(_STRETCH.findall(stretches), start=1):
        if not 1 <= int(first) < int(last):
            msg = f"{root / '00sequences.txt'}: {name}: expected frames FIRST-LAST counted from 1, got {first}-{last}"
            raise DatasetError(msg)
        yield ActionSample(
            f"{name}/{number}",
            clip,
            action,
            _SPLIT_OF[int(person)],
            start=int(first) - 1,
            end=int(last),
            still=False if setting == "2" else None,
        )
