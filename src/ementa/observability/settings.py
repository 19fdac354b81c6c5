"""Settings of logs."""

from typing import Literal

from ementa.kit.settings import Section


class ObservabilitySettings(Section):
    """Where logs go and how much they say. Prompts and answers are logged at DEBUG only, secrets never."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """`LOG_LEVEL` sets it."""
    log_file: bool = True
    """Also write `logs/ementa.log` in the data directory, rotated; the console is always written."""
    log_file_bytes: int = 10_000_000
    """Size at which the log file is rotated."""
    log_files: int = 5
    """Rotated files kept."""
