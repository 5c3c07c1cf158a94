"""Trains the svad encoder: its temporal fusion and its prompts.

They are those of Gao, Yang, Huang: Scene-adaptive SVAD based on multi-modal action-based feature extraction. Read it
from top to bottom; the numbers of equations and sections are the paper's.

    watchword train clips OUT ...                              object clips of the virtual world
    watchword train svad pretrain --clips DIR --out RUN        equations 1 to 3
    watchword train svad prompts --clips DIR --run RUN --text TEXT --out PROMPTED
                                                               equations 4 to 6; over CLIP, --weights and no --text
    watchword train svad packs --clips DIR --run RUN --text TEXT --prompted PROMPTED --version 1.0.0
                                                               the packs `words` and `svad`

With CLIP (`frozen_clip.py`), both towers are frozen and only the temporal fusion learns, as in the paper. The built-in
image tower has no weights of its own to freeze, so it learns together with the temporal fusion; its text tower, the
sentence encoder, is frozen too. Every step is a function of the seed, its number and the weights alone, so that a run
that was interrupted goes on as if it had not been: bit for bit on the CPU.
"""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, TypeVar, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.arrays import Float32
from models.networks.image_tower import ImageTower
from models.networks.prompts import PROMPTS, Prompts, TokenTower
from models.networks.temporal import ALPHA, BETA, FRAMES, TemporalFusion
from training.data.augment import augment
from training.data.object_clips import ClipBatch, ObjectClips
from training.run_folder import RunFolder, read_provenance
from training.text.phrases import Phrases

Encode = Callable[[Sequence[str]], Float32]
"""Texts to ``(N, D)`` float32 of unit length."""
Precision = Literal["fp32", "bf16", "fp16"]
Made = TypeVar("Made")

_AHEAD = 3  # batches in stock while the network learns
_GRADIENT = 1.0  # norm at which gradients are cut


@dataclass(frozen=True, slots=True)
class Pretraining:
    """What a pre-training run depends on. Defaults are those of section 4.2, except where the built-in differs.

    Attributes:
        steps: Batches; the paper does not say how many.
        batch: Clips a step (512).
        rate: Learning rate of AdamW (7e-4).
        sigma: Temperature of equation 3 (0.1).
        alpha: Residual ratio of equation 2 (0.7).
        beta: The middle frame's.
        frames: T, crops a clip (9).
        warm_up: Steps over which the rate rises; it then falls along a cosine. The paper names no schedule; an image
            tower without pre-training needs one.
        weight_decay: Of AdamW.
        seen: Crops of each clip that the image tower is shown in a step, the middle one always: half the work, and
            the fusion learns not to lean on any. T for a frozen tower.
        negatives: Phrases of the bank that mean none of the actions, drawn anew each step, beside the actions in the
            denominator of equation 3; without them a clip would be near some action, whatever it shows.
        balance: Actions are drawn in proportion to how many clips they have to this power: 1 as they come, 0 evenly.
        precision: Of the matrix products, under autocast.
        save_every: Steps between checkpoints.
        seed: Of everything.
        start: sha256 of the weights it begins with; None for new ones.
    """

    steps: int = 4000
    batch: int = 512
    rate: float = 7e-4
    sigma: float = 0.1
    alpha: float = ALPHA
    beta: float = BETA
    frames: int = FRAMES
    warm_up: int = 100
    weight_decay: float = 0.05
    seen: int = 5
    negatives: int = 64
    balance: float = 0.25
    precision: Precision = "fp32"
    save_every: int = 100
    seed: int = 0
    start: str | None = None


@dataclass(frozen=True, slots=True)
class PromptTuning:
    """What a run of prompt learning depends on; section 4.2 again.

    Attributes:
        steps: Batches.
        batch: Clips a step (128).
        rate: Learning rate of AdamW (2e-4).
        sigma: Temperature of equation 3, which this stage keeps (0.1).
        count: Learnable vectors, k of equation 5.
        save_every: Steps between checkpoints.
        seed: Of everything.
    """

    steps: int = 1000
    batch: int = 128
    rate: float = 2e-4
    sigma: float = 0.1
    count: int = PROMPTS
    save_every: int = 100
    seed: int = 0


