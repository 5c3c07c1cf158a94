"""Text guidance: rules in words that move the scores of the objects that match them, and of nothing else.

Two methods. ``equation10`` is that of Gao, Yang and Huang, Scene-adaptive SVAD (section 3.5, eq. 10): the bare cosine
of an object's clip feature and the rule's text, over a fixed threshold. ``contrastive``, the default, never looks at
that cosine, for it is badly calibrated and differs from scene to scene. It asks three things instead:

* Which phrases of the encoder's bank mean the same as the rule? That is text against text, which is reliable
  (``Reading.weights``); a text that means none of them moves nothing.
* How much nearer is the object's clip to those phrases than to all others (``_Contrast``), and is that more than is
  usual for the objects of this stream (``Usual``)?
* Is the rule true of what is said of the object, its caption (``models.guidance.statements``)?

Heads are not asked again. A rule gives an object relief (what it is unusual for does not count) or lift (a surprise
that it reaches at least), both bounded; ``guided_objects`` and ``guided_frame`` apply them, live, in previews and in
studies alike. Pure numpy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.clustering import spherical_kmeans
from models.guidance.captions import Caption
from models.guidance.polygon import Polygon, contains, foot_points
from models.guidance.reader import Reading
from models.guidance.statements import Statements, support

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Reals = NDArray[np.floating]
Verdict = Literal["normal", "anomaly"]
Method = Literal["contrastive", "equation10"]
Evidence = Literal["image", "caption"]

LIFT = 6.0
"""The surprise that an object reaches which an anomaly rule of strength 1 matches surely: score 1, the most that a
frame can weigh in smoothing (``models.scoring.smoothing.MAX_SURPRISE``)."""

MATCH_FROM, MATCH_FULL = 0.5, 0.8
"""Similarities at which a rule begins to act and at which it acts in full; linear between. What is less likely
than not stays as it is: from 0.35 to 0.65, somebody who lay was relieved of a quarter as a cyclist. Chosen on scenes
that nothing is tested on, where 95 % of the frames with somebody who sweeps alert under an anomaly rule, and 2 % of
the others (docs/decisions/0009-guidance.md)."""

THRESHOLD, THETA, GAMMA = 0.3, 5.0, 5.0
"""Of equation 10, whose paper gives none of them. In the built-in space clips have a cosine of 0.55 (median) with a
wording of what they show, and 95 % of them below 0.22 with one of anything else; 5 then takes away a whole S_max."""

MATCHES = 5
"""Rules named for one object, the most similar ones."""

RADIUS, RADIUS_BOUNDS = 0.2, (0.05, 0.35)
"""Radius of a taught mode where too little was seen, and what it is held within. In the built-in space clips of one
action in one scene are 0.12 apart (median; cosine distance), three quarters of them within 0.41; 95 % of clips of
another action are farther than 0.49, where the largest radius has faded out."""

_RADIUS_LEAST, _MODES = 64, 8
_USUAL_LEAST = 32  # clips; fewer say nothing of what is usual
_SPREAD_LEAST = 0.5  # logits; a stream of one walker would else make a walker's every gesture exceptional
_WEIGHT = 0.5  # logits per deviation
_EXPECTED, _BOUND = 2.0, 3.0  # deviations at which a match lies, and how many more count; of fewer, all down to none
_EPSILON = 1e-4
_SAME, _OTHER = 0.5, 0.1  # how far a phrase must and may mean the same as a rule, to speak for it and against it
_BEST = 12  # phrases that a clip is nearest to
_CAPTIONS = 4096  # remembered with their support; at 50 rules 1 MB
_AT_ONCE, _FEW = 4, 64  # clips in one product, and up to how many so few are
_SOFT = 1.25  # radii of a taught mode at which its relief ends


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: Of the rule.
        text: As it was typed.
        verdict: What a matching object is said to be.
        strength: How far a match moves a score, in [0, 1].
        polygon: Corners of the zone that it is for, as fractions of the picture; None is everywhere.
        method: How it is matched.
        scheduled: Whether it is for some hours only.
        edited_at: When what it says or does was last changed, Unix seconds.
    """

    id: str
    text: str
    verdict: Verdict
    strength: float = 1.0
    polygon: Polygon | None = None
    method: Method = "contrastive"
    scheduled: bool = False
    edited_at: float = 0.0

    @property
    def precedence(self) -> tuple[bool, bool, float, bool, str]:
        """Of rules that contradict each other, that with the greatest counts.

        The more specific one first: one for a zone before one for everywhere, one for some hours before one for
        always. Then the newer before the older, and an anomaly before what is normal, for a missed alert is worse.
        """
        return self.polygon is not None, self.scheduled, self.edited_at, self.verdict == "anomaly", self.id


