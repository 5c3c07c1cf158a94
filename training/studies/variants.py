"""The built-in encoder trained anew with one thing changed: what the paper's tables 3 and 4 compare.

Each variant is trained from the same clips with the same seed and a budget that is the same for all, exported with its
svad head into a folder of its own, and measured from there. A variant whose packs are there already is not trained
again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from models.packs import MANIFEST, Pack
from training.data.object_clips import ObjectClips
from training.svad.built_in import SVAD, write_packs
from training.svad.trainer import Encode, Pretraining, built_in, pretrain, words
from training.text.phrases import Phrases

CLIP_LENGTHS = (5, 7, 9, 11)
"""Crops a clip, of the paper's table 4."""

_SEEN = 5  # crops shown in a step: the same work for all lengths


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the variants have in common.

    Attributes:
        clips: Folder of object clips.
        text: Folder of the text tower.
        out: Each variant gets a folder in it.
        settings: Of the pre-training, before the one thing is changed.
        encode: The sentence encoder that clips are aligned with.
    """

    clips: Path
    text: Path
    out: Path
    settings: Pretraining
    encode: Encode

    def make(self, name: str, settings: Pretraining) -> Pack:
        """Train and export one variant, unless it is there; returns the pack of its head."""
        folder, packs = self.out / name, self.out / "packs"
        place = packs / f"{SVAD}-{name}"
        if not (place / MANIFEST).is_file():
            data = ObjectClips(self.clips, settings.frames)
            said = words(data.actions, Phrases.load(), self.encode)
            pretrain(built_in(settings), data, said, settings, folder)
            write_packs(packs, self.clips, folder, self.text, None, (), version="0.0.0", suffix=f"-{name}")
        return Pack.load(place)


def clip_lengths(recipe: Recipe) -> Mapping[str, Callable[[], Pack]]:
    """Table 4: clips of 5, 7, 9 and 11 crops."""
    return {
        f"{frames} crops": _maker(recipe, f"frames-{frames}", replace(recipe.settings, frames=frames, seen=_SEEN))
        for frames in CLIP_LENGTHS
    }


def pretraining(recipe: Recipe) -> Mapping[str, Callable[[], Pack]]:
    """Table 3: without pre-training, the temporal fusion and (of the built-in encoder) the image tower are as new."""
    return {
        "without": _maker(recipe, "without", replace(recipe.settings, steps=0)),
        "with": _maker(recipe, "with", recipe.settings),
    }


def _maker(recipe: Recipe, name: str, settings: Pretraining) -> Callable[[], Pack]:
    return lambda: recipe.make(name, settings)
