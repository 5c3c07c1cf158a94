"""An input of a network that the stream does not have."""

from __future__ import annotations

from collections.abc import Sequence

from service.pipeline.inputs.provider import Buffer, Look


class NothingKept:
    """A buffer that holds nothing."""

    def reset(self) -> None:
        """There is nothing to forget."""


class NothingProvider:
    """Gives None for each frame."""

    def buffer(self) -> NothingKept:
        """For any stream."""
        return NothingKept()

    def gather(self, looks: Sequence[tuple[Buffer, Look]]) -> list[None]:
        """None for each frame; see ``Provider.gather``."""
        return [None] * len(looks)
