"""Text files of data sets, as spreadsheets, editors and archives of all systems leave them."""

from __future__ import annotations

import codecs
from pathlib import Path

from training.datasets.base import DatasetError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""A byte order mark is invisible in an editor, and would be a part of the first column's name."""


def read_text(path: Path) -> str:
    """A text file's content, without its byte order mark; line ends as they are.

    Raises:
        DatasetError: If it is neither UTF-8 nor UTF-16 with its mark.
    """
    content = path.read_bytes()
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        msg = f"{path}: line {line} is not UTF-8. Save the file as UTF-8 (in a spreadsheet: CSV UTF-8)."
        raise DatasetError(msg) from error
