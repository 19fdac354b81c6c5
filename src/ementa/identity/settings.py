"""Settings of identity: the first key and the first administrator."""

from pydantic import SecretStr

from ementa.kit.settings import Section


class IdentitySettings(Section):
    """Given once by environment; everything later is in the database."""

    key: SecretStr | None = None
    """The API key of the first administrator. `EMENTA_KEY` sets it. Empty: one is made at random on first start."""
    admin_email: str = "admin@localhost"
    """E-mail of the first administrator. `EMENTA_ADMIN_EMAIL` sets it."""
    tenant: str = "default"
    """Name of the first tenant."""
    failed_keys_per_minute: int = 30
    """Wrong keys from one address in a minute before it is told to wait."""
