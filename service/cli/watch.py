"""``watchword watch``: one source, scored live in the terminal, with no server."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import console, fail_clearly

if TYPE_CHECKING:
    from rich.text import Text

    from models.inputs import FrameWindow
    from service.frames import PreparedFrame
    from service.ingest.source import Source
    from service.pipeline.scored import ScoredFrame
    from service.settings import Settings

SPARKS = " ▁▂▃▄▅▆▇█"
HISTORY = 60


@fail_clearly
def watch(
    source: Annotated[str, typer.Argument(help="A camera's URL, a video, or a folder of images.")],
    profile: Annotated[Path | None, typer.Option(exists=True, help="From `watchword enrol`; else learn first.")] = None,
    seconds: Annotated[float, typer.Option(min=5, help="Without a profile: how long to learn.")] = 60.0,
    detector: Annotated[
        str, typer.Option(help="motion, a detector pack's name, or a path to an .onnx file.")
    ] = "motion",
    packs: Annotated[list[str] | None, typer.Option("--pack", help="Head packs; may be given again.")] = None,
    fps: Annotated[
        float, typer.Option(min=0.1, max=60, help="Frames looked at per second, and the rate of a folder of images.")
    ] = 10.0,
    alerts_per_day: Annotated[float, typer.Option(min=0.01, help="Picks the threshold.")] = 1.0,
) -> None:
    """Watch one source; its score runs along in the terminal. Ctrl-C stops.

    Without --profile the first seconds are taken as normal. A video file is read as fast as it decodes.

    [dim]watchword watch rtsp://user:secret@camera/stream1
    watchword watch yard.mp4 --profile yard.npz[/dim]
    """
    from service.pipeline.offline import build_pipeline
    from service.profiles.profile import Profile
    from service.redact import redact
    from service.settings import Settings

    settings = Settings()
    with (
        build_pipeline(settings, detector, packs or ["attributes"], fps) as pipeline,
        closing(_frames(source, fps, settings, pipeline.windows)) as frames,
    ):
        if profile is None:
            samples = pipeline.gather([_first(frames, seconds)])
            learned = pipeline.fit(samples, redact(source))
        else:
            learned = Profile.load(profile, samples=False)
        _show(pipeline.score(frames, learned, learned.threshold(alerts_per_day)))


def _frames(source: str, fps: float, settings: Settings, windows: Sequence[FrameWindow]) -> Generator[PreparedFrame]:
    from service.errors import NO_SUCH_SOURCE, InvalidInput
    from service.ingest.playback import read_all
    from service.ingest.source import local_source, parse_source
    from service.redact import redact

    if "://" not in source and not source.startswith("file:") and not Path(source).exists():
        raise InvalidInput(NO_SUCH_SOURCE, f"expected a camera's URL or a file that is there, got {redact(source)!r}")
    if Path(source).exists():
        yield from read_all("watch", local_source(Path(source), rate=fps), fps, settings, windows)
    else:
        yield from _live(parse_source(source, "tcp", settings.media_dir), fps, settings, windows)


def _live(source: Source, fps: float, settings: Settings, windows: Sequence[FrameWindow]) -> Generator[PreparedFrame]:
    from service.contracts.stream import StreamState
    from service.ingest.ingest import Ingest
    from service.ingest.probe import probe
    from service.metrics import Metrics

    probe(source, settings.probe_timeout_s)
    arrived = threading.Event()

    def tell(state: StreamState, detail: str | None) -> None:
        console.print(f"[dim]{state}{': ' + detail if detail else ''}[/dim]")

    ingest = Ingest("watch", source, fps, settings, Metrics(), arrived.set, tell, windows=windows)
    ingest.start()
    try:
        while True:
            arrived.wait(1.0)
            arrived.clear()
            frame = ingest.take()
            if frame is not None:
                yield frame
    finally:
        ingest.close()


def _first(frames: Iterator[PreparedFrame], seconds: float) -> Iterator[PreparedFrame]:
    """The frames of the first seconds, with a progress bar."""
    from rich.progress import Progress

    from service.errors import SOURCE_TOO_SHORT, InvalidInput

    elapsed = 0.0
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("learning what is normal", total=seconds)
        start: float | None = None
        for frame in frames:
            start = frame.frame.pts if start is None else start
            elapsed = frame.frame.pts - start
            bar.update(task, completed=elapsed)
            yield frame
            if elapsed >= seconds:
                return
    msg = f"{elapsed:.1f} s of footage are too few to learn from for {seconds:g} s. Learn for less with --seconds."
    raise InvalidInput(SOURCE_TOO_SHORT, msg)


def _show(frames: Iterator[ScoredFrame]) -> None:
    from rich.live import Live

    history: deque[float] = deque(maxlen=HISTORY)
    above = False
    count, peak = 0, 0.0
    with Live(console=console, refresh_per_second=10, transient=True) as live:
        for frame in frames:
            history.append(frame.score or 0.0)
            count, peak = count + 1, max(peak, frame.score or 0.0)
            live.update(_line(frame, history))
            now_above = frame.surprise is not None and frame.threshold is not None and frame.surprise > frame.threshold
            if now_above and not above:
                console.print(_event(frame))
            above = now_above
    console.print(f"[dim]the source has ended: {count} frames scored, highest score {peak:.2f}[/dim]")


def _line(frame: ScoredFrame, history: deque[float]) -> Text:
    from rich.text import Text

    from service.pipeline.scored import display

    score, threshold = frame.score or 0.0, display(frame.threshold or 0.0)
    curve = "".join(SPARKS[round(value * (len(SPARKS) - 1))] for value in history)
    colour = "red" if score > threshold else "green"
    return Text.assemble(
        f"{frame.source.frame.pts:9.2f} s  ",
        (f"{score:.2f}", f"bold {colour}"),
        f" / {threshold:.2f}  ",
        (curve.rjust(HISTORY), colour),
        f"  {(~frame.objects.regions).sum()} objects",
    )


def _event(frame: ScoredFrame) -> Text:
    import numpy as np
    from rich.text import Text

    what = "something unusual"
    objects = frame.objects
    if np.isfinite(objects.surprise).any():
        top = int(np.nanargmax(objects.surprise))
        named = {name: float(values[top]) for name, values in objects.terms.items() if np.isfinite(values[top])}
        terms = sorted(named.items(), key=lambda term: -term[1])
        what = f"{objects.labels[top]}: " + ", ".join(f"{name} {value:.1f}" for name, value in terms[:2])
    return Text(f"{frame.source.frame.pts:9.2f} s  above the threshold  {what}", style="bold red")
