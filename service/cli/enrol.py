"""``watchword enrol``: learn a profile from recordings, with no server."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from service.cli.console import console, fail_clearly


@fail_clearly
def enrol(
    sources: Annotated[list[Path], typer.Argument(help="Videos or folders of images of normal footage.", exists=True)],
    out: Annotated[Path, typer.Option(help="Where the profile goes.")] = Path("profile.npz"),
    detector: Annotated[
        str, typer.Option(help="motion, a detector pack's name, or a path to an .onnx file.")
    ] = "motion",
    pose: Annotated[
        str, typer.Option(help="Finds people's keypoints: a pose pack's name, a path to an .onnx file, or none.")
    ] = "none",
    appearance: Annotated[
        str, typer.Option(help="Says how objects look: an appearance or encoder pack's name, a path to .onnx, or none.")
    ] = "none",
    packs: Annotated[list[str] | None, typer.Option("--pack", help="Head packs; may be given again.")] = None,
    fps: Annotated[
        float, typer.Option(min=0.1, max=60, help="Frames looked at per second, and the rate of a folder of images.")
    ] = 10.0,
) -> None:
    """Learn what is normal from recordings of one camera, and keep it as a profile.

    A few minutes are enough to be useful. What is damaged is left out and named.
    The profile is for `watchword watch --profile` and `watchword evaluate --profile`;
    a running service learns over its API instead (POST /streams/ID/enrolment).

    [dim]watchword enrol monday.mp4 tuesday.mp4 --out gate.npz
    watchword watch rtsp://camera/stream1 --profile gate.npz[/dim]
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from service.ingest.playback import read_all
    from service.ingest.source import local_source
    from service.pipeline.offline import build_pipeline
    from service.pipeline.recordings import NormalRecording, sound
    from service.pipeline.scored import display
    from service.profiles.samples import Samples
    from service.settings import Settings

    settings = Settings()
    with build_pipeline(settings, detector, packs or ["attributes"], fps, pose=pose, appearance=appearance) as pipeline:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("clips"))
        with Progress(
            *columns, TextColumn("{task.fields[frames]} frames"), TimeElapsedColumn(), console=console
        ) as bar:
            task = bar.add_task("learning what is normal", total=len(sources), frames=0)
            recordings = [
                NormalRecording(
                    str(path), partial(read_all, "enrol", local_source(path, rate=fps), fps, settings, pipeline.windows)
                )
                for path in sources
            ]
            samples = Samples()

            def done(damage: str | None) -> None:
                bar.update(task, advance=1, frames=samples.frames)
                if damage is not None:
                    console.print(damage, markup=False, soft_wrap=True)

            pipeline.gather(sound(recordings, done), samples)
        profile = pipeline.fit(samples, ", ".join(path.name for path in sources))
        profile.save(out)
    console.print(
        f"{out}: learned from {profile.frames} frames, {profile.seconds:.0f} s; "
        f"threshold for an alert a day {display(profile.threshold()):.2f}"
    )
