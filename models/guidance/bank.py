"""The phrase bank of a joint space: what a camera may see, in words, and where those words lie.

Response vectors are similarities to its actions (Gao et al., Scene-adaptive SVAD, eq. 8); all of it is the contrast
that text guidance needs. An operator's own file extends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from models.arrays import Float32, Index

Kind = Literal["action", "background"]

MAX_PHRASES = 5000
"""More would cost each object more than its image tower does."""

_MAX_FILE = 2_000_000


class Phrase(BaseModel):
    """One entry of a file of phrases.

    Attributes:
        text: What is said, such as "a person riding a bicycle".
        kind: ``action`` for what objects do, ``background`` for what is merely there: weather, light, places.
        trained: Whether the encoder learned clips of something that this means. What a clip seems to have in common
            with other phrases is chance.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    text: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$")]
    kind: Kind
    trained: bool = True


LIKE_A_TRAINED = 0.75
"""Cosine to something that an encoder was trained on from which a phrase means the same, as
`models.guidance.text_reader` has it for rules. "A person raking leaves" is like sweeping by 0.76, "a person vomiting"
like throwing by 0.69."""

_PHRASES = TypeAdapter(Annotated[tuple[Phrase, ...], Field(min_length=1, max_length=MAX_PHRASES, strict=False)])


@dataclass(frozen=True, slots=True)
class Bank:
    """Phrases and their features in one encoder's space.

    Attributes:
        phrases: ``K`` texts, each once.
        kinds: ``K`` times ``action`` or ``background``.
        features: ``(K, D)`` float32, each of unit length.
        trained: ``K`` times whether the encoder learned clips of what the phrase means; None where it did of all.
    """

    phrases: tuple[str, ...]
    kinds: tuple[str, ...]
    features: Float32
    trained: tuple[bool, ...] | None = None

    def __post_init__(self) -> None:
        """Check.

        Raises:
            ValueError: The parts do not fit each other, a phrase comes twice, or a feature is not of unit length.
        """
        count = len(self.phrases)
        shape = self.features.shape
        if len(self.kinds) != count or len(shape) != 2 or shape[0] != count or self.features.dtype != np.float32:
            got = f"{len(self.kinds)} kinds and {self.features.dtype} features of {shape}"
            msg = f"expected a kind and a float32 feature for each of {count} phrases, got {got}"
            raise ValueError(msg)
        if unknown := set(self.kinds) - set(get_args(Kind)):
            msg = f"expected kinds of {', '.join(get_args(Kind))}, got {sorted(unknown)}"
            raise ValueError(msg)
        if self.trained is not None and len(self.trained) != count:
            msg = f"expected to know of each of {count} phrases whether it was trained, got {len(self.trained)}"
            raise ValueError(msg)
        if len({text.casefold() for text in self.phrases}) < count:
            msg = "expected every phrase once"
            raise ValueError(msg)
        if not np.allclose(np.linalg.norm(self.features, axis=1), 1.0, atol=1e-3):
            msg = "expected features of unit length"
            raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.phrases)

    @property
    def actions(self) -> Index:
        """Indices of what objects do."""
        return np.flatnonzero(np.array(self.kinds) == "action")

    def extended(self, phrases: Sequence[str], kinds: Sequence[str], features: Float32) -> Bank:
        """A bank with these entries behind its own; those whose text it has already are left out.

        Args:
            phrases: ``M`` texts.
            kinds: ``M`` times ``action`` or ``background``.
            features: ``(M, D)`` float32 of unit length, in the bank's space.

        Raises:
            ValueError: As at construction, or the bank would exceed ``MAX_PHRASES``.
        """
        known = {text.casefold() for text in self.phrases}
        new = [index for index, text in enumerate(phrases) if text.casefold() not in known]
        if len(self) + len(new) > MAX_PHRASES:
            msg = f"expected at most {MAX_PHRASES} phrases, got {len(self) + len(new)}"
            raise ValueError(msg)
        trained = None
        if self.trained is not None:
            like = (features[new] @ self.features[np.array(self.trained)].T).max(axis=1, initial=-1.0)
            trained = (*self.trained, *(like >= LIKE_A_TRAINED).tolist())
        return Bank(
            (*self.phrases, *(phrases[index] for index in new)),
            (*self.kinds, *(kinds[index] for index in new)),
            np.concatenate([self.features, features[new]]),
            trained,
        )

    @classmethod
    def of(cls, phrases: Sequence[Phrase], features: Float32) -> Bank:
        """The bank of a pack: phrases and their features, in the same order."""
        trained = tuple(phrase.trained for phrase in phrases)
        texts, kinds = tuple(phrase.text for phrase in phrases), tuple(phrase.kind for phrase in phrases)
        return cls(texts, kinds, features, None if all(trained) else trained)


def read_phrases(path: Path) -> tuple[Phrase, ...]:
    """Read a file of phrases.

    It is a JSON list of ``{"text": ..., "kind": "action" | "background"}``, and ``"trained": false`` where the encoder
    knows no clips of it.

    Raises:
        ValueError: It is not of this form, too large, or says something twice; the message names file and entry.
        OSError: It cannot be read.
    """
    if (size := path.stat().st_size) > _MAX_FILE:
        msg = f"{path.name}: expected at most {_MAX_FILE} bytes, got {size}"
        raise ValueError(msg)
    try:
        phrases = _PHRASES.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        msg = f"{path.name}: {where}: {first['msg']}"
        raise ValueError(msg) from error
    seen: set[str] = set()
    for phrase in phrases:
        if (text := phrase.text.casefold()) in seen:
            msg = f"{path.name}: expected every phrase once, got {phrase.text!r} twice"
            raise ValueError(msg)
        seen.add(text)
    return phrases
