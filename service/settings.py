"""Settings of the service, from ``WATCHWORD_*`` environment variables or a ``.env`` file."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PREFIX = "WATCHWORD_"

READ_BY_OTHERS = {"WATCHWORD_BIND", "WATCHWORD_MEDIA"}
"""Variables that docker-compose.yml reads itself, from the same ``.env``."""

_SHOWN = 60
"""Characters of a wrong value that are repeated."""


def _listed(value: str) -> Any:
    """A list as JSON, or its items with commas or spaces between them."""
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return value  # which is no list, and is refused as what came
    return [item for item in re.split(r"[,\s]+", value) if item]


class _Environment(EnvSettingsSource):
    """Variables, whose lists need not be JSON."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        return _listed(value)


class _DotEnv(DotEnvSettingsSource):
    """The same of a ``.env`` file."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        return _listed(value)


LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
]


class Settings(BaseSettings):
    """What an operator may want to set. Bounds that nobody should need to touch are constants beside their use."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    data_dir: Path = Field(Path("data"), description="Where the database, profiles and snapshots live.")
    media_dir: Path = Field(Path("media"), description="Root of the files that streams and enrolment may read.")
    packs_dir: Path | None = Field(None, description="Packs beside the built-in ones; DATA_DIR/packs if unset.")
    database_url: SecretStr | None = Field(None, description="SQLAlchemy URL; SQLite under DATA_DIR if unset.")
    redis_url: SecretStr | None = Field(None, description="Redis for alerts; a bus in memory if unset.")
    webhook_urls: list[SecretStr] = Field(default_factory=list, description="Each gets every alert by POST.")
    public_url: str | None = Field(None, description="The URL that clients reach this service under.")
    log_level: LogLevel = Field("INFO", description="The least that is logged, in any case.")
    commit: str | None = Field(None, description="The commit that an image was built from, for `/version`.")

    max_streams: int = Field(256, ge=1, description="Streams beyond this are refused with 503.")
    max_body_bytes: int = Field(1_000_000, ge=1_000, description="Largest request body.")
    image_side: int = Field(1280, ge=160, description="Longest side of a working picture, in pixels.")
    analysis_side: int = Field(360, ge=96, description="Longest side at which motion is computed, in pixels.")
    staleness_s: float = Field(0.5, gt=0, description="Frames older than this are dropped, and counted.")
    stall_s: float = Field(5.0, gt=0, description="No new frame for so long, or for three usual steps, is a failure.")
    probe_timeout_s: float = Field(5.0, gt=0, description="How long registering a stream waits for its source.")
    backoff_first_s: float = Field(0.5, gt=0, description="First wait before a reconnect; doubles, with jitter.")
    backoff_max_s: float = Field(30.0, gt=0, description="Longest wait before a reconnect after an outage.")
    refused_retry_s: float = Field(120.0, gt=0, description="Wait after wrong credentials or unknown codecs.")
    offline_grace_s: float = Field(10.0, gt=0, description="Stalled for so long is offline.")
    blind_grace_s: float = Field(10.0, gt=0, description="A picture that says nothing for so long becomes an alert.")
    max_load: float = Field(
        0.85, gt=0, description="Share of all cores, and of the worker's time, beyond which cameras are refused."
    )
    score_history: int = Field(6_000, ge=100, description="Score messages kept per stream: 10 minutes at 10 a second.")
    client_queue: int = Field(64, ge=1, description="Messages a slow WebSocket client may fall behind.")
    max_clients: int = Field(500, ge=1, description="WebSocket and MJPEG clients in all.")
    bus_maxlen: int = Field(10_000, ge=100, description="Alerts kept in the Redis stream for replay.")
    snapshot_bytes: int = Field(2_000_000_000, ge=0, description="Oldest alert snapshots go beyond this.")
    encoder: str = Field("words", description="Encoder pack of streams whose heads need none; `none` for no encoder.")
    encoder_precision: Literal["fp32", "fp16", "int8"] = Field(
        "fp32", description="Of the encoder's graphs, where its pack has them so."
    )
    pose: str = Field(
        "none", description="Pose pack of streams that name none, which finds people's keypoints; `none` for none."
    )
    appearance: str = Field(
        "none",
        description="Appearance (or encoder) pack of streams that name none, which says how objects look; `none` for "
        "none.",
    )
    bank_file: Path | None = Field(
        None, description='More phrases for the bank of every encoder: a JSON list of {"text", "kind"}.'
    )
    max_rules: int = Field(50, ge=0, le=1000, description="Text rules of one stream.")
    past_bytes: int = Field(
        24_000_000,
        ge=100_000,
        description="Memory for the recent past of one stream, on which rules are tried: 10 minutes of four objects at "
        "5 frames a second.",
    )
    threads: int = Field(0, ge=0, description="Threads of an inference session; 0 picks by cores.")
    tensorrt: Literal["auto", "fp32", "off"] = Field(
        "auto", description="Engines where TensorRT and a GPU are; fp32 forbids them TF32."
    )
    engines_dir: Path | None = Field(None, description="Engines that were built; DATA_DIR/engines if unset.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in code wins over the environment, and that over ``.env``."""
        return init_settings, _Environment(settings_cls), _DotEnv(settings_cls), file_secret_settings

    @property
    def packs_path(self) -> Path:
        """Where packs beside the built-in ones live."""
        return self.packs_dir or self.data_dir / "packs"

    @property
    def engines_path(self) -> Path:
        """Where TensorRT engines are kept."""
        return self.engines_dir or self.data_dir / "engines"

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'watchword.db'}"


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{name}".upper()


