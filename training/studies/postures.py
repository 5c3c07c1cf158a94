"""What captions say of people's postures, and what rules about postures match, on real footage.

    watchword study postures ../shared/data/falls --posture "a08*=sitting" --out results/postures
    watchword study posture-rules ../shared/data/falls --posture "a08*=sitting" --paraphrases FILE --out results/rules

What people do is told by ``--posture`` (``training.studies.posture_truth``). All clips of a data set are recorded as
the service sees them. The profile is learned from the training clips in which nobody does what is to be called normal,
so that there is something for such a rule to relieve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from models.guidance.captions import Caption
from models.guidance.language import Language
from models.guidance.rules import Verdict
from models.guidance.vocabulary import PERSON
from models.posture import POSTURES
from service.ingest.listing import count_frames
from service.pipeline.offline import OfflinePipeline
from service.pipeline.scored import display
from training.datasets import Clip, Dataset, DatasetError, LabelledClip
from training.evaluation.evaluate import Progress, Silent, decoded
from training.evaluation.tables import percent, table
from training.studies.posture_truth import PostureTruth, postures_of
from training.studies.redefinition import MAX_MOVE
from training.studies.replay import Recording, record, replay
from training.studies.rules import Rulebook
from training.studies.study import Setup, Study
from training.text.paraphrases import Paraphrases

SAID = ("standing", "walking slowly", "walking", "running", *POSTURES[1:4], "falling")
"""What a caption may say that a person does."""

NOTHING, NOBODY = "a person", "nobody seen"
"""Of a caption that says nothing of how a person is held, and of a frame without a person."""

RULES: Mapping[str, tuple[Verdict, str]] = {
    "lie": ("anomaly", "lying"),
    "sit": ("normal", "sitting"),
    "raise_arms": ("anomaly", "arms raised"),
}
"""Of each action of a file of paraphrases, what its rules say and the posture that they are about."""

SAME_FRAMES, SAME_OTHERS = 0.8, 0.02
"""A paraphrase does what its rule does if it matches at least this share of the named frames that the rule matches, and
at most so much more of the others."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A recording, and what is done in each of its ``F`` frames; None where nobody said."""

    recording: Recording
    done: tuple[str | None, ...]


def watch_dataset(
    dataset: Dataset,
    given: Sequence[PostureTruth],
    setup: Setup,
    pipeline: OfflinePipeline,
    progress: Progress | None = None,
    learn: str = "*",
) -> Iterator[Watched]:
    """Record the clips of a data set of which something was said.

    Args:
        dataset: With training clips.
        given: What people do.
        setup: As of every study.
        pipeline: The service's.
        progress: Told how far it is.
        learn: Pattern of the names of training clips that may be learned from.

    Raises:
        DatasetError: If no clip is left to learn from, or nothing is said of any.
    """
    progress = progress or Silent()
    relieved = {posture for verdict, posture in RULES.values() if verdict == "normal"}
    told = {clip.name: _done(clip, given) for clip in (*dataset.train, *dataset.test)}
    taught = [clip for clip in dataset.train if fnmatchcase(clip.name, learn) and not relieved & {*told[clip.name]}]
    if not taught or not any(any(done) for done in told.values()):
        msg = f"{dataset.root}: expected training clips like {learn!r}, and --posture of some clips, got none"
        raise DatasetError(msg)
    progress.begin(f"enrolment: {dataset.name}", sum(count_frames(clip.source) for clip in taught))
    footage = (decoded(clip, setup.settings, setup.fps, pipeline.windows) for clip in taught)
    profile = replace(pipeline.enrol(footage, dataset.name, progress.advance), samples=None)
    for clip in (*dataset.train, *dataset.test):
        done = told[clip.name]
        if not any(done):
            continue
        progress.begin(f"recording: {clip.name}", len(done))
        with closing(decoded(clip, setup.settings, setup.fps, pipeline.windows)) as frames:
            recording = record(clip.name, frames, pipeline, profile, setup.threshold(profile), progress.advance)
        yield Watched(recording, tuple(done[index] for index in recording.index.tolist()))


def _done(clip: Clip, given: Sequence[PostureTruth]) -> tuple[str | None, ...]:
    truth = clip.truth() if isinstance(clip, LabelledClip) else None
    return postures_of(clip, truth, count_frames(clip.source), given)


def said_of(watched: Watched) -> Iterator[tuple[str, str, bool]]:
    """What is done, what the largest person's caption says, and whether it says that arms are raised.

    Of each frame of which something was said.
    """
    recording = watched.recording
    areas = recording.seen.boxes[:, 2:].prod(axis=1)
    for frame, done in enumerate(watched.done):
        if done is None:
            continue
        rows = range(*recording.rows(frame).indices(len(areas)))
        people = [row for row in rows if _is_person(recording.seen.captions[row])]
        if not people:
            yield done, NOBODY, False
            continue
        caption = recording.seen.captions[max(people, key=lambda row: float(areas[row]))]
        assert caption is not None
        states = [name for name in SAID if f"{PERSON} {name}" in caption.facts]
        yield done, states[0] if states else NOTHING, f"{PERSON} {POSTURES[4]}" in caption.facts


def _is_person(caption: Caption | None) -> bool:
    return caption is not None and PERSON in caption.facts


