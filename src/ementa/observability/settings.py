"""Settings of logs."""

from typing import Literal

from ementa.kit.settings import Section


class ObservabilitySettings(Section):
    """Where logs go and how much they say. Prompts, answers and secrets are never logged."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """`LOG_LEVEL` sets it."""
    log_file: bool = True
    """Also write `logs/ementa.log` in the data directory, rotated; the console is always written."""
    log_file_bytes: int = 10_000_000
    """Size at which the log file is rotated."""
    log_files: int = 5
    """Rotated files kept."""
    otlp_endpoint: str = ""
    """Base URL of an OpenTelemetry collector (OTLP over HTTP, `http://collector:4318`) that is sent a span of each call
    to a model, without a word of it; needs the extra `tracing`. Empty: nothing is sent. `EMENTA_OTLP_ENDPOINT` sets
    it."""
