"""Settings of the service, from ``WATCHWORD_*`` environment variables or a ``.env`` file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator may want to set. Bounds that nobody should need to touch are constants beside their use."""

    model_config = SettingsConfigDict(env_prefix="WATCHWORD_", env_file=".env", extra="ignore")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    data_dir: Path = Field(Path("data"), description="Where the database, profiles and snapshots live.")
    media_dir: Path = Field(Path("media"), description="Root of the files that streams and enrolment may read.")
    packs_dir: Path | None = Field(None, description="Packs beside the built-in ones; DATA_DIR/packs if unset.")
    database_url: SecretStr | None = Field(None, description="SQLAlchemy URL; SQLite under DATA_DIR if unset.")
    redis_url: SecretStr | None = Field(None, description="Redis for alerts; a bus in memory if unset.")
    webhook_urls: list[SecretStr] = Field(default_factory=list, description="Each gets every alert by POST.")
    public_url: str | None = Field(None, description="The URL that clients reach this service under.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

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
