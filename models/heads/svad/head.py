"""The ``svad`` head: does someone do what is not done there?

Gao, Yang, Huang: Scene-adaptive SVAD Based On Multi-modal Action-based Feature Extraction, sections 3.3 and 3.4. A
clip of an object is described by its responses to action prompts (equation 8), what is normal by the centres of a
spherical k-means over the responses of normal clips, and a clip's raw score is its distance to them (equation 9, with
centres weighted by what they hold; docs/decisions/0011-weighted-centres.md). Embeddings come from the stream's
encoder, the prompts from the head's pack: nothing is learned here but the centres, so that a stream learns them in
seconds, without torch.

Beyond the paper, for a live service: odd episodes of an enrolment are left out (``odd_frames``), raw scores for the
calibration are held out, an object without a clip says nothing, and a frame without any counts as a calm one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import Arrays, Float32, Float64, Index, Mask
from models.clustering import spherical_kmeans
from models.heads.base import Fitted, HeadScores, Likeness, Term
from models.heads.likeness import most_alike
from models.heads.shapes import check_shapes
from models.heads.svad.responses import mixture_distances, nearest_centres, responses
from models.inputs import Input, ObjectEmbedding
from models.observation import Observation
from models.packs import HeadManifest, Pack
from models.runtime import OpenGraph
from models.scoring.calibration import MIN_SCORES
from models.scoring.odd import odd_frames

FOLDS = 5
"""Stretches of time that are scored by what was learned from the others."""

MAX_CLIPS = 4_000
"""Clips beyond this are thinned evenly before clustering: those of neighbouring frames are nearly alike."""

MIN_STEP = 1e-4
"""Of the scale of cosine distances: footage in which everything is alike has none of its own."""


class SvadHead:
    """Scores objects by how unlike their actions are those of normal footage. Holds no state of any stream."""

    name: str = "svad"
    terms: Mapping[str, Term] = {"action": Term("doing something unusual there")}

    DEFAULTS: ClassVar[Mapping[str, object]] = {"clusters": 20, "concentration": 10.0}

    def __init__(
        self, parameters: Mapping[str, object], encoder: str, prompts: Float32, phrases: Sequence[str]
    ) -> None:
        """Take what the pack holds.

        Args:
            parameters: ``clusters``, centres at most: 20 by default, as section 4.2 has it for ShanghaiTech (10 for
                Ped2 and Avenue); ``concentration`` of `mixture_distances`, None for equation 9 as it is written.
            encoder: The pack of the joint space that clips and prompts lie in.
            prompts: ``(N, D)`` float32, the actions with learned prompts (equation 6), of unit length.
            phrases: Their ``N`` texts.

        Raises:
            ValueError: An unknown parameter or one that is out of range, or prompts that are not what they should be.
        """
        unknown = set(parameters) - set(self.DEFAULTS)
        if unknown:
            msg = f"expected parameters of {sorted(self.DEFAULTS)}, got {sorted(unknown)}"
            raise ValueError(msg)
        chosen = {**self.DEFAULTS, **parameters}
        clusters, concentration = chosen["clusters"], chosen["concentration"]
        if not isinstance(clusters, int) or isinstance(clusters, bool) or not 1 <= clusters <= 256:
            msg = f"expected clusters to be a whole number from 1 to 256, got {clusters!r}"
            raise ValueError(msg)
        check_shapes({"features": prompts}, {"features": (len(phrases), None)})
        if not np.allclose(np.linalg.norm(prompts, axis=1), 1.0, atol=1e-3):
            msg = "expected prompts of unit length"
            raise ValueError(msg)
        self._clusters = clusters
        self._concentration = _checked_concentration(concentration)
        self._embedding = ObjectEmbedding(encoder)
        self._prompts = np.ascontiguousarray(prompts, np.float32)
        self._phrases = tuple(phrases)

    @classmethod
    def from_pack(cls, pack: Pack, open_graph: OpenGraph) -> Self:
        """The head of a pack: an encoder, and arrays of role ``responses``; it runs no graph of its own."""
        manifest = pack.manifest_of(HeadManifest)
        if manifest.encoder is None or "responses" not in manifest.arrays:
            msg = "expected an encoder and arrays named responses in the manifest of a svad pack"
            raise ValueError(msg)
        arrays = pack.arrays("responses")
        if arrays.keys() != {"features", "phrases"}:
            msg = f"expected the arrays features and phrases in responses, got {', '.join(sorted(arrays)) or 'none'}"
            raise ValueError(msg)
        phrases = [str(phrase) for phrase in arrays["phrases"]]
        return cls(manifest.parameters, manifest.encoder, np.asarray(arrays["features"], np.float32), phrases)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The embeddings of the objects' clips."""
        return (self._embedding,)

    def features(self, observations: Sequence[Observation]) -> list[Arrays]:
        """The embeddings of frames, half as large: 768 bytes an object at 384 numbers.

        Six thousand frames of ten objects, the most that enrolment keeps, are 46 MB.

        Returns:
            For each frame with ``N`` objects: ``embeddings`` ``(N, D)`` float16, NaN rows for objects without a clip,
            and ``believed`` ``(1,)`` uint8, 0 for a disturbed picture.

        Raises:
            ValueError: If nobody gathered them.
        """
        return [self._features(observation) for observation in observations]

    def _features(self, observation: Observation) -> Arrays:
        disturbed = observation.motion is not None and observation.motion.disturbed
        return {
            "embeddings": observation.embeddings(self._embedding).astype(np.float16),
            "believed": np.array([not disturbed], np.uint8),
        }

    def fit(self, samples: Sequence[Arrays], recordings: Sequence[int], normal: Mask | None = None) -> Fitted:
        """Learn what is normal; see ``Head.fit``. Odd episodes are found by held-out scores and not learned from."""
        embeddings = [np.asarray(sample["embeddings"], np.float32) for sample in samples]
        known = [~np.isnan(rows[:, 0]) for rows in embeddings]
        seen_embeddings = np.concatenate([rows[there] for rows, there in zip(embeddings, known, strict=True)])
        answers = responses(seen_embeddings, self._prompts)
        frames = np.repeat(np.arange(len(samples)), [np.count_nonzero(rows) for rows in known])
        seen = np.bincount(frames, minlength=len(samples)) > 0
        if np.count_nonzero(seen) < MIN_SCORES:
            msg = f"expected at least {MIN_SCORES} normal frames with a tracked object, got {np.count_nonzero(seen)}"
            raise ValueError(msg)
        held_out = self._held_out(answers, frames, len(samples))
        low, step = _scale(held_out[seen])
        far_out = np.where(seen, (held_out - low) / step, -np.inf)
        odd = odd_frames(far_out[:, None], recordings)
        if normal is not None:
            odd &= ~normal
        calm = float(np.median(held_out[seen & ~odd]))
        centres, shares = self._modes(answers[~odd[frames]])
        arrays: dict[str, NDArray[np.generic]] = {
            "centres": centres,
            "shares": shares,
            "scale": np.array(_scale(held_out[seen & ~odd])),
            "neutral": np.array([calm]),
            "facts": np.array([len(samples), np.count_nonzero(odd)], np.float64),
        }
        raw = np.where(odd, np.nan, np.where(seen, held_out, calm))
        return Fitted(arrays, raw, np.asarray(recordings, np.int64))

    def check(self, profile: Arrays) -> None:
        """See that a profile's arrays fit; see ``Head.check``."""
        modes = len(profile["shares"]) if "shares" in profile else None
        check_shapes(
            profile,
            {"centres": (modes, len(self._phrases)), "shares": (None,), "scale": (2,), "neutral": (1,), "facts": (2,)},
        )

    def score(self, features: Arrays, profile: Arrays) -> HeadScores:
        """Score one frame; see ``Head.score``. The one term is how far an object's action is from normal ones."""
        embeddings = np.asarray(features["embeddings"], np.float32)
        known = np.flatnonzero(~np.isnan(embeddings[:, :1]).any(axis=1)) if len(embeddings) else np.zeros(0, np.intp)
        neutral = float(np.asarray(profile["neutral"]).item())
        centres = np.asarray(profile["centres"], np.float32)
        answers = responses(embeddings[known], self._prompts)
        modes, distances = np.full(len(embeddings), -1, np.intp), np.full(len(embeddings), np.nan, np.float32)
        nearest, distances[known] = nearest_centres(answers, centres)
        modes[known] = self._mode_names(profile)[nearest]
        objects = np.full(len(embeddings), np.nan, np.float32)
        objects[known] = self._distances(answers, centres, np.asarray(profile["shares"]))
        low, step = np.asarray(profile["scale"], np.float64).tolist()
        return HeadScores(
            frame=float(objects[known].max()) if len(known) else neutral,
            objects=objects,
            terms={"action": (np.maximum(objects - low, 0.0) / step).astype(np.float32)},
            likeness=Likeness(self._phrases, *most_alike(embeddings @ self._prompts.T), modes, distances),
            informative=bool(np.asarray(features["believed"]).item()),
        )

    def summary(self, profile: Arrays) -> dict[str, float | str]:
        """Facts of a profile worth a look by a person: its modes by the actions they resemble most."""
        frames, odd = np.asarray(profile["facts"], np.float64).tolist()
        facts: dict[str, float | str] = {"frames": frames, "odd_frames_left_out": odd}
        shares = np.asarray(profile["shares"], np.float64)
        for number, (name, share) in enumerate(zip(self._mode_names(profile), shares.tolist(), strict=True), 1):
            facts[f"mode_{number}"] = f"{self._phrases[name]}, {share:.0%} of what was seen"
        return facts

    def _modes(self, answers: Float32) -> tuple[Float32, Float64]:
        """Centres of what is normal, ``(K, N)``, and the share of clips that each holds, ``(K,)``; largest first."""
        centres = spherical_kmeans(answers[:: -(-len(answers) // MAX_CLIPS)], self._clusters)
        counts = np.bincount(nearest_centres(answers, centres)[0], minlength=len(centres))
        order = np.argsort(-counts, kind="stable")
        return centres[order], np.maximum(counts[order], 1) / np.maximum(counts, 1).sum()

    def _distances(self, answers: Float32, centres: Float32, shares: NDArray[np.generic]) -> Float32:
        """``(M,)`` raw scores of responses ``(M, N)``."""
        if self._concentration is None:
            return nearest_centres(answers, centres)[1]
        return mixture_distances(answers, centres, np.asarray(shares, np.float32), self._concentration)

    def _held_out(self, answers: Float32, frames: Index, count: int) -> Float64:
        """``(F,)`` raw scores of frames by centres of the other stretches of time; NaN without a clip."""
        seen, rank = np.unique(frames, return_inverse=True)
        fold = rank * FOLDS // len(seen)
        distances = np.full(len(answers), np.nan)
        for index in range(FOLDS):
            mine = fold == index
            distances[mine] = self._distances(answers[mine], *self._modes(answers[~mine]))
        raw = np.full(count, np.nan)
        np.fmax.at(raw, frames, distances)
        return raw

    def _mode_names(self, profile: Arrays) -> Index:
        """``(M,)`` the phrase that each centre answers to most."""
        return np.asarray(np.asarray(profile["centres"]).argmax(axis=1), np.intp)


def _checked_concentration(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < math.inf:
        msg = f"expected concentration to be a number greater than 0, or null, got {value!r}"
        raise ValueError(msg)
    return float(value)


def _scale(raw: Float64) -> tuple[float, float]:
    """Median and step: twice the way to the 90 % quantile, which an odd event of a few seconds does not move."""
    low, high = np.quantile(raw, [0.5, 0.9]).tolist()
    return low, max(2 * (high - low), MIN_STEP)


HEAD = SvadHead
