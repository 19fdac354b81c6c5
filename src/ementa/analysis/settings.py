"""Settings of the main job."""

from ementa.kit.settings import Section


class AnalysisSettings(Section):
    """Retention, limits of prompt and format, and how models are used."""

    ttl_seconds: int = 3600
    """How long a document, its text and its answer live when the request names no TTL."""
    max_ttl_seconds: int = 86_400
    """The longest TTL a request may name."""
    max_prompt_chars: int = 20_000
    """Longest prompt."""
    max_format_bytes: int = 100_000
    """Largest Format-Response or Example."""
    max_format_depth: int = 12
    """Deepest nesting of the asked form."""
    max_format_keys: int = 500
    """Keys in the asked form, all levels together."""
    max_list_items: int = 1000
    """Items of one list in an answer."""
    model_timeout_seconds: float = 300.0
    """Wall clock for one call to a model (a small machine reads a long page slowly)."""
    stage_timeout_seconds: float = 1800.0
    """Wall clock for one stage of one document."""
    escalation_model: str = ""
    """A bigger model asked only for the fields that fail. `EMENTA_ESCALATION_MODEL` sets it. Empty: none."""
    callback_hosts: tuple[str, ...] = ()
    """Hosts that `Callback-Url` may name. Empty: callbacks are refused."""
