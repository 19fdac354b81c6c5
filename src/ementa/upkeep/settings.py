"""Settings of upkeep: sweeps and the resource watch."""

from ementa.kit.settings import Section


class UpkeepSettings(Section):
    """When things are removed and when new uploads are refused."""

    sweep_seconds: float = 60.0
    """How often expired documents, files, answers and logs are removed."""
    min_free_disk_bytes: int = 500_000_000
    """Below this much free disk new uploads are refused with 507."""
    max_rss_bytes: int | None = None
    """Resident memory of the process tree above which uploads are refused with 503; empty: 80 % of the machine."""
    log_days: int = 7
    """Log files older than this are removed."""
