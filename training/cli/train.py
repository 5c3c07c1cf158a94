"""``watchword train``: data in, weights out. Needs the extra ``train``; nothing else of the program does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.console import console, fail_clearly

train_app = typer.Typer(no_args_is_help=True, help="Train what the built-in packs hold, and encoders of your own.")
svad_app = typer.Typer(no_args_is_help=True, help="The svad encoder: temporal fusion, prompts, response texts.")
train_app.add_typer(svad_app, name="svad")

Clips = Annotated[Path, typer.Option(help="Object clips, as `watchword train clips` writes them.")]
Run = Annotated[Path, typer.Option(help="Folder of the run: checkpoint, logs, weights. The same command resumes.")]
Steps = Annotated[int, typer.Option(min=1, help="Batches.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything that is by chance.")]
Threads = Annotated[int, typer.Option(min=1, help="Of the processor.")]


@train_app.command("clips")
@fail_clearly
def clips(
    out: Annotated[Path, typer.Argument(help="Folder to write; what is there already is kept.")],
    worlds: Annotated[int, typer.Option(min=1, help="Scenes by chance, or seeds of one scene.")] = 100,
    scene: Annotated[str | None, typer.Option(help="A built-in scene, to measure on; by chance if left out.")] = None,
    seconds: Annotated[float, typer.Option(min=5, help="Of each world.")] = 40.0,
    seed: Seed = 1,
    size: Annotated[int, typer.Option(min=16, help="Side of a crop: 64 for the built-in encoder, 224 for CLIP.")] = 64,
    workers: Annotated[int, typer.Option(min=1, help="Processes at work; changes nothing of the result.")] = 2,
) -> None:
    """Record object clips of the virtual world: crops, where they were, and what was done in them.

    [dim]watchword train clips runs/clips --worlds 200
    watchword train clips runs/plaza --scene plaza --worlds 4 --seed 900[/dim]
    """
    from tqdm import tqdm

    from training.data.object_clips import world_jobs, write_worlds

    jobs = world_jobs(worlds, seed, seconds, scene)
    with tqdm(total=len(jobs), desc="worlds") as bar:
        write_worlds(out, jobs, size=size, workers=workers, progress=bar.update)
    console.print(f"clips of {len(jobs)} worlds in [bold]{out}[/bold]")


@train_app.command("actions")
@fail_clearly
def actions(
    out: Annotated[Path, typer.Argument(help="Folder to write; what is there already is kept.")],
    datasets: Annotated[list[Path], typer.Argument(help="Folders of HMDB51, UCF Sports, KTH, Weizmann, Kinetics-400.")],
    detector: Annotated[str, typer.Option(help="motion, a detector pack's name, or a path to an .onnx file.")],
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
    action: Annotated[list[str] | None, typer.Option(help="Only this action; may come many times.")] = None,
    size: Annotated[int, typer.Option(min=16, help="Side of a crop: 64 for the built-in encoder, 224 for CLIP.")] = 224,
) -> None:
    """Record object clips of real data sets of actions: the main object of each clip, unless its view changes.

    [dim]watchword train actions runs/actions hmdb51 kth --detector yolox_nano.onnx[/dim]
    """
    from contextlib import closing

    from tqdm import tqdm

    from models.packs import PackLibrary
    from service.engine.detectors import load_detector
    from service.settings import Settings
    from training.data.action_clips import write_actions
    from training.datasets.actions import SPLITS, open_actions

    chosen = next((name for name in SPLITS if name == split), None)
    if chosen is None:
        raise typer.BadParameter(f"expected {', '.join(SPLITS)}, got {split!r}", param_hint="--split")
    settings = Settings()
    opened = [open_actions(path) for path in datasets]
    loaded = load_detector(detector, PackLibrary([settings.packs_path]), settings.threads)
    with closing(loaded), tqdm(desc="samples") as bar:
        counts = write_actions(out, opened, chosen, loaded, settings, size=size, actions=action, progress=bar.update)
    said = ", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "nothing new"
    console.print(f"samples: {said}; in [bold]{out}[/bold]")


@svad_app.command()
@fail_clearly
def pretrain(
    clips: Clips,
    out: Run,
    validation: Annotated[Path | None, typer.Option(help="Object clips of scenes that are not trained on.")] = None,
    clip: Annotated[
        str | None,
        typer.Option(help="Frozen towers, as `export encoder --architecture` names them; built-in if left out."),
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Their weights, a file.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Keeps the sentence encoder's vectors between runs.")] = None,
    steps: Steps = 4000,
    batch: Annotated[int, typer.Option(min=2, help="Clips a step.")] = 512,
    rate: Annotated[float, typer.Option(min=0, help="Learning rate.")] = 7e-4,
    sigma: Annotated[float, typer.Option(min=1e-4, help="Temperature of equation 3.")] = 0.1,
    alpha: Annotated[float, typer.Option(min=0, max=1, help="Residual ratio of equation 2.")] = 0.7,
    frames: Annotated[int, typer.Option(min=1, max=17, help="Crops a clip.")] = 9,
    seen: Annotated[int | None, typer.Option(min=1, help="Crops shown in a step, odd; 5, or all for CLIP.")] = None,
    start: Annotated[Path | None, typer.Option(help="Weights to begin with: another run's encoder.pt.")] = None,
    precision: Annotated[str, typer.Option(help="fp32, bf16 or fp16.")] = "fp32",
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1.")] = "cpu",
    threads: Threads = 2,
    seed: Seed = 0,
) -> None:
    r"""Equations 1 to 3: align clips with what is said of their actions.

    On a machine that others use too, one thread is faster than two: threads that wait for each other lose their turn
    (300 clips a second with one, 7 to 220 with two).

    [dim]watchword train svad pretrain --clips runs/clips --validation runs/plaza --out runs/svad
    watchword train svad pretrain --clips runs/clips224 --clip clip-vit-b16 \
        --weights clip.safetensors --out runs/clip[/dim]
    """
    import torch

    from models.packs import file_hash
    from training.data.object_clips import ObjectClips
    from training.svad.trainer import Pretraining, built_in, pretrain, words
    from training.svad.trainer import precision as checked
    from training.svad.zero_shot import accuracy
    from training.text.phrases import Phrases
    from training.text.teacher import Teacher

    if (clip is None) != (weights is None):
        raise typer.BadParameter("expected --clip and --weights together", param_hint="--weights")
    torch.set_num_threads(threads)
    settings = Pretraining(
        steps=steps,
        batch=batch,
        rate=rate,
        sigma=sigma,
        alpha=alpha,
        beta=1 - alpha,
        frames=frames,
        seen=seen or (frames if clip else min(5, frames)),
        precision=checked(precision),
        seed=seed,
        start=None if start is None else file_hash(start),
    )
    phrases, data = Phrases.load(), ObjectClips(clips, frames)
    held_out = None if validation is None else ObjectClips(validation, frames)
    if clip is None or weights is None:
        with Teacher(cache=cache) as teacher:
            said = words(data.actions, phrases, teacher.encode)
        encoder = built_in(settings)
    else:
        from training.svad.frozen_clip import FrozenClip

        towers = FrozenClip(clip, weights)
        encoder, said = towers.encoder(settings), words(data.actions, phrases, towers.text().encode)
    if start is not None:
        encoder.learning.load_state_dict(torch.load(start, map_location="cpu", weights_only=True))
    validate = None if held_out is None else lambda encoder: accuracy(encoder, held_out, said)
    pretrain(encoder, data, said, settings, out, device=device, validate=validate)
    console.print(f"weights in [bold]{out / 'encoder.pt'}[/bold]")


@svad_app.command()
@fail_clearly
def prompts(
    clips: Clips,
    run: Annotated[Path, typer.Option(help="Folder of the pre-training.")],
    out: Run,
    text: Annotated[
        Path | None, typer.Option(help="Folder of the built-in text tower: text_tower.pt and tokenizer.json.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Of a run over CLIP: the weights that it was given.")] = None,
    steps: Steps = 1000,
    batch: Annotated[int, typer.Option(min=2, help="Clips a step.")] = 128,
    rate: Annotated[float, typer.Option(min=0, help="Learning rate.")] = 2e-4,
    count: Annotated[int, typer.Option(min=0, help="Learnable vectors.")] = 8,
    threads: Threads = 2,
    seed: Seed = 0,
) -> None:
    r"""Equations 4 to 6: learn the prompts around the bank's actions, on clips of what is usual.

    [dim]watchword train svad prompts --clips runs/clips --run runs/svad --text runs/text --out runs/prompts
    watchword train svad prompts --clips runs/clips224 --run runs/clip \
        --weights clip.safetensors --out runs/prompts[/dim]
    """
    import torch

    from training.svad.built_in import prompts_over_bank
    from training.svad.frozen_clip import prompts_over_clip
    from training.svad.trainer import PromptTuning

    torch.set_num_threads(threads)
    settings = PromptTuning(steps=steps, batch=batch, rate=rate, count=count, seed=seed)
    if text is not None and weights is None:
        prompts_over_bank(clips, run, text, settings, out)
    elif weights is not None and text is None:
        prompts_over_clip(clips, run, weights, settings, out)
    else:
        raise typer.BadParameter("expected either --text or --weights", param_hint="--text")
    console.print(f"texts of the responses in [bold]{out / 'responses.npy'}[/bold]")


@svad_app.command("packs")
@fail_clearly
def write_packs(
    clips: Clips,
    run: Annotated[Path, typer.Option(help="Folder of the pre-training.")],
    text: Annotated[Path, typer.Option(help="Folder of the text tower.")],
    version: Annotated[str, typer.Option(help="Of both packs.")],
    prompted: Annotated[Path | None, typer.Option(help="Folder of the prompts; without, the bank as it is.")] = None,
    measured: Annotated[list[Path] | None, typer.Option(help="Clips of scenes not trained on, to measure on.")] = None,
    packs: Annotated[Path | None, typer.Option(help="The folder of packs; the built-in one if left out.")] = None,
    suffix: Annotated[str, typer.Option(help="Behind both names, such as -2: another folder needs it.")] = "",
    threads: Threads = 2,
) -> None:
    r"""Write the packs `words` and `svad`, every graph compared with its network, with measurements and provenance.

    [dim]watchword train svad packs --clips runs/clips --run runs/svad --text runs/text --prompted runs/prompts \
        --measured runs/plaza --measured runs/station --version 1.0.0[/dim]
    """
    import torch

    from models.packs import BUILT_IN
    from training.svad.built_in import write_packs

    torch.set_num_threads(threads)
    made = write_packs(
        packs or BUILT_IN, clips, run, text, prompted, tuple(measured or ()), version=version, suffix=suffix
    )
    for pack in made:
        console.print(f"[bold]{pack.name}[/bold] {pack.manifest.version} in {pack.path}")
