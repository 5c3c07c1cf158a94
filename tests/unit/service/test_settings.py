from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.settings import Settings, setting_problems, unknown_variables


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without a ``.env`` file of anybody's."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def urls(settings: Settings) -> list[str]:
    return [url.get_secret_value() for url in settings.webhook_urls]


LISTS = [
    ("https://a.example/x", ["https://a.example/x"]),
    ("https://a.example/x,https://b.example/y", ["https://a.example/x", "https://b.example/y"]),
    (" https://a.example/x , https://b.example/y, ", ["https://a.example/x", "https://b.example/y"]),
    ('["https://a.example/x?for=1,2", "https://b.example/y"]', ["https://a.example/x?for=1,2", "https://b.example/y"]),
    ("[]", []),
    ("", []),
]


@pytest.mark.parametrize(("text", "items"), LISTS)
def test_a_list_has_commas_or_is_json(text: str, items: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_WEBHOOK_URLS", text)
    assert urls(Settings()) == items


@pytest.mark.parametrize(("text", "items"), LISTS)
def test_a_list_in_a_file_is_read_alike(text: str, items: list[str], folder: Path) -> None:
    (folder / ".env").write_text(f"WATCHWORD_WEBHOOK_URLS='{text}'\n")
    assert urls(Settings()) == items


def test_the_environment_wins_over_the_file_and_code_over_both(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("WATCHWORD_PORT=1\nWATCHWORD_HOST=a\nWATCHWORD_THREADS=3\n")
    monkeypatch.setenv("WATCHWORD_PORT", "2")
    monkeypatch.setenv("WATCHWORD_HOST", "b")
    settings = Settings(host="c")
    assert (settings.port, settings.host, settings.threads) == (2, "c", 3)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "abc", "WATCHWORD_PORT: expected a number from 0 to 65535, got 'abc'."),
        ("PORT", "65536", "WATCHWORD_PORT: expected a number from 0 to 65535, got '65536'."),
        ("STALL_S", "-1", "WATCHWORD_STALL_S: expected a number above 0, got '-1'."),
        ("LOG_LEVEL", "loud", "WATCHWORD_LOG_LEVEL: expected DEBUG, INFO, WARNING or ERROR, got 'LOUD'."),
        ("TENSORRT", "on", "WATCHWORD_TENSORRT: expected auto, fp32 or off, got 'on'."),
        (
            "WEBHOOK_URLS",
            '["https://s3cret.example',
            "WATCHWORD_WEBHOOK_URLS: expected a list, with commas between its items or as JSON, got something else.",
        ),
        (
            "WEBHOOK_URLS",
            "[5, 6]",
            "WATCHWORD_WEBHOOK_URLS: expected a list, with commas between its items or as JSON, got something else.",
        ),
        ("PORT", "9" * 100, f"WATCHWORD_PORT: expected a number from 0 to 65535, got '{'9' * 60}'...."),
    ],
)
def test_what_is_wrong_with_a_setting_is_said_by_its_variable(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"WATCHWORD_{name}", value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert setting_problems(caught.value) == [said]


def test_a_log_level_may_be_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHWORD_LOG_LEVEL", "debug")
    assert Settings().log_level == "DEBUG"


def test_variables_that_are_no_settings_are_told_with_what_was_meant(folder: Path) -> None:
    (folder / ".env").write_text(
        "export WATCHWORD_REDISURL=redis://:s3cret@x\n# WATCHWORD_X=1\nWATCHWORD_BIND=0.0.0.0\n"
    )
    given = {"WATCHWORD_WEBHOOK_URL": "x", "WATCHWORD_COLOUR": "red", "WATCHWORD_PORT": "1", "PATH": "x"}
    assert unknown_variables(given) == [
        "WATCHWORD_COLOUR is no setting of Watchword and has no effect.",
        "WATCHWORD_REDISURL is no setting of Watchword and has no effect. Did you mean WATCHWORD_REDIS_URL?",
        "WATCHWORD_WEBHOOK_URL is no setting of Watchword and has no effect. Did you mean WATCHWORD_WEBHOOK_URLS?",
    ]
    assert unknown_variables({}, folder / "none") == []