@dataclass(frozen=True, slots=True)
class Seen:
    """The ``N`` objects of a frame (or of many frames) as rules see them.

    Attributes:
        boxes: ``(N, 4)`` float32, x, y, w, h as fractions of the picture.
        video: ``(N, D)`` float32, clip features of unit length; NaN rows where there is none.
        captions: What is said of each; None where nothing is.
        surprise: ``(N,)`` float64, -log10(p), at least 0; NaN where nothing is known, which counts as 0.
    """

    boxes: Floats
    video: Floats
    captions: tuple[Caption | None, ...]
    surprise: Doubles

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that matched an object.

    Attributes:
        rule_id: Whose.
        text: The rule's.
        verdict: The rule's.
        similarity: In [0, 1], calibrated; under equation 10 the cosine, clipped.
        evidence: What matched: the object's clip, or its caption.
    """

    rule_id: str
    text: str
    verdict: Verdict
    similarity: float
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class TaughtMatch:
    """A false alarm whose object another one is like.

    Attributes:
        alert_id: The false alarm.
        relief: In (0, 1], the share of its surprise that this relieves the object of.
    """

    alert_id: str
    relief: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules, and what false alarms taught, say of ``N`` objects.

    Attributes:
        relief: ``(N,)`` float64 in [0, 1], the share of its surprise that an object is relieved of.
        lift: ``(N,)`` float64 in [0, ``LIFT``], the surprise that it reaches at least; 0 for none.
        matches: For each object the rules that matched, most similar first.
        taught: For each object the false alarm that it is most like, None if it is like none; empty where nothing was
            taught.
    """

    relief: Doubles
    lift: Doubles
    matches: tuple[tuple[Match, ...], ...]
    taught: tuple[TaughtMatch | None, ...] = ()

    @classmethod
    def nothing(cls, count: int) -> Judgement:
        """Of ``count`` objects that no rule says anything of."""
        return cls(np.zeros(count), np.zeros(count), ((),) * count)


def guided_objects(surprise: Doubles, judgement: Judgement) -> Doubles:
    """``(N,)`` surprises with the rules applied: relieved of their share, and at least what they are lifted to.

    NaN stays where nothing is known, but for a lift.
    """
    guided = np.maximum(np.nan_to_num(surprise) * (1.0 - judgement.relief), judgement.lift)
    return np.where(np.isnan(surprise) & (judgement.lift == 0), np.nan, guided)


def guided_frame(frame: float, surprise: Doubles, guided: Doubles) -> float:
    """A frame's surprise with the rules applied to its objects.

    It falls by as much as its most unusual object does, no further: evidence that belongs to no object, or to one that
    was not relieved, stays. And it is at least that of every object that a rule lifted.

    Args:
        frame: Fused over heads, before smoothing; NaN where no head says anything of it, which only a lift changes.
        surprise: ``(N,)``, of its objects and of moving regions that are no object's.
        guided: ``(N,)``, the same from ``guided_objects``.
    """
    before, after = np.nan_to_num(surprise), np.nan_to_num(guided)
    fall = max(0.0, float(before.max(initial=0.0)) - float(after.max(initial=0.0)))
    lifted = float(after[after > before].max(initial=0.0))
    if math.isnan(frame):
        return lifted if lifted > 0 else math.nan
    return max(0.0, frame - fall, lifted)


def guided_frames(frames: Doubles, of: NDArray[np.intp], surprise: Doubles, guided: Doubles) -> Doubles:
    """``(F,)`` surprises of many frames by ``guided_frame``.

    Args:
        frames: ``(F,)``, as for one.
        of: ``(N,)`` ascending, the frame that each object is of.
        surprise: ``(N,)``, of the objects of all frames.
        guided: ``(N,)``, the same from ``guided_objects``.
    """
    result = frames.copy()
    touched = np.unique(of[np.nan_to_num(surprise) != np.nan_to_num(guided)])
    starts, ends = np.searchsorted(of, touched), np.searchsorted(of, touched, side="right")
    for frame, start, end in zip(touched.tolist(), starts.tolist(), ends.tolist(), strict=True):
        result[frame] = guided_frame(frames[frame], surprise[start:end], guided[start:end])
    return result


