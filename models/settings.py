"""Where things are and how this installation differs, read from the environment at every call."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.rules.delivery import Times

PREFIX = "ACREDITA_"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""The names of this machine: what is said to them crosses no network."""
MOST_SHARDS = 64
_RUNNER = re.compile(r"threads|processes|dask://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")


class Settings(BaseSettings):
    """Every setting is an environment variable `ACREDITA_<NAME>`; what is not set has a default that works."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True)

    home: Path = Field(default_factory=lambda: Path.home() / ".acredita")
    """The folder for the database, the mail and Prefect's own files. Absolute: nothing depends on where one stands."""
    database_url: str = ""
    """SQLAlchemy URL; by default a SQLite file in `home`."""
    clock: datetime | None = None
    """A labelled clock for demonstrations, e.g. 2023-04-03T09:00: it starts there on first use and runs on."""
    mail: Literal["folder", "smtp", "sendgrid"] = "folder"
    mail_folder: Path | None = None
    mail_from: str = "acredita@example.org"
    sendgrid_api_key: SecretStr = SecretStr("")
    sendgrid_secret_block: str = ""
    """The name of a Secret block of Prefect that holds the key, where the environment does not."""
    sendgrid_host: str = "https://api.sendgrid.com"
    smtp_host: str = ""
    smtp_port: int | None = Field(default=None, ge=1, le=65535)
    """By default 587 with STARTTLS, 465 with TLS, 25 with neither."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    mail_connect_seconds: float = Field(default=5, gt=0, le=300)
    mail_timeout_seconds: float = Field(default=15, gt=0, le=300)
    """For one message, from the first byte to the last; connecting has its own time before it."""
    mail_threads: int = Field(default=4, ge=1, le=64)
    """How many messages of one run are on their way at once."""
    mail_lease_seconds: float = Field(default=60, gt=0, le=86400)
    mail_settle_seconds: float = Field(default=900, ge=0, le=604800)
    """How late the provider's log may show what it took: what it has not shown by then is sent again."""
    mail_recheck_seconds: float = Field(default=60, ge=0, le=86400)
    mail_patience_seconds: float = Field(default=86400, ge=0, le=2592000)
    """How long a log that cannot be read is asked, before the rules' word counts as if there were none."""
    mail_backoff_seconds: float = Field(default=30, gt=0, le=86400)
    mail_backoff_cap_seconds: float = Field(default=21600, gt=0, le=604800)
    mail_pause_seconds: float = Field(default=30, gt=0, le=3600)
    mail_pause_cap_seconds: float = Field(default=600, gt=0, le=86400)
    mail_probe_seconds: float = Field(default=300, gt=0, le=86400)
    """How long the sender waits before it tries a provider again that refused the key or the account."""
    desk_url: str = ""
    """Where readers reach `acredita desk`: its links go into every mail. Without it mail has none."""
    desk_days: int = Field(default=30, ge=1, le=366)
    """How long a link can be used."""
    alarm_to: str = ""
    """The address of whoever runs the service: alarms and test mails go there."""
    alarm_block: str = ""
    """A notification block of Prefect, such as slack-webhook/operators, which the server tells of alarms as well."""
    shards: int = Field(default=1, ge=1, le=MOST_SHARDS)
    """In how many parts at once the daily sweep works; with SQLite one of them writes."""
    runner: str = "processes"
    """Who sweeps them with PostgreSQL: threads or processes of the flow's machine, or a cluster: dask://HOST:PORT."""
    keep_runs_days: int = Field(default=90, ge=1, le=3650)
    """How long Prefect's record of a run is kept, with its task runs and logs, before `acredita prune` deletes it."""
    keep_artifacts_days: int = Field(default=30, ge=1, le=3650)
    """How long a page or table is kept once there is a newer one of its name."""
    operations_url: str = "docs/operations.md"
    """Where this installation keeps docs/operations.md; every alarm links to its paragraph there."""

    @field_validator("home", "mail_folder")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().resolve() if value is not None else None

    @field_validator("desk_url")
    @classmethod
    def _reachable_safely(cls, value: str) -> str:
        """Take an https address, or http on this machine alone: a link carries the right to answer for its reader."""
        if not value:
            return value
        parts = urlsplit(value)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        bare = re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", parts.netloc) and not parts.query and parts.path in {"", "/"}
        if not (safe and bare and parts.hostname and parts.port != 0) or parts.fragment:
            raise ValueError("must be https://HOST, or http:// on this machine, with nothing behind the host")
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("runner")
    @classmethod
    def _known(cls, value: str) -> str:
        if not _RUNNER.fullmatch(value):
            raise ValueError("must be threads, processes or dask://HOST:PORT")
        if value.startswith("dask") and find_spec("prefect_dask") is None:
            raise ValueError("names a Dask scheduler, and prefect-dask is missing: pip install 'acredita[dask]'")
        return value

    @property
    def url(self) -> str:
        """The database's URL, with the driver that we ship for PostgreSQL."""
        url = self.database_url or f"sqlite:///{self.home / 'acredita.db'}"
        scheme, _, rest = url.partition("://")
        return f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else url

    @field_validator("mail_lease_seconds")
    @classmethod
    def _covers_an_attempt(cls, value: float, info: ValidationInfo) -> float:
        attempt = sum(info.data.get(name, 0) for name in ("mail_connect_seconds", "mail_timeout_seconds"))
        if value <= attempt:
            raise ValueError(f"must be longer than connecting and one message may take together, {attempt:g}")
        return value

    @property
    def times(self) -> Times:
        """How long what a delivery does may take."""
        return Times(
            post=timedelta(seconds=self.mail_connect_seconds + self.mail_timeout_seconds),
            **{
                name: timedelta(seconds=getattr(self, f"mail_{name}_seconds"))
                for name in (
                    "lease", "settle", "recheck", "patience", "backoff", "backoff_cap", "pause", "pause_cap", "probe",
                )
            },
        )

    @property
    def outbox(self) -> Path:
        """The folder that mail is written to when it is not sent."""
        return self.mail_folder or self.home / "mail"


def settings() -> Settings:
    """Return the settings of the environment as it is now; built again only when it changed."""
    # By name, and not by item: each value that is looked at is decoded, and nearly all are somebody else's.
    return _settings(tuple(sorted((name, os.environ[name]) for name in os.environ if name.startswith(PREFIX))))


@lru_cache(maxsize=8)
def _settings(_environment: tuple[tuple[str, str], ...]) -> Settings:
    return Settings()
