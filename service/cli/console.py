"""How commands speak: one console, and errors as one clear sentence instead of a traceback."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

console = Console(stderr=False, highlight=False)
errors = Console(stderr=True, highlight=False)

P = ParamSpec("P")
R = TypeVar("R")


def fail_clearly(command: Callable[P, R]) -> Callable[P, R]:
    """Turn the errors that are raised on purpose into their message and exit code 2."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        from sqlalchemy.exc import SQLAlchemyError

        from models.packs import PackError
        from service.errors import WatchwordError
        from service.profiles.fit import EnrolmentError
        from service.profiles.profile import ProfileError
        from service.redact import redact

        try:
            return command(*args, **kwargs)
        except (WatchwordError, PackError, EnrolmentError, ProfileError) as error:
            # Addresses and paths in it are copied: the terminal wraps them, we do not.
            errors.print("[red]error:[/red]", escape(redact(f"{error}{_where(error)}")), soft_wrap=True)
        except ValidationError as error:
            for problem in _problems(error):
                errors.print("[red]error:[/red]", escape(redact(problem)), soft_wrap=True)
        except (ValueError, OSError, SQLAlchemyError) as error:  # of a setting or a file: no trace helps with it
            errors.print("[red]error:[/red]", escape(redact(f"{type(error).__name__}: {error}")), soft_wrap=True)
        raise typer.Exit(2)

    return run


def _problems(error: ValidationError) -> list[str]:
    from service.settings import Settings, setting_problems

    if error.title == Settings.__name__:
        return setting_problems(error)
    found = error.errors(include_url=False, include_input=False)
    return [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in found]


def _where(error: Exception) -> str:
    """Where packs are looked for, to be said of one that was not found."""
    from service.settings import Settings

    if getattr(error, "code", None) != "unknown_pack":
        return ""
    folder = Settings().packs_path.resolve()
    return f". Packs are looked for among the built-in ones and in {folder} (WATCHWORD_PACKS_DIR)."
