"""The paper's own set-up: a temporal fusion over a frozen CLIP, which is built here as export builds it."""

from __future__ import annotations

from pathlib import Path

from export.checkpoint import load_weights, read_weights
from export.clip_tokenizer import clip_tokenizer
from export.towers import ARCHITECTURES, Temporal, build_clip, clip_towers, embedding_size
from models.networks.prompts import ClipTokens
from models.packs import file_hash
from training.data.object_clips import ObjectClips
from training.svad.bank_prompts import TextSide, learn_bank_prompts
from training.svad.built_in import INTERVAL_S
from training.svad.trainer import (
    ClipNetwork,
    FrozenTowers,
    Pretraining,
    PromptTuning,
    fusion_over_clip,
    load_learned,
    stored_settings,
)


class FrozenClip:
    """A published CLIP.

    Attributes:
        towers: Which.
        size: Side of a crop.
    """

    def __init__(self, architecture: str, weights: Path) -> None:
        """Build it.

        Args:
            architecture: A name in ``export.towers.ARCHITECTURES``.
            weights: Its file.

        Raises:
            ValueError: An unknown architecture, or weights of another.
        """
        if architecture not in ARCHITECTURES:
            msg = f"expected one of {', '.join(ARCHITECTURES)}, got {architecture!r}"
            raise ValueError(msg)
        self._architecture = ARCHITECTURES[architecture]
        self._clip = build_clip(self._architecture, read_weights(weights)).requires_grad_(requires_grad=False)
        self._networks = clip_towers(self._clip, self._architecture)
        self.towers = FrozenTowers(architecture, file_hash(weights))
        self.size = self._architecture.size

    def encoder(self, settings: Pretraining) -> ClipNetwork:
        """Its image tower under a new temporal fusion."""
        fusion = fusion_over_clip(embedding_size(self._architecture), settings)
        return ClipNetwork(self._networks.image, fusion, self.towers)

    def text(self) -> TextSide:
        """Its text tower.

        Raises:
            ValueError: If prompts cannot be put into it.
        """
        tokens = ClipTokens(self._clip)
        return TextSide(self._networks.text, tokens, clip_tokenizer(tokens.length), framed=True)


def prompts_over_clip(clips: Path, run: Path, weights: Path, settings: PromptTuning, out: Path) -> None:
    """Learn the prompts of the bank's actions through the text tower that the run stands on.

    Args:
        clips: Object clips, cut out at the towers' size.
        run: Of the pre-training.
        weights: The towers', the file that the run was given.
        settings: Of the run.
        out: Its folder.

    Raises:
        ValueError: If the run stands on other towers, or none.
    """
    trained, towers = stored_settings(run)
    clip = FrozenClip("" if towers is None else towers.architecture, weights)
    _check_towers(run, towers, clip.towers)
    encoder = load_learned(clip.encoder(trained), run)
    learn_bank_prompts(encoder, clip.text(), ObjectClips(clips, trained.frames), settings, out)


def trained_fusion(run: Path, architecture: str, weights: Path) -> Temporal:
    """The temporal fusion of a run, to be exported with its towers.

    Raises:
        ValueError: If the run stands on other towers than these, or none.
    """
    settings, towers = stored_settings(run)
    _check_towers(run, towers, FrozenTowers(architecture, file_hash(weights)))
    fusion = fusion_over_clip(embedding_size(ARCHITECTURES[architecture]), settings)
    load_weights(fusion, read_weights(run / "encoder.pt"), "a temporal fusion over CLIP")
    return Temporal(fusion, settings.frames, INTERVAL_S, geometry=False)


def _check_towers(run: Path, trained: FrozenTowers | None, given: FrozenTowers) -> None:
    if trained != given:
        came = "one that names none" if trained is None else f"{trained.architecture}, sha256 {trained.weights}"
        msg = f"expected a run over {given.architecture}, sha256 {given.weights}, in {run.name}; got {came}"
        raise ValueError(msg)