# The encoder


@dataclass(frozen=True, slots=True)
class FrozenTowers:
    """The published towers that a run stands on. Features of any others are no input of what it has learned.

    Attributes:
        architecture: A name in ``export.towers.ARCHITECTURES``.
        weights: sha256 of their file.
    """

    architecture: str
    weights: str


class ClipNetwork(nn.Module):
    """Image tower and temporal fusion: crops of an object to the embedding of its clip (equations 1 and 2)."""

    def __init__(self, image: nn.Module, temporal: TemporalFusion, frozen: FrozenTowers | None = None) -> None:
        """Put the two together.

        Args:
            image: Crops to features.
            temporal: Features to an embedding.
            frozen: Whose the image tower is, if it stays as it is.
        """
        super().__init__()
        self.image, self.temporal, self.frozen = image, temporal, frozen
        if frozen is not None:
            image.requires_grad_(requires_grad=False)

    @property
    def learning(self) -> nn.Module:
        """What learns, and what a run stores: not a tower that is frozen."""
        return self if self.frozen is None else self.temporal

    def forward(self, crops: Tensor, geometry: Tensor | None, order: Tensor | None = None) -> Tensor:
        """``(B, T, S, S, 3)`` and ``(B, T, 5)`` to ``(B, D)``; see `TemporalFusion`."""
        clips, frames = crops.shape[:2]
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.frozen is None):
            features = self.image(crops.flatten(0, 1)).unflatten(0, (clips, frames))
        fused: Tensor = self.temporal(features, geometry, order)
        return fused

    def train(self, mode: bool = True) -> ClipNetwork:
        """As of every module; a frozen tower stays in evaluation mode."""
        super().train(mode)
        if self.frozen is not None:
            self.image.eval()
        return self

    def of_batch(self, batch: ClipBatch, order: Tensor | None = None) -> Tensor:
        """The embeddings of clips as they are stored, on the device where it is."""
        device = self.temporal.order.device
        geometry = None if self.temporal.place is None else torch.from_numpy(batch.geometry).to(device)
        features: Tensor = self(
            torch.from_numpy(batch.crops).to(device), geometry, None if order is None else order.to(device)
        )
        return features


BUILT_IN_DIM = 384
"""Of the built-in joint space, which is the sentence encoder's."""
_BUILT_IN_WIDTH = 192  # of the fusion: 3 MB of weights


def built_in(settings: Pretraining) -> ClipNetwork:
    """The built-in encoder, new."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        temporal = TemporalFusion(
            BUILT_IN_DIM,
            frames=settings.frames,
            geometry=True,
            width=_BUILT_IN_WIDTH,
            alpha=settings.alpha,
            beta=settings.beta,
        )
        return ClipNetwork(ImageTower(BUILT_IN_DIM), temporal)


def fusion_over_clip(dim: int, settings: Pretraining) -> TemporalFusion:
    """The temporal fusion that the paper puts over a frozen CLIP of ``dim`` numbers, new."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return TemporalFusion(dim, frames=settings.frames, heads=dim // 64, alpha=settings.alpha, beta=settings.beta)


def stored_settings(run: Path) -> tuple[Pretraining, FrozenTowers | None]:
    """What a pre-training that has ended was run with; no towers for the built-in encoder."""
    stored = read_provenance(run, "pretrain")["settings"]
    names = {each.name for each in fields(Pretraining)}
    towers = stored.get("towers")
    settings = Pretraining(**{key: value for key, value in stored.items() if key in names})
    return settings, None if towers is None else FrozenTowers(**towers)


def load_learned(encoder: ClipNetwork, run: Path) -> ClipNetwork:
    """Put what a pre-training has learned into an encoder of its settings."""
    encoder.learning.load_state_dict(torch.load(run / "encoder.pt", map_location="cpu", weights_only=True))
    return encoder.eval()


