"""Makes the project's own packs, ``words`` and ``svad``, of what training left in its folders."""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from export.encoder import EncoderReport, SampleClips, Space, Towers, export_encoder
from export.heads import export_svad
from export.weights import round_weights
from models.guidance.bank import LIKE_A_TRAINED, Phrase
from models.networks.text_tower import PAD, TextTower
from models.packs import Pack
from training.data.object_clips import CONTEXT, MOTION, TRUTH, ObjectClips
from training.provenance import provenance
from training.run_folder import read_provenance
from training.svad.bank_prompts import TextSide, learn_bank_prompts
from training.svad.trainer import (
    BUILT_IN_DIM,
    ClipNetwork,
    PromptTuning,
    Words,
    balanced,
    built_in,
    load_learned,
    stored_settings,
    words,
)
from training.svad.zero_shot import Embedded, embed, zero_shot
from training.text.phrases import Phrases
from training.text.text_tower import FILLER, load

WORDS, SVAD = "words", "svad"

INTERVAL_S = 0.12
"""Between the crops of a clip: the middle of what it was trained on, and what a stream of 8 frames a second has."""

TEMPERATURE = 0.1
"""Of a softmax over phrases: sigma of equation 3, which the space was trained with."""

_CHECKED = 32  # real clips on which graphs are compared with their networks
_MEASURED = 2_000


def write_words(
    packs: Path,
    encoder: ClipNetwork,
    text: TextTower,
    tokenizer: Path,
    clips: ObjectClips,
    phrases: Sequence[Phrase],
    *,
    version: str,
    temperature: float,
    provenance: str,
    documents: Sequence[Path] = (),
    name: str = WORDS,
) -> tuple[Pack, EncoderReport]:
    """Write the pack of the built-in joint space.

    Args:
        packs: The folder of packs.
        encoder: Trained.
        text: Distilled into the same space.
        tokenizer: Its ``tokenizer.json``.
        clips: Real ones to compare graphs on.
        phrases: Of the bank.
        version: Of the pack.
        temperature: Of a softmax over phrases.
        provenance: In a sentence; the rest is in the documents.
        documents: Files to keep with it.
        name: Of the pack.
    """
    chosen = clips.batch(balanced(clips.labels, _CHECKED, 0.0, np.random.default_rng(0)))
    space = Space(
        version=version,
        description="Clips of objects and words in one space: a small image tower and temporal fusion trained on the "
        "virtual world, aligned to a sentence encoder, and a text tower distilled from it.",
        licence="Apache-2.0",
        provenance=provenance,
        dim=BUILT_IN_DIM,
        size=clips.size,
        context=CONTEXT,
        length=text.length,
        temperature=temperature,
        sentence=True,
        frames=clips.frames,
        interval_s=INTERVAL_S,
        geometry=True,
    )
    return export_encoder(
        packs,
        name,
        Towers(encoder.image, encoder.temporal, text),
        space,
        tokenizer,
        phrases,
        SampleClips(chosen.crops, chosen.geometry),
        documents=documents,
        eight_bit=("temporal", "text"),
        replace=True,
    )


def prompts_over_bank(clips: Path, run: Path, text: Path, settings: PromptTuning, out: Path) -> None:
    """Learn the prompts of the bank's actions through the built-in text tower.

    Args:
        clips: Object clips.
        run: Of the pre-training.
        text: The text tower's folder.
        settings: Of the run.
        out: Its folder.
    """
    encoder, data = _pretrained(run, clips)
    learn_bank_prompts(encoder, _text(text), data, settings, out)


