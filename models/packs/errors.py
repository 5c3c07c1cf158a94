"""What is wrong with a pack."""

from __future__ import annotations


class PackError(ValueError):
    """A pack that does not verify.

    Its codes are declared in ``models.packs.codes``.
    """

    def __init__(self, code: str, message: str) -> None:
        """Say what is wrong.

        Args:
            code: Stable and snake_case.
            message: A sentence that says what was expected and what came.
        """
        super().__init__(message)
        self.code = code
        self.message = message