# The words


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of the actions, as features of the text tower.

    Attributes:
        actions: By index.
        said: For each action ``(K, D)``, its phrasings.
        held_out: For each action ``(H, D)``, phrasings kept for measuring.
        others: ``(M, D)``, phrases of the bank that mean none of the actions.
        near: ``(K,)``, cosine of each phrase of the bank to the nearest phrasing of an action.
    """

    actions: tuple[str, ...]
    said: tuple[Float32, ...]
    held_out: tuple[Float32, ...]
    others: Float32
    near: Float32


LIKE_AN_ACTION = 0.55
"""Cosine to any phrasing of an action from which a phrase of the bank may mean that action, in the space of
all-MiniLM-L6-v2: "a person walking a dog" lies at 0.6 to walking, "a person painting a wall" at 0.4."""


def words(actions: Sequence[str], phrases: Phrases, encode: Encode) -> Words:
    """Read and encode the phrasings. An action that phrases.json does not know is words itself, of a real data set."""
    said, held_out = [], []
    for action in actions:
        phrasings, kept = _split(action, phrases)
        said.append(encode(phrasings))
        held_out.append(encode(kept))
    bank = encode([entry.text for entry in phrases.entries()])
    near = np.stack([(bank @ texts.T).max(axis=1) for texts in said]).max(axis=0)
    return Words(tuple(actions), tuple(said), tuple(held_out), bank[near < LIKE_AN_ACTION], near)


def _split(action: str, phrases: Phrases) -> tuple[list[str], list[str]]:
    """Phrasings to learn from, and those held out."""
    if action not in phrases.actions:
        return [action, f"a person {action}", f"someone {action}", f"people {action}"], [f"a man {action}"]
    wording = phrases.actions[action]
    kept = (wording.doing[-1], wording.nouns[-1])
    phrasings = [text for text in wording.phrasings() if not any(part in text for part in kept)]
    return phrasings, [*kept, f"a person {kept[0]}"]


def nce(embeddings: Tensor, texts: Tensor, targets: Tensor, sigma: float) -> Tensor:
    """Equation 3, as a mean over the samples where the paper has a sum: the rate does not then depend on the batch.

    Args:
        embeddings: ``(B, D)`` of unit length.
        texts: ``(C, D)`` of unit length.
        targets: ``(B,)`` int64, the text of each sample.
        sigma: Temperature.
    """
    return functional.cross_entropy(embeddings @ texts.T / sigma, targets)


# Pre-training


def pretrain(
    encoder: ClipNetwork,
    clips: ObjectClips,
    said: Words,
    settings: Pretraining,
    out: Path,
    *,
    device: str = "cpu",
    validate: Callable[[ClipNetwork], float] | None = None,
) -> ClipNetwork:
    """Equations 1 to 3: align the clips of objects with what is said of their actions.

    Goes on from ``checkpoint.pt`` in ``out`` if there is one; writes it, ``log.csv``, TensorBoard's events, and at the
    end ``encoder.pt`` (what learns; a frozen tower is not in it) and ``provenance-pretrain.json``. ``validate``
    measures the encoder at every checkpoint, for the log.

    Raises:
        ValueError: If the checkpoint is of other settings or data.
    """
    encoder.to(device)
    learning = list(encoder.learning.parameters())
    optimiser = torch.optim.AdamW(learning, lr=settings.rate, weight_decay=settings.weight_decay)
    scaler = torch.amp.GradScaler(enabled=settings.precision == "fp16" and device != "cpu")
    towers = {} if encoder.frozen is None else {"towers": asdict(encoder.frozen)}
    run = RunFolder(out, {"stage": "pretrain", **asdict(settings), **towers, "data": clips.hash})
    learned = {"encoder": encoder.learning, "optimiser": optimiser, "scaler": scaler}
    first = run.resume(learned, device)
    texts = _Texts(said, settings, device)
    with run, _stock(lambda step: _clips(clips, settings, step), first, settings.steps) as stock:
        for step in run.steps(first, settings.steps):
            torch.manual_seed(settings.seed * 1_000_003 + step)  # dropout
            began = time.perf_counter()
            batch, order = next(stock)
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * _schedule(step, settings)
            encoder.train()
            phrases = texts.draw(step)
            targets = torch.from_numpy(batch.actions).to(device)
            with torch.autocast(
                device.split(":", maxsplit=1)[0], _dtype(settings.precision), settings.precision != "fp32"
            ):
                embeddings = encoder.of_batch(batch, order)
            loss = nce(embeddings.float(), phrases, targets, settings.sigma)
            optimiser.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            scaler.unscale_(optimiser)
            nn.utils.clip_grad_norm_(learning, _GRADIENT)
            scaler.step(optimiser)
            scaler.update()
            right = (embeddings.detach().float() @ phrases.T).argmax(dim=1) == targets
            figures = {"loss": float(loss.detach()), "accuracy": float(right.float().mean()), "rate": group["lr"]}
            if validate is not None and (step + 1) % settings.save_every == 0:
                figures["validation"] = validate(encoder)
            run.log(step, {**figures, "clips_per_s": len(batch) / (time.perf_counter() - began)})
            if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
                run.save(step + 1, learned)
    run.finish("encoder.pt", encoder.learning)
    return encoder.eval()


class _Texts:
    """The texts of a step: of each action one phrasing, and behind them phrases that mean none of them."""

    def __init__(self, said: Words, settings: Pretraining, device: str) -> None:
        self._said, self._settings, self._device = said, settings, device

    def draw(self, step: int) -> Tensor:
        rng = np.random.default_rng([self._settings.seed, 2, step])
        actions = [texts[int(rng.integers(len(texts)))] for texts in self._said.said]
        count = min(self._settings.negatives, len(self._said.others))
        others = self._said.others[rng.choice(len(self._said.others), count, replace=False)]
        return torch.from_numpy(np.concatenate([np.stack(actions), others])).to(self._device)


def _clips(clips: ObjectClips, settings: Pretraining, step: int) -> tuple[ClipBatch, Tensor | None]:
    """The clips of a step, changed as other cameras would, and which of their crops are shown."""
    rng = np.random.default_rng([settings.seed, 1, step])
    batch = clips.batch(balanced(clips.labels, settings.batch, settings.balance, rng))
    crops, geometry = augment(batch.crops, batch.geometry, rng)
    if settings.seen >= settings.frames:
        return ClipBatch(crops, geometry, batch.actions, batch.sources), None
    order = _order(len(batch), settings.frames, settings.seen, rng)
    rows = np.arange(len(batch))[:, None]
    return ClipBatch(crops[rows, order], geometry[rows, order], batch.actions, batch.sources), torch.from_numpy(order)


def _order(clips: int, frames: int, seen: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``(clips, seen)``: the middle frame, and as many from before it as from behind it."""
    middle, half = frames // 2, seen // 2
    before = np.argsort(rng.random((clips, middle)), axis=1)[:, :half]
    behind = middle + 1 + np.argsort(rng.random((clips, frames - middle - 1)), axis=1)[:, :half]
    chosen = np.concatenate([before, np.full((clips, 1), middle), behind], axis=1)
    return np.sort(chosen, axis=1)