def write_packs(
    packs: Path,
    clips: Path,
    run: Path,
    text: Path,
    prompted: Path | None,
    measured: Sequence[Path],
    *,
    version: str,
    suffix: str = "",
) -> list[Pack]:
    """Write ``words`` and ``svad``, with what was measured on scenes that training has not seen.

    Args:
        packs: The folder of packs.
        clips: Object clips trained on; some are compared on.
        run: Of the pre-training.
        text: The text tower's folder.
        prompted: Of the prompts; None for the bank as the text tower has it.
        measured: Object clips of other scenes.
        version: Of both.
        suffix: Behind both names: outside the built-in folder, no pack may have a built-in one's.
    """
    encoder, data = _pretrained(run, clips)
    tower, side = load(text / "text_tower.pt"), _text(text)
    round_weights(encoder.temporal)
    phrases = Phrases.load()
    said = words(data.actions, phrases, side.encode)
    bank = [
        phrase.model_copy(update={"trained": near >= LIKE_A_TRAINED})
        for phrase, near in zip(phrases.entries(), said.near.tolist(), strict=True)
    ]
    trained = read_provenance(run, "pretrain")
    facts: dict[str, Any] = {
        "pretrain": trained,
        "prompts": None if prompted is None else read_provenance(prompted, "prompts"),
        "text": json.loads((text / "text_tower.json").read_text(encoding="utf-8")),
        "written": provenance(),
        "measured": {folder.name: measure(encoder, ObjectClips(folder, data.frames), said) for folder in measured},
    }
    settings = trained["settings"]
    summary = (
        f"training/svad/trainer.py at {trained['commit']}, seed {settings['seed']}, {settings['steps']} steps of "
        f"{settings['batch']}, clips {data.hash[:16]}; all of it in PROVENANCE.json"
    )
    with tempfile.TemporaryDirectory(prefix="watchword-packs-") as scratch:
        document = Path(scratch) / "PROVENANCE.json"
        document.write_text(json.dumps(_portable(facts), indent=1) + "\n", encoding="utf-8")
        first, _ = write_words(
            packs,
            encoder,
            tower,
            text / "tokenizer.json",
            data,
            bank,
            version=version,
            temperature=TEMPERATURE,
            provenance=summary,
            documents=(document,),
            name=WORDS + suffix,
        )
        actions = [phrase.text for phrase in phrases.entries() if phrase.kind == "action"]
        features = side.encode(actions) if prompted is None else np.load(prompted / "responses.npy", allow_pickle=False)
        second = export_svad(
            packs,
            SVAD + suffix,
            first,
            features,
            actions,
            version=version,
            licence="Apache-2.0",
            provenance=summary,
            replace=True,
        )
        return [first, second]


def measure(encoder: ClipNetwork, clips: ObjectClips, said: Words) -> dict[str, Any]:
    """Zero-shot accuracy and retrieval by held-out wording, over all clips and by where their boxes are from."""
    chosen = balanced(clips.labels, min(_MEASURED, len(clips)), 0.5, np.random.default_rng(0))
    embedded = embed(encoder, clips, chosen)
    found: dict[str, Any] = {"clips": len(chosen), "data": clips.hash}
    for name, source in (("truth", TRUTH), ("motion", MOTION)):
        keep = embedded.sources == source
        part = Embedded(embedded.embeddings[keep], embedded.labels[keep], embedded.sources[keep])
        figures = zero_shot(part, said)
        found[name] = {key: figures[key] for key in ("accuracy", "retrieval", "by_action")}
    return found


def _pretrained(run: Path, clips: Path) -> tuple[ClipNetwork, ObjectClips]:
    settings, towers = stored_settings(run)
    if towers is not None:
        msg = f"expected a run of the built-in encoder in {run.name}, got one over {towers.architecture}"
        raise ValueError(msg)
    return load_learned(built_in(settings), run), ObjectClips(clips, settings.frames)


def _text(folder: Path) -> TextSide:
    tower = load(folder / "text_tower.pt").requires_grad_(requires_grad=False)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(tower.length)
    tokenizer.enable_padding(length=tower.length, pad_id=PAD, pad_token=FILLER)
    return TextSide(tower, tower, tokenizer, framed=False)


def _portable(facts: Any) -> Any:
    """The same with the folders of this machine left out of commands: what is published names none of them."""
    if isinstance(facts, dict):
        return {name: _portable(value) for name, value in facts.items()}
    if isinstance(facts, str) and "/" in facts:
        words = [Path(word).name if word.startswith("/") else word for word in shlex.split(facts)]
        return shlex.join(words)
    return facts