@dataclass(frozen=True, slots=True)
class Space:
    """The encoder's side of matching.

    Attributes:
        bank: ``(K, D)`` float32, its phrases in the space of clips.
        temperature: Of the softmax over them that the encoder was trained with, greater than 0.
        trained: ``(K,)`` bool, of which phrases the encoder learned clips; a rule is matched by these alone. None is
            all.
    """

    bank: Floats
    temperature: float
    trained: NDArray[np.bool_] | None = None
    _columns: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Lay the bank out as the product with a few clips wants it.

        For four objects and a transposed view, or for eight and any, OpenBLAS starts its threads, and on two busy
        cores waits for them: 4 and 1 ms; four at a time over rows that lie together take 0.05 ms each.
        """
        object.__setattr__(self, "_columns", np.ascontiguousarray(self.bank.T))

    def cosines(self, video: Floats) -> Floats:
        """``(N, K)`` float32, of each clip with each phrase; 0 where there is no clip."""
        clips = np.nan_to_num(video)
        if not 0 < len(clips) <= _FEW:
            return clips @ self._columns
        parts = [clips[start : start + _AT_ONCE] @ self._columns for start in range(0, len(clips), _AT_ONCE)]
        return np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class _Contrast:
    """For each of ``R`` rules, the phrases that mean the same and those that mean something else.

    A clip's evidence for a rule is the posterior of the best phrase of the first against the best of the second.
    Sums over each were tried and are worse: of a softmax over 438 phrases, a clip's own meaning holds from 0.1 to 0.7
    of the mass, as the temperature is and as many phrases happen to be near, and no one threshold fits: 46 % of 683
    wordings that training uses matched simulated clips of what they name, with the best against the best 80 %. With
    the built-in encoder, on 480 clips of its training worlds, 81 % do, and of other actions' clips 4 % match as well,
    most of them of actions that share a phrase (a person bending down, picking something up).

    Attributes:
        same: ``(R, S)`` intp, indices of the first kind, filled up with repetitions.
        other: ``(R, K)`` bool, which are of the second kind.
        sure: ``(R,)`` float32, how surely the text means anything of the bank; 0 of a rule without ``same``.
    """

    same: NDArray[np.intp]
    other: NDArray[np.bool_]
    sure: Floats

    @classmethod
    def of(cls, weights: Floats, trained: NDArray[np.bool_] | None = None) -> _Contrast:
        """From ``(R, K)``, how far each phrase means the same as each rule. What is between belongs to neither.

        Args:
            weights: Of the rules.
            trained: ``(K,)``, the phrases that clips can speak for; None is all.
        """
        others = weights < _OTHER
        if trained is not None:
            weights = np.where(trained, weights, np.float32(0.0))
        most = max(1, int((weights >= _SAME).sum(axis=1).max(initial=0)))
        same = np.argsort(-weights, axis=1, kind="stable")[:, :most]
        taken = np.take_along_axis(weights, same, axis=1) >= _SAME
        same = np.where(taken, same, same[:, :1])
        return cls(same, others, np.where(taken[:, 0], weights.max(axis=1), 0.0).astype(np.float32))

    def evidence(self, cosines: Floats, temperature: float) -> Floats:
        """``(N, R)`` float32 in [0, 1], of ``(N, K)`` cosines."""
        best = cosines[:, self.same].max(axis=2)
        # The best other phrase is almost always among a clip's few best ones.
        few = min(_BEST, cosines.shape[1])
        top = np.argpartition(-cosines, few - 1, axis=1)[:, :few]
        values = np.take_along_axis(cosines, top, axis=1)
        counts = self.other.T[top]
        rival = np.where(counts, values[:, :, None], np.float32(-np.inf)).max(axis=1)
        rival = np.where(np.isneginf(rival), values.min(axis=1, keepdims=True), rival)
        return np.asarray(self.sure * _sigmoid((best - rival) / temperature), np.float32)


@dataclass(frozen=True, slots=True)
class Usual:
    """How strongly the stream's own recent objects resemble each of ``R`` rules, in logits.

    Attributes:
        median: ``(R,)`` float32.
        spread: ``(R,)`` float32, the standard deviation estimated from the median absolute one.
    """

    median: Floats
    spread: Floats

    def adjust(self, evidence: Floats) -> Floats:
        """``(N, R)`` evidence, raised where it is exceptional for this stream and lowered where it is usual.

        A match is expected to lie two deviations above the rest; each deviation more or less moves the logit by 0.5,
        at most by 1.5 up and by 1 down: evidence above 0.83 still acts in full where everybody matches.
        """
        logits = _logit(evidence)
        deviations = (logits - self.median) / self.spread - _EXPECTED
        return _sigmoid(logits + _WEIGHT * np.clip(deviations, -_EXPECTED, _BOUND))


@dataclass(frozen=True, slots=True)
class Taught:
    """Objects of false alarms, each a normal mode.

    Attributes:
        modes: ``(M, D)`` float32 of unit length.
        radii: ``(M,)`` float32, the cosine distance within which an object counts as the same.
        alerts: ``M`` ids, the false alarm that each is of.
    """

    modes: Floats
    radii: Floats
    alerts: tuple[str, ...]

    def relief(self, video: Floats) -> tuple[Doubles, NDArray[np.intp]]:
        """``(N,)`` in [0, 1]: 1 within a mode's radius, falling to 0 at 1.25 of it; and ``(N,)``, by which mode."""
        distances = 1.0 - np.nan_to_num(video) @ self.modes.T
        inside = (_SOFT * self.radii - distances) / ((_SOFT - 1.0) * self.radii)
        relief: Doubles = np.clip(inside.max(axis=1), 0.0, 1.0).astype(np.float64)
        relief[~_there(video)] = 0.0
        return relief, inside.argmax(axis=1)

    def matches(self, relief: Doubles, modes: NDArray[np.intp]) -> tuple[TaughtMatch | None, ...]:
        """``N``, what ``relief`` says of each object; None where it is not relieved."""
        pairs = zip(relief.tolist(), modes.tolist(), strict=True)
        return tuple(TaughtMatch(self.alerts[mode], share) if share > 0 else None for share, mode in pairs)


