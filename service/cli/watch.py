"""``watchword watch``: one source, scored live in the terminal, with no server."""

from __future__ import annotations

import itertools
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
        build_pipeline(settings, detector, packs or ["attributes"], fps, pose=pose, appearance=appearance) as pipeline,
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
        raise InvalidInput(
            NO_SUCH_SOURCE, f"There is no file or folder {redact(source)!r}, and it is no address of a camera."
        )
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

    history: deque[float | None] = deque(maxlen=HISTORY)
    incidents = _Incidents()
    count, peak = 0, 0.0
    with Live(console=console, refresh_per_second=10, transient=True) as live:
        for frame in frames:
            history.append(frame.score)
            if frame.score is not None:
                count, peak = count + 1, max(peak, frame.score)
            live.update(_line(frame, history))
            if incidents.begins(frame):
                console.print(_event(frame))
    console.print(f"[dim]the source has ended: {count} frames scored, highest score {peak:.2f}[/dim]")


class _Incidents:
    """Tells when the service would open an alert, did it watch the same source."""

    def __init__(self) -> None:
        from service.alerts.incident_machine import IncidentMachine, IncidentRules

        numbers = itertools.count(1)
        self._machine = IncidentMachine(IncidentRules(), lambda: str(next(numbers)))

    def begins(self, scored: ScoredFrame) -> bool:
        """Whether an incident opens with this frame, the next one."""
        from service.alerts.incident_machine import SurpriseSample

        frame = scored.source.frame
        clocks = frame.pts, frame.captured_at, scored.surprise, scored.threshold, frame.happened
        sample = SurpriseSample(scored.source.epoch, *clocks, believable=scored.believable)
        return any(change.event == "opened" for change in self._machine.step(sample).changes)


def _line(frame: ScoredFrame, history: deque[float | None]) -> Text:
    from rich.text import Text

    from service.pipeline.scored import display

    curve = "".join(" " if value is None else SPARKS[round(value * (len(SPARKS) - 1))] for value in history)
    at = f"{frame.source.frame.pts:9.2f} s  "
    if frame.score is None:
        blind = frame.source.sight.blind
        why = "no score" if blind is None else f"nothing to be seen: {blind.value.replace('_', ' ')}"
        return Text.assemble(at, (why, "bold yellow"), "  ", (curve.rjust(HISTORY), "yellow"))
    colour = "red" if _is_unusual(frame) else "green"
    return Text.assemble(
        at,
        (f"{frame.score:.2f}", f"bold {colour}"),
        f" / {display(frame.threshold or 0.0):.2f}  ",
        (curve.rjust(HISTORY), colour),
        f"  {(~frame.objects.regions).sum()} objects",
    )


def _is_unusual(frame: ScoredFrame) -> bool:
    """Whether it is as unusual as what opens an alert. What stood in the first picture leaves ghosts, which are not."""
    if frame.surprise is None or frame.threshold is None or not frame.believable:
        return False
    return frame.surprise >= frame.threshold


def _event(frame: ScoredFrame) -> Text:
    from rich.text import Text

    from service.alerts.sentence import anomaly_message
    from service.presentation.message import scored_objects

    culprit = next((one for one in scored_objects(frame) if one.culprit), None)
    name = culprit.label if culprit is not None and culprit.recognised else None
    message = anomaly_message(culprit, name, None, frame.surprise or 0.0)
    return Text(f"{frame.source.frame.pts:9.2f} s  {message}", style="bold red")
