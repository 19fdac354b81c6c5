"""Settings of upkeep: sweeps and the resource watch."""

import shlex

from pydantic import Field, field_validator

from ementa.kit.settings import Section


class UpkeepSettings(Section):
    """When things are removed, when new work is refused, and what is started again."""

    sweep_seconds: float = 60.0
    """How often expired documents, files, answers and logs are removed."""
    min_free_disk_bytes: int = 500_000_000
    """Below this much free disk new uploads are refused with 507."""
    max_rss_bytes: int | None = None
    """Resident memory of the process tree above which uploads and new calls to models are refused with 503; empty:
    80 % of the machine."""
    max_gpu_memory_share: float | None = Field(default=None, gt=0, le=1)
    """The part of the memory of every GPU here, as `0.97`, above which new calls to models of this machine are refused
    with 503. Empty: never, because servers such as vLLM take most of it at their start. A call that finds another
    server, or a vendor's, is not refused."""
    watch_seconds: float = Field(default=5.0, gt=0)
    """How often memory and model servers are looked at."""
    gpu_seconds: float = Field(default=10.0, ge=0)
    """How often `nvidia-smi`, where it is installed, is asked for the GPUs. 0: never."""
    local_servers: tuple[str, ...] = ()
    """Names of the model servers that run on this machine, use its GPUs, and are started again by
    `model_server_restart`. Empty: those whose address is a loopback address."""
    model_server_restart: str = ""
    """Command that starts a local model server again, as `systemctl restart ollama`. It is run without a shell when the
    server stops answering, or the GPUs stay above `max_gpu_memory_share`. Empty: never."""
    restart_after_checks: int = Field(default=3, ge=1)
    """How many times in a row a server must be found silent, or the GPUs full, before it is started again. While calls
    still run on it, four times as many."""
    restart_seconds: float = Field(default=300.0, ge=1)
    """Least time between two restarts. It doubles each time that one did not help, up to sixteen times as much."""
    restart_timeout_seconds: float = Field(default=60.0, gt=0)
    """How long the command may take before it is killed."""
    log_days: int = 7
    """Log files older than this are removed."""

    @field_validator("model_server_restart")
    @classmethod
    def _readable(cls, command: str) -> str:
        shlex.split(command)  # raises for a quotation that does not end
        return command
