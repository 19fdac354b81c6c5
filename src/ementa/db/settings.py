"""Settings of the database."""

from pydantic import SecretStr

from ementa.kit.settings import Section


class DatabaseSettings(Section):
    """Where the records live. `EMENTA_DATABASE_URL` sets `url`."""

    url: SecretStr | None = None
    """`postgresql://user:password@host/name`; empty means SQLite in the data directory."""
    pool_size: int = 10
    """Connections kept per process (PostgreSQL) or readers (SQLite)."""
    busy_timeout_seconds: float = 30.0
    """How long a SQLite writer waits for another before failing."""
    slow_query_ms: int = 500
    """Queries slower than this, in milliseconds, are logged with their text, never with their values."""
    secret_key: SecretStr | None = None
    """What encrypts the secrets kept in the database: the API keys of model servers. `EMENTA_SECRET_KEY` sets it; at
    least 32 characters, the same on every server that shares the database. Several, separated by commas: the first
    encrypts, all decrypt. Empty: one is made at random in `secret.key` of the data directory."""