@dataclass(frozen=True, slots=True)
class Likely:
    """How surely ``R`` rules are of ``N`` objects, before it is asked which are in force.

    Attributes:
        similarity: ``(N, R)`` float32 in [0, 1].
        image: ``(N, R)`` float32, that of the clips alone.
        gate: ``(N, R)`` float32 in [0, 1], how far each rule acts on each object: 0 outside its zone.
    """

    similarity: Floats
    image: Floats
    gate: Floats


@dataclass(frozen=True, slots=True)
class Guide:
    """Rules compiled for one stream: everything that does not depend on the frame is computed once. Immutable.

    Attributes:
        rules: ``R`` rules, in the order in which they count.
        statements: What captions say; None leaves clips as the only evidence.
        space: Of the stream's encoder; None leaves captions as the only evidence.
        usual: What its objects are like, once enough were seen.
        span: S_min and S_max of equation 10: the least and the greatest surprise of an object lately.
        taught: Modes that false alarms taught, or None.
    """

    rules: tuple[Rule, ...]
    statements: Statements | None = None
    space: Space | None = None
    usual: Usual | None = None
    span: tuple[float, float] = (0.0, 0.0)
    taught: Taught | None = None
    _contrast: _Contrast | None = field(default=None, repr=False)
    _clauses: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp), repr=False)
    _cosines: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32), repr=False)
    _supports: dict[Caption, Floats] = field(default_factory=dict, repr=False)
    _texts: Floats | None = field(default=None, repr=False)
    _strengths: Floats = field(default_factory=lambda: np.zeros(0, np.float32), repr=False)
    _normal: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_), repr=False)
    _contrastive: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_), repr=False)

    @classmethod
    def compile(
        cls,
        rules: Sequence[tuple[Rule, Reading]],
        statements: Statements | None = None,
        space: Space | None = None,
        taught: Taught | None = None,
    ) -> Guide:
        """Prepare rules, in any order.

        Args:
            rules: Each with how its text is understood under the same bank.
            statements: What captions say, with features in the space of the readings' sentences.
            space: Of the stream's encoder.
            taught: Modes that false alarms taught.
        """
        ordered = sorted(rules, key=lambda each: each[0].precedence, reverse=True)
        readings = [reading for _, reading in ordered]
        chosen = tuple(rule for rule, _ in ordered)
        if not ordered:
            return cls((), statements, space, taught=taught)
        sentences = np.concatenate([reading.sentences for reading in readings])
        texts = [reading.texts for reading in readings if reading.texts is not None]
        return cls(
            chosen,
            statements,
            space,
            taught=taught,
            _contrast=_Contrast.of(
                np.stack([reading.weights for reading in readings]), None if space is None else space.trained
            ),
            _clauses=np.cumsum([0, *(len(reading.sentences) for reading in readings[:-1])]),
            _cosines=np.zeros((0, 0), np.float32) if statements is None else statements.compare(sentences),
            _texts=np.concatenate(texts).T if len(texts) == len(readings) else None,
            _strengths=np.array([rule.strength for rule in chosen], np.float32),
            _normal=np.array([rule.verdict == "normal" for rule in chosen]),
            _contrastive=np.array([rule.method == "contrastive" for rule in chosen]),
        )

    def tuned(self, video: Floats, surprise: Doubles) -> Guide:
        """The same rules against what the stream's own recent objects are like.

        Args:
            video: ``(M, D)`` clip features of recent objects; with fewer than 32 nothing is said to be usual.
            surprise: Surprises of recent objects.
        """
        known = surprise[np.isfinite(surprise)]
        span = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        video = video[_there(video)]
        if self.space is None or self._contrast is None or len(video) < _USUAL_LEAST:
            return replace(self, usual=None, span=span)
        logits = _logit(self._contrast.evidence(self.space.cosines(video), self.space.temperature))
        median = np.median(logits, axis=0)
        spread = 1.4826 * np.median(np.abs(logits - median), axis=0)
        return replace(self, usual=Usual(median, np.maximum(spread, np.float32(_SPREAD_LEAST))), span=span)

    def judge(
        self,
        seen: Seen,
        active: NDArray[np.bool_] | None = None,
        cosines: Floats | None = None,
        likely: Likely | None = None,
        *,
        explain: bool = True,
    ) -> Judgement:
        """What the rules say of these objects.

        Args:
            seen: The objects.
            active: ``(R,)`` or ``(N, R)``, which of ``rules`` are in force; None for all.
            cosines: ``(N, K)``, ``Space.cosines`` of ``seen.video`` where they are known already.
            likely: ``likely`` of the same objects where it is known already.
            explain: Whether to name the matches.
        """
        count = len(seen)
        judgement = Judgement.nothing(count)
        if count and self.rules:
            judgement = self._weigh(seen, likely or self.likely(seen, cosines), active, explain=explain)
        if self.taught is not None and _there(seen.video).any():
            relief, modes = self.taught.relief(seen.video)
            taught = self.taught.matches(relief, modes) if explain else ()
            judgement = replace(judgement, relief=np.maximum(judgement.relief, relief), taught=taught)
        return judgement

    def likely(self, seen: Seen, cosines: Floats | None = None) -> Likely:
        """How surely each rule is of each object, in force or not; arguments as for ``judge``, N and R at least 1."""
        image, caption = self._image(seen, cosines), self._caption(seen)
        similarity = np.maximum(image, np.where(self._contrastive, caption, np.float32(0.0)))
        gate = np.clip((similarity - MATCH_FROM) / (MATCH_FULL - MATCH_FROM), 0.0, 1.0)
        gate = np.where(self._contrastive, gate, similarity > THRESHOLD)
        return Likely(similarity, image, np.asarray(gate * self._inside(seen.boxes), np.float32))

    def _weigh(self, seen: Seen, likely: Likely, active: NDArray[np.bool_] | None, *, explain: bool) -> Judgement:
        gate = likely.gate if active is None else likely.gate * active
        excess = np.where(self._contrastive, 0.0, likely.similarity - THRESHOLD)
        weighed = gate * self._strengths
        # A rule counts as far as no rule that goes before it says the opposite: columns are in that order.
        against_normal = np.maximum.accumulate(np.where(self._normal, 0.0, weighed), axis=1)
        against_anomaly = np.maximum.accumulate(np.where(self._normal, weighed, 0.0), axis=1)
        weighed *= 1.0 - np.where(self._normal, against_normal, against_anomaly)
        surprise = np.nan_to_num(seen.surprise)[:, None]
        lowest, highest = self.span
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            fall = np.where(surprise > 0, GAMMA * highest * excess / surprise, 0.0)
        reliefs = weighed * np.where(self._contrastive, 1.0, np.clip(fall, 0.0, 1.0))
        lifts = np.where(self._contrastive, LIFT * weighed, surprise + weighed * THETA * lowest * excess)
        relief = np.where(self._normal, reliefs, 0.0).max(axis=1)
        lift = np.minimum(np.where(~self._normal & (weighed > 0), lifts, 0.0).max(axis=1), LIFT)
        matches = self._matches(gate, likely.similarity, likely.image) if explain else ((),) * len(seen)
        return Judgement(relief, lift, matches)

    def _image(self, seen: Seen, cosines: Floats | None) -> Floats:
        """``(N, R)`` evidence of the clips: calibrated, or the bare cosine of rules under equation 10."""
        there = _there(seen.video)
        if self.space is None or self._contrast is None or not there.any():
            return np.zeros((len(seen), len(self.rules)), np.float32)
        cosines = self.space.cosines(seen.video) if cosines is None else cosines
        evidence = self._contrast.evidence(cosines, self.space.temperature)
        if self.usual is not None:
            evidence = np.where(evidence > 0, self.usual.adjust(evidence), 0.0)
        if self._texts is not None and not self._contrastive.all():
            texts = self._any_clause(np.clip(np.nan_to_num(seen.video) @ self._texts, 0.0, 1.0))
            evidence = np.where(self._contrastive, evidence, texts)
        return np.asarray(evidence * there[:, None], np.float32)

    def _caption(self, seen: Seen) -> Floats:
        """``(N, R)`` evidence of the captions."""
        nothing = np.zeros(len(self.rules), np.float32)
        return np.stack([nothing if each is None else self._support(each) for each in seen.captions])

    def _support(self, caption: Caption) -> Floats:
        """``(R,)`` how surely each rule is true of what a caption says; captions repeat, so it is remembered."""
        if self.statements is None:
            return np.zeros(len(self.rules), np.float32)
        known = self._supports.get(caption)
        if known is None:
            if len(self._supports) >= _CAPTIONS:
                self._supports.clear()
            supports = support(self.statements.truth(caption), self._cosines)
            known = self._supports[caption] = self._any_clause(supports[None])[0]
        return known

    def _any_clause(self, values: Floats) -> Floats:
        """``(N, R)``: of ``(N, C)``, the best of each rule's clauses."""
        return np.asarray(np.maximum.reduceat(values, self._clauses, axis=1), np.float32)

    def _inside(self, boxes: Floats) -> Floats:
        """``(N, R)``: 1 where an object's foot point, the middle of its lower edge, is in a rule's zone, else 0."""
        inside = np.ones((len(boxes), len(self.rules)), np.float32)
        feet = foot_points(boxes)
        tested: dict[Polygon, NDArray[np.bool_]] = {}
        for index, rule in enumerate(self.rules):
            if rule.polygon is not None:
                if rule.polygon not in tested:
                    tested[rule.polygon] = contains(rule.polygon, feet)
                inside[:, index] = tested[rule.polygon]
        return inside

    def _matches(self, gate: Reals, similarity: Reals, image: Reals) -> tuple[tuple[Match, ...], ...]:
        found: list[list[tuple[float, int]]] = [[] for _ in range(len(gate))]
        for row, column in np.argwhere(gate > 0).tolist():
            found[row].append((float(similarity[row, column]), column))
        return tuple(
            tuple(
                Match(
                    self.rules[column].id,
                    self.rules[column].text,
                    self.rules[column].verdict,
                    value,
                    "image" if image[row, column] >= value else "caption",
                )
                for value, column in sorted(columns, key=lambda each: (-each[0], each[1]))[:MATCHES]
            )
            for row, columns in enumerate(found)
        )


def normal_radius(video: Floats) -> float:
    """The cosine distance within which clips of a stream's objects are the same thing.

    Objects are as near to a taught one as normal objects are to the modes they are of, where their clips are grouped
    around modes (spherical k-means) and most (95 %) of them count as near.

    Args:
        video: ``(M, D)`` clips of unit length of the stream's recent objects; fewer than 64 say too little, and then
            what is usual over scenes is taken.
    """
    if len(video) < _RADIUS_LEAST:
        return RADIUS
    centres = spherical_kmeans(video, min(_MODES, len(video) // 16))
    distances = 1.0 - (video @ centres.T).max(axis=1)
    return float(np.clip(np.quantile(distances, 0.95), *RADIUS_BOUNDS))


def _there(features: Floats) -> NDArray[np.bool_]:
    """``(N,)``, which of ``(N, D)`` features there are: others are NaN, or D is 0."""
    return np.asarray(~np.isnan(features[:, :1]).any(axis=1) & (features.shape[1] > 0), np.bool_)


def _logit(share: Reals) -> Floats:
    return np.asarray(np.log(share + _EPSILON) - np.log(1.0 + _EPSILON - share), np.float32)


def _sigmoid(logits: Reals) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-logits)), np.float32)
