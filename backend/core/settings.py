"""Every setting, read once from the environment. The table in README is checked against this class."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from backend.core.errors import Invalid

PREFIX = "SCOREDESK_"
SCHEMES = ("postgresql://", "postgres://", "postgresql+asyncpg://")
PROJECT = Path(__file__).resolve().parents[2]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One field per variable: `database_url` is SCOREDESK_DATABASE_URL, and so on."""

    database_url: Annotated[
        str | None, msgspec.Meta(description="The app's login. Not set: the embedded server.")
    ] = None
    admin_database_url: Annotated[
        str | None, msgspec.Meta(description="The login that provisions and migrates. Not set: the app's.")
    ] = None
    listen_database_url: Annotated[
        str | None, msgspec.Meta(description="Past any pooler, for LISTEN. Not set: the app's.")
    ] = None
    home: Annotated[str, msgspec.Meta(description="The data folder: embedded database, keys, logs.")] = str(
        PROJECT / ".scoredesk"
    )
    host: Annotated[str, msgspec.Meta(description="The address to serve on.")] = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535, description="The port to serve on.")] = 8000
    dev: Annotated[
        bool,
        msgspec.Meta(description="Allows what production refuses: a superuser login, GraphiQL for everyone."),
    ] = False
    pool_size: Annotated[
        int, msgspec.Meta(ge=1, le=200, description="Connections a process keeps to PostgreSQL.")
    ] = 8
    statement_timeout: Annotated[float, msgspec.Meta(gt=0, description="Seconds one statement may take.")] = (
        10.0
    )
    lock_timeout: Annotated[
        float, msgspec.Meta(gt=0, description="Seconds a statement waits for a lock.")
    ] = 2.0
    worker: Annotated[
        str,
        msgspec.Meta(
            pattern="^(inside|none)$",
            description="Whether a serving process also works on jobs; none: `scoredesk worker` does.",
        ),
    ] = "inside"
    worker_concurrency: Annotated[
        int, msgspec.Meta(ge=1, le=100, description="Jobs of different tenants a worker runs side by side.")
    ] = 1
    spare_tenants: Annotated[
        int, msgspec.Meta(ge=0, le=1000, description="Tenants a worker with the admin's login keeps ready.")
    ] = 0
    jwt_issuer: Annotated[str, msgspec.Meta(description="The `iss` a token must carry.")] = "scoredesk"
    jwt_audience: Annotated[str, msgspec.Meta(description="The `aud` a token must carry.")] = "scoredesk"
    jwks_url: Annotated[
        str | None,
        msgspec.Meta(description="Keys of your OpenID provider. Not set: a key made in the data folder."),
    ] = None
    jwt_algorithm: Annotated[
        str, msgspec.Meta(pattern="^(EdDSA|RS256|ES256)$", description="The one algorithm a token may use.")
    ] = "EdDSA"
    response_cache_mb: Annotated[
        int, msgspec.Meta(ge=0, le=65_536, description="MB of answers a process keeps; 0 keeps none.")
    ] = 16
    trusted_documents: Annotated[
        str | None,
        msgspec.Meta(description="Your registered documents: a folder, or a JSON file of digests and texts."),
    ] = None
    trusted_only: Annotated[
        bool, msgspec.Meta(description="Refuses documents that are not registered, GraphiQL's too.")
    ] = False
    ingest_max_bytes: Annotated[
        int, msgspec.Meta(gt=0, description="The largest body of an upload, after decompression.")
    ] = 2 * 1024**3
    rejected_share: Annotated[
        float,
        msgspec.Meta(ge=0, le=1, description="More rejected rows than this share refuse the whole file."),
    ] = 0.2

    @property
    def home_path(self) -> Path:
        """The data folder as a path; it need not exist yet."""
        return Path(self.home).expanduser().resolve()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Reads the variables that are set and not empty.

        Raises Invalid (SETTING_INVALID) that names the variable.
        """
        given = os.environ if environ is None else environ
        known = {f.name: f.type for f in msgspec.structs.fields(cls)}
        values = {}
        for name, kind in known.items():
            text = given.get(PREFIX + name.upper(), "").strip()
            if not text:
                continue
            try:
                values[name] = msgspec.convert(text, kind, strict=False)
            except msgspec.ValidationError as fault:
                raise Invalid(f"{PREFIX}{name.upper()}: {fault}", code="SETTING_INVALID") from None
            if name.endswith("database_url"):
                _check_address(PREFIX + name.upper(), text)
        return cls(**values)


def _check_address(variable: str, url: str) -> None:
    """Refuses an address that no driver could take, without a word of it: a password may be in it."""
    if not url.startswith(SCHEMES):
        raise Invalid(
            f"{variable} must look like postgresql://user:password@host/database.", code="SETTING_INVALID"
        )
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Invalid(
            f"{variable} cannot be read; a [ or ] in a password is written %5B or %5D.",
            code="SETTING_INVALID",
        ) from None
    hosts = parts.netloc.rpartition("@")[2].split(",")
    ports = [unquote(host.rpartition("]")[2].partition(":")[2]) for host in hosts if ":" in host]
    ports += [port for given in parse_qs(parts.query).get("port", []) for port in given.split(",")]
    if any(port and not _is_port(port) for port in ports):
        raise Invalid(f"{variable} has a port that is no number from 1 to 65535.", code="SETTING_INVALID")


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) <= 65535