def study_postures(watched: Sequence[Watched]) -> Study:
    """What captions say in the frames of each posture: a table of confusion."""
    counts: dict[str, Counter[str]] = {}
    raised: Counter[str] = Counter()
    for one in watched:
        for done, said, arms in said_of(one):
            counts.setdefault(done, Counter())[said] += 1
            raised[done] += arms
    columns = [name for name in (*SAID, NOTHING, NOBODY) if any(row[name] for row in counts.values())]
    rows = [
        (
            done,
            row.total(),
            *(percent(row[name] / row.total()) for name in columns),
            percent(raised[done] / row.total()),
        )
        for done, row in sorted(counts.items())
    ]
    figures = {done: {**row, "frames": row.total(), "arms raised": raised[done]} for done, row in counts.items()}
    return Study({"postures": figures}, table(("what is done", "frames", *columns, "arms raised"), rows))


@dataclass(frozen=True, slots=True)
class MovedFrames:
    """What one rule did.

    Attributes:
        named: Frames in which somebody does what the rule names.
        seen: Of them, those with a person in them.
        matched: Of the named, those in which a person matches.
        moved: Of the named, those in which a person's displayed score moves by ``MAX_MOVE`` or more.
        alerting: Of the named, those that alert with the rule.
        others: Frames in which people do something else.
        others_matched: Of them, those in which a person matches.
        others_moved: And those in which a score moves.
    """

    named: int
    seen: int
    matched: int
    moved: int
    alerting: int
    others: int
    others_matched: int
    others_moved: int

    def same_as(self, rule: MovedFrames) -> bool:
        """Whether a paraphrase does what the rule does."""
        less = self.matched < SAME_FRAMES * rule.matched
        more = self.others_matched > rule.others_matched + SAME_OTHERS * rule.others
        return not less and not more and rule.matched > 0


def measure(watched: Sequence[Watched], book: Rulebook, text: str, verdict: Verdict, posture: str) -> MovedFrames:
    """Try one rule on its own."""
    counts = np.zeros(8, int)
    for one in watched:
        recording = one.recording
        judgement = book.judge(recording, text, verdict)
        after = replay(recording, judgement)
        rows = recording.frames()
        before, now = (
            np.array([display(value) for value in np.nan_to_num(each)])
            for each in (recording.seen.surprise, after.objects)
        )
        people = np.array([_is_person(caption) for caption in recording.seen.captions], np.bool_)
        seen = _frames(rows, people, len(one.done))
        matched = _frames(rows, (judgement.relief > 0) | (judgement.lift > 0), len(one.done))
        moved = _frames(rows, np.abs(now - before) >= MAX_MOVE, len(one.done))
        named = np.array([done == posture for done in one.done], np.bool_)
        others = np.array([done not in {None, posture} for done in one.done], np.bool_)
        alerting = after.surprise >= recording.threshold
        masks = (
            named,
            named & seen,
            named & matched,
            named & moved,
            named & alerting,
            others,
            others & matched,
            others & moved,
        )
        counts += [int(mask.sum()) for mask in masks]
    return MovedFrames(*counts.tolist())


def _frames(rows: NDArray[np.intp], chosen: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """``(count,)``, the frames of the chosen rows."""
    mask = np.zeros(count, np.bool_)
    mask[rows[chosen]] = True
    return mask


def study_posture_rules(
    watched: Sequence[Watched], language: Language, wording: Paraphrases, progress: Progress | None = None
) -> Study:
    """Each rule about a posture and its paraphrases: frames moved of those named and of the others.

    Args:
        watched: Recorded.
        language: To read rules with.
        wording: Of the actions in ``RULES``; others are left out.
        progress: Told how far it is.
    """
    progress = progress or Silent()
    book = Rulebook(language)
    actions = {name: words for name, words in wording.actions.items() if name in RULES}
    progress.begin("rules", sum(1 + len(words.paraphrases) for words in actions.values()) + 2 * len(wording.unrelated))
    figures, parts, summary = {}, [], []
    for name, words in actions.items():
        verdict, posture = RULES[name]
        found = {}
        for text in (words.rule, *words.paraphrases):
            found[text] = measure(watched, book, text, verdict, posture)
            progress.advance()
        rule = found[words.rule]
        same = [found[text].same_as(rule) for text in words.paraphrases]
        figures[name] = {
            "verdict": verdict,
            "posture": posture,
            "rules": {text: {**asdict(one), "same": one.same_as(rule)} for text, one in found.items()},
        }
        summary.append((words.rule, *_cells(rule), f"{sum(same)} of {len(same)}"))
        parts += [
            f"## {verdict}: {posture}\n",
            table(("rule", *_HEADERS), [(text, *_cells(one)) for text, one in found.items()]),
        ]
    drifts = {}
    for text in wording.unrelated:
        both = [measure(watched, book, text, verdict, "") for verdict in ("normal", "anomaly")]
        progress.advance()
        progress.advance()
        drifts[text] = max(one.others_matched for one in both)
    total = sum(done is not None for one in watched for done in one.done)
    parts.append(table((f"names nothing: frames matched of {total}", "frames"), list(drifts.items())))
    text = table(("rule", *_HEADERS, "paraphrases that do the same"), summary) + "\n" + "\n".join(parts)
    return Study({"rules": figures, "unrelated": drifts, "frames": total}, text)


_HEADERS = (
    "frames named",
    "with a person",
    "matched",
    "score moved",
    "alert",
    "other frames",
    "matched",
    "score moved",
)


def _cells(one: MovedFrames) -> tuple[object, ...]:
    def of(count: int, whole: int) -> str:
        return f"{count} ({percent(count / whole if whole else None)})"

    return (
        one.named,
        of(one.seen, one.named),
        of(one.matched, one.named),
        of(one.moved, one.named),
        of(one.alerting, one.named),
        one.others,
        of(one.others_matched, one.others),
        of(one.others_moved, one.others),
    )