def setting_problems(error: ValidationError) -> list[str]:
    """What is wrong with settings, a sentence for each, by the names of their variables; no secret is repeated."""
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        field = Settings.model_fields.get(name)
        if field is None:
            found.setdefault(name, f"{name}: {problem['msg']}.")
            continue
        found.setdefault(name, f"{variable(name)}: expected {expected(field)}, got {_came(field, problem)}.")
    return list(found.values())


def unknown_variables(environment: Mapping[str, str] | None = None, dotenv: Path = Path(".env")) -> list[str]:
    """Variables that look like settings and are none, each in a sentence with what may have been meant.

    Args:
        environment: The process's own if None.
        dotenv: The file that is read beside it, if it is there.
    """
    known = {variable(name) for name in Settings.model_fields}
    given = {*(os.environ if environment is None else environment), *_names_in(dotenv)}
    unknown = sorted(name for name in given if name.upper().startswith(PREFIX))
    return [_guess(name, known) for name in unknown if name.upper() not in known | READ_BY_OTHERS]


def expected(field: FieldInfo) -> str:
    """What a setting takes, in words."""
    return " ".join([_words(field.annotation), *map(_bound, filter(_is_bound, field.metadata))])


_KINDS: dict[Any, str] = {
    str: "text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    SecretStr: "text",
}


def _words(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        *most, last = map(str, get_args(annotation))
        return f"{', '.join(most)} or {last}" if most else last
    if get_origin(annotation) is list:
        return "a list, with commas between its items or as JSON"
    wanted = [part for part in get_args(annotation) if part is not NoneType]
    return _words(wanted[0]) if wanted else _KINDS.get(annotation, "something else")


def _is_bound(one: object) -> bool:
    return isinstance(one, Ge | Gt | Le | Lt)


def _bound(bound: object) -> str:
    match bound:
        case Ge(ge=value):
            return f"from {value}"
        case Gt(gt=value):
            return f"above {value}"
        case Le(le=value):
            return f"to {value}"
        case Lt(lt=value):
            return f"below {value}"
    raise TypeError(bound)


def _came(field: FieldInfo, problem: Mapping[str, Any]) -> str:
    value = problem.get("input")
    if "Secret" in str(field.annotation):
        return "something else"
    return f"{value!r}" if len(repr(value)) <= _SHOWN else f"{str(value)[:_SHOWN]!r}..."


def _names_in(dotenv: Path) -> Iterable[str]:
    """The names that a ``.env`` file sets."""
    try:
        lines = dotenv.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    assigned = (re.match(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", line) for line in lines)
    return [found[1] for found in assigned if found]


def _guess(name: str, known: Iterable[str]) -> str:
    # Without what all of them have in common, which would make any two alike.
    rests = [each.removeprefix(PREFIX) for each in sorted(known)]
    close = difflib.get_close_matches(name.upper().removeprefix(PREFIX), rests, n=1, cutoff=0.7)
    meant = f" Did you mean {PREFIX}{close[0]}?" if close else ""
    return f"{name} is no setting of Watchword and has no effect.{meant}"
