"""Settings of the gateway to language models."""

from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from ementa.kit.settings import Section


class LlmSettings(Section):
    """Model servers and the limits of calling them."""

    ollama_hosts: tuple[str, ...] = ("http://127.0.0.1:11434",)
    """Ollama servers. `OLLAMA_HOST` sets it (comma-separated, scheme and port may be left out)."""
    openai_hosts: tuple[str, ...] = ()
    """OpenAI-compatible servers that want no key (vLLM, LM Studio, llama.cpp, text-generation-webui), as base URLs
    that end where `/chat/completions` begins: `http://gpu1:8000/v1`. `EMENTA_OPENAI_HOSTS` sets it."""
    openai_api_key: SecretStr | None = None
    """Key for `openai_base_url`; without one it is not used. `OPENAI_API_KEY` sets it."""
    openai_base_url: str = "https://api.openai.com/v1"
    """`OPENAI_BASE_URL` sets it."""
    anthropic_api_key: SecretStr | None = None
    """Key for Anthropic; without one it is not used. `ANTHROPIC_API_KEY` sets it."""
    anthropic_base_url: str = "https://api.anthropic.com"
    """`ANTHROPIC_BASE_URL` sets it."""
    gemini_api_key: SecretStr | None = None
    """Key for Google Gemini; without one it is not used. `GEMINI_API_KEY` sets it."""
    gemini_base_url: str = "https://generativelanguage.googleapis.com"
    """`GEMINI_BASE_URL` sets it."""
    gguf_models: tuple[Path, ...] = ()
    """GGUF files served inside this process by llama.cpp (extra `engine`). `EMENTA_GGUF` sets it (comma-separated)."""
    gguf_threads: int | None = None
    """CPU threads of a GGUF model. Empty: the cores of the machine."""
    default_model: str = "gemma3:1b"
    """The model of the command line and the web interface when none is named."""
    qwen2_model: str = "qwen2:7b"
    """What the alias `qwen2-7b` stands for, the better one in Portuguese. `MODEL_QWEN2` sets it."""
    llama_model: str = "llama3.1:8b"
    """What the alias `llama3.1-8b` stands for, of general use. `MODEL_LLAMA` sets it."""
    fallback_models: tuple[str, ...] = ()
    """Models tried in this order when the one asked for is unavailable. `EMENTA_FALLBACK_MODELS` sets it."""
    max_tokens: int = 2000
    """Largest answer, in tokens, when the caller names none. `MAX_TOKENS` sets it."""
    timeout_seconds: float = 30.0
    """Time for one generation asked through the gateway; of a streamed one, for its longest silence. `TIMEOUT` sets it;
    analysis has its own, and a request may ask for its own up to `max_timeout_seconds`."""
    max_timeout_seconds: float = 600.0
    """Longest time that a request may ask for, and the longest that a whole stream may take."""
    connect_timeout_seconds: float = 3.0
    """Time to reach a model server."""
    max_context_tokens: int = 8192
    """Context asked of a local model at most, however much it could: memory grows with it."""
    keep_alive: str = "5m"
    """How long an idle model stays in its server's memory, as Ollama writes durations."""
    model_concurrency: int | None = None
    """Requests at once to one model on one host. Empty: 1 without a GPU, which is what Ollama itself runs at once, and
    what its memory allows with one. Raise it together with OLLAMA_NUM_PARALLEL on the server."""
    remote_concurrency: int = 64
    """The same for servers that batch by themselves: OpenAI-compatible ones, Anthropic, Gemini."""
    max_queued: int = 100
    """Requests that may wait in line for one model of one host; the next is told to come back later."""
    max_loaded_models: int = 0
    """Models that one Ollama host holds in memory at once, so that requests are ordered to load models seldom. 0: as
    many as it is asked for, which is right where memory is ample."""
    swap_patience_seconds: float = 10.0
    """How long a request for a model that is not loaded may be passed over by requests for the one that is."""
    health_seconds: float = 10.0
    """How often each server is asked whether it answers and what it has loaded. 0: only when used."""
    cache: Literal["off", "deterministic", "all"] = "deterministic"
    """Which answers are given again to the same question: none, those with temperature 0, or all. A request may say
    otherwise for itself."""
    cache_store: Literal["database", "memory", "redis"] = "database"
    """Where answers are remembered; `redis` needs `EMENTA_REDIS_URL`."""
    cache_seconds: int = 3600
    """How long an answer is remembered."""
    cache_bytes: int = 64_000_000
    """Size of the answers remembered in memory, or in the database; the oldest leave first."""
    redis_url: SecretStr | None = None
    """Redis for limits and cache shared by several servers. `EMENTA_REDIS_URL` sets it."""
    requests_per_minute: int = 600
    """Requests to models that one key may make in a minute, when nothing else is said of it. 0: no limit."""
    tokens_per_minute: int = 0
    """Tokens, in and out, of one key in a minute, when nothing else is said of it. 0: no limit."""
    currency: str = "BRL"
    """Currency in which costs are counted."""
    usd_rate: float = 5.5
    """What one US dollar costs in `currency`: providers publish their prices in dollars."""
    watts: float = 0.0
    """Power that a local model server draws while it works, for models without a price per token. 0: local is free."""
    kwh_price: float = 0.0
    """Price of one kWh in `currency`."""
    usage_days: int = 400
    """How long the record of each call is kept."""
    usage_spool_bytes: int = 256_000_000
    """Records of calls that may wait on disk while the database does not answer; beyond it they are lost and counted
    in `ementa_usage_lost_total`. Some 300 bytes each."""
    audit_calls: bool = True
    """Whether each call from outside is told in the audit trail too."""
