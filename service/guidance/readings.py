"""The texts of a stream's rules as its language understands them."""

from __future__ import annotations

from collections.abc import Callable, Collection

from models.guidance.language import Language
from models.guidance.text_reader import Reading


class Readings:
    """Each text is read once, with a language that is learned when there is something to read. Not thread-safe."""

    def __init__(self, learn: Callable[[], Language | None] | None = None) -> None:
        """Nothing is read yet.

        Args:
            learn: Gives the language, or None if there is nothing to read rules with. Called at most once, when the
                language is asked for. None for a stream that has none so far.
        """
        self._learn = learn
        self._language: Language | None = None
        self._known: dict[str, Reading] = {}

    @property
    def language(self) -> Language | None:
        """What texts are read with; None if there is nothing."""
        if self._learn is not None:
            self._language, self._learn = self._learn(), None
        return self._language

    def read(self, text: str) -> Reading | None:
        """How a text is understood; None without a language."""
        if self.language is None:
            return None
        if text not in self._known:
            self._known[text] = self.language.read(text)
        return self._known[text]

    def keep(self, texts: Collection[str]) -> None:
        """Forget all others."""
        self._known = {text: reading for text, reading in self._known.items() if text in texts}
