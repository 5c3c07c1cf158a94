"""Rules in words over recordings, set against a stream's recent objects as they are live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.arrays import Float32, Float64
from models.guidance.effect import Judgement
from models.guidance.guide import Guide
from models.guidance.language import Language
from models.guidance.rules import Match, Method, Rule, Seen, Verdict
from service.guidance.history import History
from service.guidance.stream_guidance import SAMPLE, TUNE_S
from training.studies.replay import Recording

PAST_BYTES = 24_000_000
"""Memory of a stream's past, as a service has it whose operator sets nothing."""


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

        Every ``TUNE_S`` the rules are set against its past, as those of a stream that begins with the recording.
        """
        language = self._language
        listed = (texts,) if isinstance(texts, str) else texts
        rules = [
            (Rule(str(number), text, verdict, method=method), language.read(text)) for number, text in enumerate(listed)
        ]
        guide = Guide.compile(rules, language.statements, language.bank)
        parts = []
        for stretch in self._cut(recording):
            tuned = guide.tuned(*stretch.past)
            parts.append(tuned.judge(stretch.seen))
        matches: tuple[tuple[Match, ...], ...] = tuple(row for part in parts for row in part.matches)
        return Judgement(
            np.concatenate([part.relief for part in parts]), np.concatenate([part.lift for part in parts]), matches
        )

    def _cut(self, recording: Recording) -> list[_Stretch]:
        key = id(recording)
        if key not in self._stretches:
            self._stretches[key] = list(_stretches(recording, self._language))
        return self._stretches[key]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The frames of a recording between two tunings.

    Attributes:
        recording: Whose; held so that its id is not given to another one.
        seen: Their objects, with their cosines where there is an encoder.
        past: What ``History.sample`` gave before them.
    """

    recording: Recording
    seen: Seen
    past: tuple[Float32, Float64]


def _stretches(recording: Recording, language: Language) -> Iterator[_Stretch]:
    history = History(PAST_BYTES)
    sample = history.sample(SAMPLE)
    start, tuned_at = 0, -np.inf
    for frame, pts in enumerate(recording.pts.tolist()):
        history.add(recording.unguided_frame(frame))
        if pts - tuned_at >= TUNE_S:
            yield _stretch(recording, start, frame + 1, language, sample)
            sample = history.sample(SAMPLE)
            start, tuned_at = frame + 1, pts
    yield _stretch(recording, start, len(recording.pts), language, sample)


def _stretch(recording: Recording, start: int, end: int, language: Language, past: tuple[Float32, Float64]) -> _Stretch:
    rows, seen = slice(int(recording.first[start]), int(recording.first[end])), recording.seen
    cosines = None if language.bank is None else language.bank.cosines(seen.embeddings[rows])
    part = Seen(seen.boxes[rows], seen.embeddings[rows], seen.captions[rows], seen.surprise[rows], cosines)
    return _Stretch(recording, part, past)
