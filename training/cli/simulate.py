"""``watchword simulate``: the virtual camera, to files or to the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import console, fail_clearly

if TYPE_CHECKING:
    from training.virtual.clip import RenderProgress
    from training.virtual.scene import Scene

simulate_app = typer.Typer(
    name="simulate",
    rich_markup_mode="rich",
    help="A virtual camera that knows its own truth: people at what is normal in a scene, and on a schedule what is "
    "not, such as a cyclist on a plaza, or a runner in a goods yard.",
)

SceneName = Annotated[
    str, typer.Option(help="A built-in scene (`watchword simulate --list` shows them), or a path to its .json.")
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="This kind of anomaly and no other (may be given again): one of --list, or `beside`."),
]
Norms = Annotated[
    str | None,
    typer.Option(help="What is normal, and what is not, as in this other scene: the same norms in another place."),
]
Crowd = Annotated[
    int | None, typer.Option(min=0, max=60, help="About how many are about at any time; the scene says it itself.")
]
Seed = Annotated[int, typer.Option(min=0, help="The same scene and seed give the same pictures, byte for byte.")]
Fps = Annotated[float, typer.Option(min=1, max=120, help="Frames a second.")]
Size = Annotated[str, typer.Option(help="Width x height in pixels, even numbers.")]


@simulate_app.callback(invoke_without_command=True)
def simulate(
    context: typer.Context,
    show: Annotated[
        bool, typer.Option("--list", help="List the built-in scenes: what is normal, what is not.")
    ] = False,
) -> None:
    """Render or serve a virtual camera."""
    if show:
        from training.virtual.scene import load_scene, scene_names

        for name in scene_names():
            scene = load_scene(name)
            held_out = "  [yellow]held out: never trained on[/yellow]" if scene.held_out else ""
            console.print(f"[bold]{name}[/bold]  {scene.title}{held_out}")
            console.print(f"  normal     [dim]{', '.join(sorted(scene.normal))}[/dim]")
            console.print(f"  anomalies  [dim]{', '.join(scene.schedule.kinds)}[/dim]")
        raise typer.Exit
    if context.invoked_subcommand is None:
        console.print(context.get_help())
        raise typer.Exit(2)


@simulate_app.command()
@fail_clearly
def render(
    out: Annotated[Path | None, typer.Argument(help="The clip to write, .mp4; its truth goes beside it.")] = None,
    scene: SceneName = "plaza",
    seed: Seed = 14,
    seconds: Annotated[float, typer.Option(min=0.01, help="Length of a clip.")] = 60.0,
    fps: Fps = 25.0,
    size: Size = "640x360",
    normal: Annotated[bool, typer.Option("--normal", help="No anomalies at all: footage to enrol from.")] = False,
    normal_until: Annotated[float, typer.Option(min=0, help="No anomalies for so many seconds.")] = 0.0,
    only: Only = None,
    norms: Norms = None,
    people: Crowd = None,
    masks: Annotated[bool, typer.Option("--masks", help="Instance masks too, as a lossless grey video.")] = False,
    dataset: Annotated[Path | None, typer.Option(help="Write a whole data set to this folder instead.")] = None,
    train: Annotated[int, typer.Option(min=1, help="With --dataset: normal clips to learn from.")] = 4,
    test: Annotated[int, typer.Option(min=1, help="With --dataset: clips with anomalies.")] = 4,
) -> None:
    """Render a clip with its truth, or a data set that `watchword evaluate` reads.

    OUT.truth.json holds boxes, tracks, actions, captions and anomalies of every frame (training/virtual/truth.py
    describes it).

    [dim]watchword simulate render plaza.mp4 --seconds 90 --seed 3
    watchword simulate render normal.mp4 --normal
    watchword simulate render --dataset plaza --train 4 --test 6 --seconds 60
    watchword simulate render beside.mp4 --only beside --fps 10[/dim]
    """
    import math

    from training.virtual.clip import World, render_clip, render_dataset, truth_path

    if (out is None) == (dataset is None):
        raise typer.BadParameter("give either a file to write, or --dataset with a folder")
    description, shape = _scene(scene, only, norms, people), _size(size)
    clips = 1 if dataset is None else train + test
    with _complaints(), _progress(clips * round(seconds * fps)) as progress:
        if dataset is not None:
            render_dataset(
                description,
                dataset,
                train=train,
                test=test,
                seconds=seconds,
                seed=seed,
                size=shape,
                fps=fps,
                masks=masks,
                progress=progress,
            )
        elif out is not None:
            quiet = math.inf if normal else normal_until
            world = World(description, seed, size=shape, fps=fps, normal_until=quiet)
            render_clip(world, out, seconds, masks=masks, progress=progress)
    if dataset is not None:
        console.print(f"{train} clips to learn from and {test} to be tested on in [bold]{dataset}[/bold]")
    elif out is not None:
        console.print(f"[bold]{out}[/bold], its truth in [bold]{truth_path(out)}[/bold]")


@simulate_app.command()
@fail_clearly
def serve(
    scene: SceneName = "plaza",
    seed: Seed = 14,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 8554,
    fps: Fps = 25.0,
    size: Size = "640x360",
    normal_until: Annotated[
        float, typer.Option(min=0, help="No anomalies for so many seconds from the first viewer on: time to enrol.")
    ] = 90.0,
    only: Only = None,
    norms: Norms = None,
    people: Crowd = None,
) -> None:
    r"""Serve a virtual camera over RTSP (TCP) until Ctrl-C.

    The world runs from the start on, drawn live while someone watches; all who watch see the same. Its normal
    stretch begins when the first one does.

    [dim]watchword simulate serve --port 8554 --normal-until 120
    curl -X POST localhost:8000/streams -H 'content-type: application/json' \
      -d '{"name": "plaza", "url": "rtsp://127.0.0.1:8554/plaza", "enrolment": {"seconds": 90}}'[/dim]
    """
    import signal
    import threading

    from training.virtual.serve import VirtualCamera

    camera = VirtualCamera(
        _scene(scene, only, norms, people),
        seed,
        host=host,
        port=port,
        size=_size(size),
        fps=fps,
        normal_until=normal_until,
    )
    stop = threading.Event()
    previous = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with _complaints(), console.status("Drawing the scene"):
            camera.start()
        console.print(
            f"[bold]{camera.url}[/bold]  normal for {normal_until:g} s from the first viewer on, then "
            "anomalies. Ctrl-C stops."
        )
        stop.wait()
    finally:
        camera.close()
        for number, handler in previous.items():
            signal.signal(number, handler)


def _scene(name: str, only: list[str] | None, norms: str | None, people: int | None) -> Scene:
    from training.virtual.scene import SceneError, load_scene, with_kinds, with_norms, with_people

    try:
        scene = load_scene(name)
    except SceneError as error:
        raise typer.BadParameter(str(error), param_hint="--scene") from None
    if people is not None:
        scene = with_people(scene, people)
    try:
        scene = scene if norms is None else with_norms(scene, load_scene(norms))
    except SceneError as error:
        raise typer.BadParameter(str(error), param_hint="--norms") from None
    try:
        return with_kinds(scene, only) if only else scene
    except SceneError as error:
        raise typer.BadParameter(str(error), param_hint="--only") from None


def _size(text: str) -> tuple[int, int]:
    width, by, height = text.lower().partition("x")
    if by and width.isdigit() and height.isdigit():
        return int(width), int(height)
    raise typer.BadParameter(f"expected WIDTHxHEIGHT, such as 640x360, got {text!r}", param_hint="--size")


@contextmanager
def _complaints() -> Iterator[None]:
    """What the world refuses, as a sentence."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from None


@contextmanager
def _progress(total: int) -> Iterator[RenderProgress]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Rendering"), BarColumn(), MofNCompleteColumn(), TextColumn("frames"), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("Rendering", total=total)
        yield lambda done: bar.update(task, completed=done)
