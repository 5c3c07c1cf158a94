"""What is wrong with a pack."""

from __future__ import annotations


class PackError(ValueError):
    """A pack that does not verify.

    Codes: ``unknown_pack``, ``missing_file``, ``bad_manifest``, ``unknown_key``, ``unknown_format``, ``bad_path``,
    ``symlink``, ``wrong_size``, ``wrong_hash``, ``bad_arrays``, ``wrong_shape``, ``wrong_name``, ``bad_graph``,
    ``bad_phrases``, ``bad_tokenizer``, ``program_too_old``, ``wrong_layout``, ``pack_kind``, ``name_taken``,
    ``unreadable``.
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
