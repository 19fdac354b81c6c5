"""Every setting of Ementa, composed of each package's section.

Sources, the first wins: arguments, environment, `.env` in the working directory, defaults. A field of a section is set
by `EMENTA_<SECTION>__<FIELD>` (`EMENTA_LLM__MAX_TOKENS=500`); `NAMES` below lists the short names users know.
A secret may also come from a file: `EMENTA_KEY_FILE=/run/secrets/key`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ementa.analysis.settings import AnalysisSettings
from ementa.db.settings import DatabaseSettings
from ementa.extraction.settings import ExtractionSettings
from ementa.identity.settings import IdentitySettings
from ementa.jobs.settings import JobSettings
from ementa.kit.errors import Invalid
from ementa.kit.settings import Section
from ementa.llm.settings import LlmSettings
from ementa.observability.settings import ObservabilitySettings
from ementa.upkeep.settings import UpkeepSettings

NAMES = {
    "EMENTA_DATA": "data",
    "EMENTA_PLUGINS": "plugins",
    "EMENTA_DATABASE_URL": "db.url",
    "EMENTA_SECRET_KEY": "db.secret_key",
    "EMENTA_KEY": "identity.key",
    "EMENTA_ADMIN_EMAIL": "identity.admin_email",
    "EMENTA_FALLBACK_MODELS": "llm.fallback_models",
    "EMENTA_ESCALATION_MODEL": "analysis.escalation_model",
    "OLLAMA_HOST": "llm.ollama_hosts",
    "EMENTA_OPENAI_HOSTS": "llm.openai_hosts",
    "OPENAI_API_KEY": "llm.openai_api_key",
    "OPENAI_BASE_URL": "llm.openai_base_url",
    "ANTHROPIC_API_KEY": "llm.anthropic_api_key",
    "ANTHROPIC_BASE_URL": "llm.anthropic_base_url",
    "GEMINI_API_KEY": "llm.gemini_api_key",
    "GEMINI_BASE_URL": "llm.gemini_base_url",
    "EMENTA_GGUF": "llm.gguf_models",
    "EMENTA_REDIS_URL": "llm.redis_url",
    "MODEL_QWEN2": "llm.qwen2_model",
    "MODEL_LLAMA": "llm.llama_model",
    "MAX_TOKENS": "llm.max_tokens",
    "TIMEOUT": "llm.timeout_seconds",
    "LOG_LEVEL": "observability.log_level",
    "EMENTA_OTLP_ENDPOINT": "observability.otlp_endpoint",
}
"""Short names and the fields they set."""

_LISTS = {"plugins", "llm.fallback_models", "llm.ollama_hosts", "llm.openai_hosts", "llm.gguf_models"}


class SettingsInvalid(Invalid):
    """A setting has a value that cannot be used."""

    code = "SETTINGS_INVALID"
    pt = "Configuração inválida: {problems}"
    en = "Invalid settings: {problems}"


class ServerSettings(Section):
    """Where it listens and what it accepts."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8000
    """Port to listen on."""
    max_header_bytes: int = 65_536
    """All headers of one request together."""
    max_body_bytes: int = 1_000_000
    """Body of a request that brings no document."""
    max_model_body_bytes: int = 32_000_000
    """Body of a request to a model, under `/v1`, `/api` and `/llm`: images come in it."""
    form_bytes: int = 2_000_000
    """What a multipart upload may have beside its file: boundaries and small fields."""
    body_timeout_seconds: float = 60.0
    """Longest silence while headers or body are being received."""
    min_body_bytes_per_second: int = 1000
    """Slowest average at which a body may come in, beyond the first `body_timeout_seconds`."""
    drain_seconds: float = 2.0
    """How long the rest of a refused body is still read, so that the client gets to see the answer."""
    drain_bytes: int = 32_000_000
    """How much of it."""
    max_wait_seconds: int = 60
    """Longest `?wait=` of a long poll."""
    shutdown_seconds: int = 5
    """How long a stopping server lets requests end before it cuts them off."""


class _ShortNames(PydanticBaseSettingsSource):
    """Reads `NAMES` (and `<NAME>_FILE`) from the environment and `.env`."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # pragma: no cover
        """Required by the base class; `__call__` answers for all fields at once."""
        del field
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The values found, nested by section."""
        environment: Mapping[str, str | None] = {**dotenv_values(".env"), **os.environ}
        found: dict[str, Any] = {}
        for name, target in NAMES.items():
            value = environment.get(name)
            file = environment.get(f"{name}_FILE")
            if not value and file:
                value = Path(file).read_text(encoding="utf-8").strip()
            if not value:
                continue
            parsed: Any = [part.strip() for part in value.split(",") if part.strip()] if target in _LISTS else value
            place = found
            *sections, field = target.split(".")
            for section in sections:
                place = place.setdefault(section, {})
            place[field] = parsed
        return found


class Settings(BaseSettings):
    """All settings. Code receives its own section, never this, and never reads the environment."""

    model_config = SettingsConfigDict(
        env_prefix="EMENTA_",
        env_nested_delimiter="__",
        env_file=".env",
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    data: Path = Path("data")
    """The data directory: database, files, logs, keys. `EMENTA_DATA` or `--data` sets it."""
    plugins: frozenset[str] = frozenset()
    """Installed packages whose adapters may be used besides our own. `EMENTA_PLUGINS` sets it."""
    app: ServerSettings = Field(default_factory=ServerSettings)
    """The HTTP server."""
    db: DatabaseSettings = Field(default_factory=DatabaseSettings)
    """The database."""
    jobs: JobSettings = Field(default_factory=JobSettings)
    """The job engine."""
    llm: LlmSettings = Field(default_factory=LlmSettings)
    """The gateway to models."""
    identity: IdentitySettings = Field(default_factory=IdentitySettings)
    """First key and administrator."""
    extraction: ExtractionSettings = Field(default_factory=ExtractionSettings)
    """Text extraction."""
    analysis: AnalysisSettings = Field(default_factory=AnalysisSettings)
    """The main job."""
    upkeep: UpkeepSettings = Field(default_factory=UpkeepSettings)
    """Retention and resource watch."""
    observability: ObservabilitySettings = Field(default_factory=ObservabilitySettings)
    """Logs."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the short names beside the environment."""
        del file_secret_settings
        return init_settings, _ShortNames(settings_cls), env_settings, dotenv_settings


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process; raises `SettingsInvalid` naming each bad field, never its value."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsInvalid(problems=problems) from error
