"""Rules in words over recordings, set against a stream's recent objects as they are live."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.observation import UNTRACKED
from models.scoring.guidance import Floats, Guide, Judgement, Match, Method, Rule, Seen, Verdict
from service.guidance import SAMPLE, TUNE_S
from service.language import Language
from service.recent import SAME
from training.replay import Recording


class Rulebook:
    """Judges recordings by rules. Keeps what does not depend on the rule, so that the next one costs little."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._stretches: dict[int, list[_Stretch]] = {}

    def judge(
        self,
        recording: Recording,
        texts: str | tuple[str, ...],
        verdict: Verdict = "normal",
        method: Method = "contrastive",
    ) -> Judgement:
        """What one rule, or several of one verdict, says of all objects of a recording.

        Every ``TUNE_S`` the rules are set against the clips seen so far, as in a stream that has just begun.
        """
        language = self._language
        listed = (texts,) if isinstance(texts, str) else texts
        rules = [
            (Rule(str(number), text, verdict, method=method), language.read(text)) for number, text in enumerate(listed)
        ]
        guide = Guide.compile(rules, language.statements, language.space)
        parts = []
        for stretch in self._cut(recording):
            tuned = guide.tuned(stretch.past, stretch.past_surprise)
            parts.append(tuned.judge(stretch.seen, cosines=stretch.cosines))
        matches: tuple[tuple[Match, ...], ...] = tuple(row for part in parts for row in part.matches)
        return Judgement(
            np.concatenate([part.relief for part in parts]), np.concatenate([part.lift for part in parts]), matches
        )

    def _cut(self, recording: Recording) -> list[_Stretch]:
        key = id(recording)
        if key not in self._stretches:
            self._stretches[key] = list(_stretches(recording, self._language))
        return self._stretches[key]


class _Stretch:
    """Rows of a recording between two tunings, with what was seen before them."""

    __slots__ = ("cosines", "past", "past_surprise", "recording", "seen")

    def __init__(self, recording: Recording, rows: slice, past: NDArray[np.intp], language: Language) -> None:
        seen = recording.seen
        self.recording = recording  # so that its id is not given to another one
        self.seen = Seen(
            seen.boxes[rows],
            seen.video[rows],
            seen.captions[rows],
            seen.surprise[rows],
        )
        self.past: Floats = seen.video[past]
        self.past_surprise = seen.surprise[: rows.start]
        self.cosines = None if language.space is None else language.space.cosines(self.seen.video)


def _stretches(recording: Recording, language: Language) -> Iterator[_Stretch]:
    distinct = _distinct(recording)
    edges = np.arange(recording.pts[0], recording.pts[-1] + TUNE_S, TUNE_S)[1:]
    frames = np.unique([0, *np.searchsorted(recording.pts, edges), len(recording.pts)])
    for start, end in pairwise(frames.tolist()):
        rows = slice(int(recording.first[start]), int(recording.first[end]))
        past = distinct[distinct < rows.start]
        chosen = past[np.linspace(0, len(past) - 1, min(SAMPLE, len(past))).round().astype(int)]
        yield _Stretch(recording, rows, chosen, language)


def _distinct(recording: Recording) -> NDArray[np.intp]:
    """Rows whose clip differs from the one their track had before: what a stream's memory keeps."""
    video = recording.seen.video
    last: dict[int, Floats] = {}
    kept = []
    for row in np.flatnonzero((recording.tracks != UNTRACKED) & ~np.isnan(video).any(axis=1)):
        track = int(recording.tracks[row])
        if track not in last or float(last[track] @ video[row]) < SAME:
            last[track] = video[row]
            kept.append(row)
    return np.array(kept, np.intp)
