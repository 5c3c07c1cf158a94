"""Credentials out of any text: log lines, errors, labels."""

from __future__ import annotations

import logging
import re

MASK = "***"

_URL = re.compile(r"[a-z][a-z0-9+.\-]*:\S+", re.IGNORECASE)
# Up to the last @ of the run: a password may hold any sign, also / ? # @ typed without percent-encoding.
_USERINFO = re.compile(r"^([a-z][a-z0-9+.\-]*://)\S*@", re.IGNORECASE)
# `password=...` in a query, and in a path as well: some cameras want `/user=admin&password=...` there.
_SECRET_VALUE = re.compile(
    r"((?:^|[?&;/_,:])[a-z0-9.\-]*"
    r"(?:pass(?:word|wd|phrase|code)?|pwd|psw|loginpas|user(?:name)?|usr|login|token|secret|key|auth(?:orization)?"
    r"|credentials?|sig(?:nature)?|jwt|session|sid)"
    r"[0-9]*=)([^&\s]+)",
    re.IGNORECASE,
)


def mask_values(url: str) -> str:
    """A URL with the values of secret-looking parameters replaced; its userinfo is left as it is."""
    return _SECRET_VALUE.sub(rf"\1{MASK}", url)


def redact(text: str) -> str:
    """A text with the userinfo and the secret parameters of every URL in it replaced by ``***``.

    Errs on the side of hiding: with an ``@`` anywhere in a URL, all before it goes.
    """
    return _URL.sub(lambda found: mask_values(_USERINFO.sub(rf"\1{MASK}@", found[0])), text)


class RedactingFilter(logging.Filter):
    """Redacts the message, traceback and stack of every record. Put it on handlers, which see all loggers."""

    _formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact in place; no record is ever dropped."""
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = self._formatter.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)  # formatters take this text when it is set
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True
