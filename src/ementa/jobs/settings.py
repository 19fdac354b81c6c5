"""Settings of the job engine."""

from ementa.kit.settings import Section


class JobSettings(Section):
    """Concurrency of each queue (empty: derived from cores, memory and GPU) and the clocks of the engine."""

    extract: int | None = None
    """Documents read at once; their pages share the child processes of extraction."""
    prompt: int | None = None
    """Questions to models at once."""
    format: int | None = None
    """Answers formatted and stored at once."""
    default: int | None = None
    """Everything else: sweeps, notifications."""
    embedded_worker: bool = True
    """Whether `ementa serve` runs jobs itself. With PostgreSQL it may be false and `ementa worker` run elsewhere."""
    poll_seconds: float = 1.0
    """How often an idle engine looks for work it was not told of."""
    grace_seconds: float = 20.0
    """How long a stopping worker lets running jobs end before handing them back."""
    heartbeat_seconds: float = 5.0
    """PostgreSQL: how often a worker says that it lives."""
    stalled_seconds: float = 20.0
    """PostgreSQL: silence after which a worker's jobs are taken over."""
    retry_base_seconds: float = 2.0
    """First wait before another attempt; doubles each time, with jitter."""
    retry_max_seconds: float = 300.0
    """Longest wait before another attempt."""
    keep_finished_seconds: int = 86_400
    """How long the record of an ended job is kept."""
