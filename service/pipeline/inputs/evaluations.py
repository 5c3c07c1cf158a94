"""Windows of frames, which ingest has gathered: each is evaluated once."""

from __future__ import annotations

from collections.abc import Sequence

from models.inputs import FrameWindow, Window
from service.pipeline.inputs.provider import Look


class Evaluations:
    """Which window of one stream was evaluated last. Not thread-safe."""

    def __init__(self) -> None:
        """None was."""
        self.last: int | None = None

    def reset(self) -> None:
        """Forget it, as after a gap: windows count from 0 again."""
        self.last = None


class WindowProvider:
    """Hands on the windows of one declaration of ``FrameWindow``, each once."""

    def __init__(self, wanted: FrameWindow) -> None:
        """Hand on what is wanted."""
        self._wanted = wanted

    def buffer(self) -> Evaluations:
        """For a stream of which nothing was evaluated."""
        return Evaluations()

    def gather(self, looks: Sequence[tuple[Evaluations, Look]]) -> list[Window | None]:
        """The window of each frame, None where there is none that was not evaluated; see ``Provider.gather``.

        Raises:
            ValueError: If a frame comes from where windows of this kind are not gathered.
        """
        return [self._new(evaluations, look) for evaluations, look in looks]

    def _new(self, evaluations: Evaluations, look: Look) -> Window | None:
        windows = look.frame.windows
        if self._wanted not in windows:
            msg = f"expected frames with {self._wanted}, got {', '.join(map(str, windows)) or 'no windows'}"
            raise ValueError(msg)
        window = windows[self._wanted]
        if window is None or window.index == evaluations.last:
            return None
        evaluations.last = window.index
        return window
