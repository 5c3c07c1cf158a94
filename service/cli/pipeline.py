"""The pipeline that the commands without a server share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from models.pack import PackLibrary
from service.engine.detectors import Detector, load_detector
from service.engine.encoder import TextEncoder
from service.pipeline.offline import OfflinePipeline
from service.pipeline.pool import SENTENCES, load_encoder, load_pack_head
from service.pipeline.stages import Stages, needed_encoder
from service.settings import Settings


@contextmanager
def build_pipeline(
    settings: Settings,
    detector: str | Detector,
    packs: Sequence[str],
    fps: float,
    encoder: str | None = None,
    library: PackLibrary | None = None,
    *,
    rules: bool = False,
) -> Iterator[OfflinePipeline]:
    """A pipeline with this detector and the heads of these packs; closes everything at the end.

    Args:
        settings: Of them the packs' folder and how graphs run.
        detector: A pack's name, the path of an ``.onnx`` file, or one that is there already.
        packs: Names of heads' packs.
        fps: Frames looked at per second.
        encoder: An encoder pack; None takes the one that the heads need, if any.
        library: Where packs are looked for; None is where the service does.
        rules: Whether text rules are to be understood: with the text tower of ``words``.
    """
    library = library or PackLibrary([settings.packs_path])
    heads = {name: load_pack_head(library, name) for name in packs}
    chosen = encoder or needed_encoder(heads)
    with ExitStack() as stack:
        loaded = load_detector(detector, library, settings.threads) if isinstance(detector, str) else detector
        stack.enter_context(closing(loaded))
        encodes = sentences = None
        if chosen is not None:
            encodes = stack.enter_context(closing(load_encoder(library.get(chosen), settings)))
        if rules and encodes is not None and encodes.name == SENTENCES:
            sentences = encodes.text
        elif rules:
            text = TextEncoder(library.get(SENTENCES), settings.threads, settings.encoder_precision)
            sentences = stack.enter_context(closing(text))
        yield OfflinePipeline(Stages(loaded, heads, encodes, sentences), fps=fps)
