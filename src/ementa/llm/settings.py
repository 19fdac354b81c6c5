"""Settings of the gateway to language models."""

from ementa.kit.settings import Section


class LlmSettings(Section):
    """Model servers and the limits of calling them."""

    ollama_hosts: tuple[str, ...] = ("http://127.0.0.1:11434",)
    """Ollama servers. `OLLAMA_HOST` sets it (comma-separated, scheme and port may be left out)."""
    default_model: str = "gemma3:1b"
    """The model of the command line and the web interface when none is named."""
    fallback_models: tuple[str, ...] = ()
    """Models tried in this order when the one asked for is unavailable. `EMENTA_FALLBACK_MODELS` sets it."""
    max_tokens: int = 2000
    """Largest answer, in tokens, when the caller names none. `MAX_TOKENS` sets it."""
    timeout_seconds: float = 30.0
    """Time for one generation asked through the gateway. `TIMEOUT` sets it; analysis has its own."""
    connect_timeout_seconds: float = 3.0
    """Time to reach a model server."""
    max_context_tokens: int = 8192
    """Context asked of a local model at most, however much it could: memory grows with it."""
    keep_alive: str = "5m"
    """How long an idle model stays in its server's memory, as Ollama writes durations."""
    model_concurrency: int | None = None
    """Requests at once to one model on one host. Empty means 1, which is what Ollama itself runs at once: raise it
    together with OLLAMA_NUM_PARALLEL on the server, when its GPU has memory to spare."""
