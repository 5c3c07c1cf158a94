from __future__ import annotations

import io
import logging

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.redact import RedactingFilter, redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing to hide, not even a@b", "nothing to hide, not even a@b"),
        ("rtsp://camera/stream", "rtsp://camera/stream"),
        ("open rtsp://user:secret@camera:554/s failed", "open rtsp://***@camera:554/s failed"),
        ("rtsp://user:pa@ss@camera/s", "rtsp://***@camera/s"),
        ("rtsp://user:pa/ss?#@camera/s", "rtsp://***@camera/s"),
        ("'rtsp://u:p@one/x' and 'RTSP://u:p@two/y'", "'rtsp://***@one/x' and 'RTSP://***@two/y'"),
        ("http://camera/v.mjpg?user=root&pwd=secret&fps=5", "http://camera/v.mjpg?user=***&pwd=***&fps=5"),
        ("https://h/live?token=abc.def", "https://h/live?token=***"),
        ("https://h/live?access_token=abc#top", "https://h/live?access_token=***"),
        ("https://h/x?X-Amz-Signature=abc&part=1", "https://h/x?X-Amz-Signature=***&part=1"),
        ("rtsp://nvr/user=admin&password=secret&channel=1", "rtsp://nvr/user=***&password=***&channel=1"),
        ("rtsp://nvr/user=admin_password=secret_channel=1", "rtsp://nvr/user=***"),
        ("redis://:secret@host:6379/0", "redis://***@host:6379/0"),
        ('{"url": "rtsp://u:p@h/x?key=k"}', '{"url": "rtsp://***@h/x?key=***'),  # rather too much than too little
    ],
)
def test_hides_credentials_and_little_else(text: str, expected: str) -> None:
    assert redact(text) == expected


VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x17F, exclude_categories=["Z", "C"]), min_size=1)


@given(user=VISIBLE, password=VISIBLE)
@example(user="u", password="p@ss/w?o#r&d=:%")
def test_no_userinfo_survives(user: str, password: str) -> None:
    assert redact(f"before rtsp://{user}:{password}@camera.example/path after") in (
        "before rtsp://***@camera.example/path after",
    )


@given(name=st.sampled_from(["password", "pass", "pwd", "token", "api_key", "auth", "sig", "secret"]), value=VISIBLE)
def test_no_secret_parameter_survives(name: str, value: str) -> None:
    kept = redact(f"http://camera/path?a=1&{name}={value.replace('&', '')}x&b=2")
    assert kept.startswith(("http://camera/path?a=1&", "http://***@"))
    assert f"{name}=***&b=2" in kept or "***@" in kept


@given(text=st.text())
def test_is_stable(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_filter_redacts_message_arguments_and_traceback() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(RedactingFilter())
    logger = logging.getLogger("test_redact")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        try:
            raise ValueError("cannot open rtsp://user:secret@camera/x")
        except ValueError:
            logger.exception("%s of %s", "failure", "http://camera/?password=secret", stack_info=True)
    finally:
        logger.removeHandler(handler)
    text = out.getvalue()
    assert "failure of http://camera/?password=***" in text
    assert "ValueError: cannot open rtsp://***@camera/x" in text
    assert "Stack (most recent call last)" in text
    # the source lines that a traceback quotes are not URLs of this run; the error's own text is
    assert "user:secret" not in text