def balanced(labels: NDArray[np.uint8], count: int, power: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw clips, their actions in proportion to how many each has to a power."""
    actions, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    weights = counts.astype(np.float64) ** power
    drawn = rng.choice(len(actions), count, p=weights / weights.sum())
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    place = starts[drawn] + np.floor(rng.random(count) * counts[drawn]).astype(np.int64)
    chosen: NDArray[np.int64] = np.argsort(inverse, kind="stable")[place]
    return chosen


def _schedule(step: int, settings: Pretraining) -> float:
    if step < settings.warm_up:
        return (step + 1) / settings.warm_up
    return 0.5 * (1.0 + math.cos(math.pi * (step - settings.warm_up) / max(settings.steps - settings.warm_up, 1)))


def precision(name: str) -> Precision:
    """A precision by its name.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in get_args(Precision):
        msg = f"expected a precision of {', '.join(get_args(Precision))}, got {name!r}"
        raise ValueError(msg)
    return cast(Precision, name)


def _dtype(precision: Precision) -> torch.dtype:
    return torch.float16 if precision == "fp16" else torch.bfloat16


# Prompts


def learn_prompts(
    tower: TokenTower,
    tokens: Tensor,
    embeddings: Float32,
    texts: Float32,
    settings: PromptTuning,
    out: Path,
    *,
    framed: bool,
    towers: FrozenTowers | None = None,
) -> Float32:
    """Equations 4 to 6: prompts that make normal clips answer more clearly to the action they resemble most.

    Everything else is frozen, so that their embeddings are computed once.

    Args:
        tower: Frozen.
        tokens: ``(N, L)`` int64, the actions of the bank.
        embeddings: ``(M, D)`` float32, embeddings of normal footage.
        texts: ``(N, D)`` float32, what the tower gives for the actions without prompts.
        settings: Of the run.
        out: Where checkpoint, log and ``prompts.pt`` go.
        framed: Whether the tower's texts have a start and an end token.
        towers: Whose it is, if it is a published one.

    Returns:
        ``(N, D)`` float32, the features of equation 6.
    """
    prompts = Prompts(tower, settings.count, framed=framed, seed=settings.seed)
    optimiser = torch.optim.AdamW(prompts.parameters(), lr=settings.rate)
    run = RunFolder(
        out, {"stage": "prompts", **asdict(settings), **({} if towers is None else {"towers": asdict(towers)})}
    )
    learned = {"prompts": prompts, "optimiser": optimiser}
    first = run.resume(learned, "cpu")
    nearest = most_alike(embeddings, texts)
    with run:
        for step in run.steps(first, settings.steps):
            rng = np.random.default_rng([settings.seed, 3, step])
            chosen = rng.integers(len(embeddings), size=settings.batch)
            # Prompts for the actions of this batch only: the tower is most of the work.
            used, targets = np.unique(nearest[chosen], return_inverse=True)
            loss = nce(
                torch.from_numpy(embeddings[chosen]), prompts(tokens[used]), torch.from_numpy(targets), settings.sigma
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            run.log(step, {"loss": float(loss.detach()), "actions": float(len(used))})
            if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
                run.save(step + 1, learned)
    run.finish("prompts.pt", prompts)
    with torch.inference_mode():
        return np.concatenate([prompts(part).numpy() for part in torch.split(tokens, 64)]).astype(np.float32)


def most_alike(embeddings: Float32, texts: Float32) -> NDArray[np.int64]:
    """Equation 4: ``(M,)``, the action that each of ``(M, D)`` clips resembles most of ``(N, D)``."""
    nearest: NDArray[np.int64] = (embeddings @ texts.T).argmax(axis=1)
    return nearest


@contextlib.contextmanager
def _stock(make: Callable[[int], Made], first: int, last: int) -> Generator[Iterator[Made]]:
    """Batches made a few steps ahead by a thread of its own, which ends with the block."""
    stock: queue.Queue[Made | BaseException] = queue.Queue(_AHEAD)
    stop = threading.Event()

    def fill() -> None:
        try:
            for step in range(first, last):
                item = make(step)
                while not stop.is_set():
                    with contextlib.suppress(queue.Full):
                        stock.put(item, timeout=0.1)
                        break
                if stop.is_set():
                    return
        except Exception as error:  # raised again where the batch is wanted
            stock.put(error)

    def items() -> Iterator[Made]:
        while True:
            item = stock.get()
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=fill, name="batches", daemon=True)
    thread.start()
    try:
        yield items()
    finally:
        stop.set()
        with contextlib.suppress(queue.Empty):
            stock.get_nowait()
        thread.join()
