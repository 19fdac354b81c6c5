"""What goes to a model and what comes back, in words that belong to no vendor.

Providers translate these to their server's own wire; the gateway routes them; `serving` makes them from
OpenAI's and Ollama's requests. All are frozen: a request is changed by `msgspec.structs.replace`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

Role = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "length", "tool_calls", "content_filter"]
Think = bool | Literal["low", "medium", "high"] | None
"""Whether a thinking model thinks, and how hard. None leaves it to whoever serves: never for an analysis."""


class Limits(msgspec.Struct, frozen=True, omit_defaults=True):
    """How much somebody may ask of models. None leaves a limit to the settings, 0 means no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    """In and out."""
    monthly_tokens: int | None = None
    """In and out, of the calendar month in UTC."""
    monthly_cost: float | None = None
    """In the currency of the settings."""


class Caller(msgspec.Struct, frozen=True, omit_defaults=True):
    """For whom a call is made: opaque ids, which the gateway compares and writes down but never looks up."""

    tenant: str = ""
    user: str = ""
    key: str = ""
    api: str = ""
    """By which door it came: `openai.chat`, `ollama.generate`, `analysis`."""
    visible: str = ""
    """A digest of what the caller may read, when the prompt holds passages of documents: part of the cache's key."""
    models: tuple[str, ...] = ()
    """Patterns of the models that may be called; empty means all. See `routing/permits.py`."""
    limits: tuple[tuple[str, Limits], ...] = ()
    """Whose limits count: `("key:<id>", …)`, `("user:<id>", …)`, `("tenant:<id>", …)`."""


SYSTEM = Caller()
"""Ementa itself, for nobody in particular."""


class ToolCall(msgspec.Struct, frozen=True):
    """A call that a model asks for. `arguments` is the text of a JSON object, as the model wrote it."""

    id: str
    name: str
    arguments: str


class Tool(msgspec.Struct, frozen=True):
    """A function that a model may ask to be called. `parameters` is a JSON Schema."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = {}


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a conversation with a model. `images` are base64 of PNG, JPEG, GIF or WebP files."""

    role: Role
    content: str
    images: tuple[str, ...] = ()
    thinking: str = ""
    """What the model thought before it said `content`; only of the assistant."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Only of the assistant."""
    tool_call_id: str = ""
    """Which call a message of role `tool` answers."""
    tool_name: str = ""


class ChatRequest(msgspec.Struct, frozen=True):
    """A call to a model. `schema` constrains the answer to a JSON Schema; None means free text."""

    model: str
    messages: Sequence[Message]
    schema: dict[str, Any] | None = None
    any_json: bool = False
    """The answer must be JSON, of whatever form (`response_format: json_object`, Ollama's `format: "json"`)."""
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    """`auto`, `none`, `required`, or the name of the one tool to call."""
    max_tokens: int = 2000
    temperature: float | None = 0.0
    """None leaves it to the server."""
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    context_tokens: int | None = None
    """Context to ask for (`num_ctx`); None lets the gateway derive it from the prompt and the model."""
    timeout_seconds: float | None = None
    seed: int | None = 0
    think: Think = False
    caller: Caller = SYSTEM
    use_cache: bool | None = None
    """False: neither read nor write the cache of answers. True: use it though the answer is not deterministic. None:
    as the settings say."""


class ChatDelta(msgspec.Struct, frozen=True):
    """A piece of a streamed answer. Tool calls come whole: one is never split over deltas."""

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


class ChatResult(msgspec.Struct, frozen=True):
    """A whole answer. `model` is the one that really answered (a fallback may have)."""

    text: str
    model: str
    prompt_tokens: int
    output_tokens: int
    latency_ms: int
    finish: Finish
    asked_model: str = ""
    """The model that was asked for; differs from `model` after an alias or a fallback."""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    provider: str = ""
    server: str = ""
    """The server's name in the gateway; empty for what needs none."""
    cached: bool = False


class EmbedRequest(msgspec.Struct, frozen=True):
    """Texts to be turned into vectors, one each, in their order."""

    model: str
    texts: Sequence[str]
    dimensions: int | None = None
    timeout_seconds: float | None = None
    caller: Caller = SYSTEM


class EmbedResult(msgspec.Struct, frozen=True):
    """One vector a text."""

    vectors: Sequence[Sequence[float]]
    model: str
    prompt_tokens: int
    latency_ms: int
    """Of the server alone."""
    asked_model: str = ""
    provider: str = ""
    server: str = ""
    queue_ms: float = 0.0
    """In lines, before the server was asked."""


class RerankRequest(msgspec.Struct, frozen=True):
    """Documents to be scored by how well each answers the query."""

    model: str
    query: str
    documents: Sequence[str]
    timeout_seconds: float | None = None
    caller: Caller = SYSTEM


class RerankResult(msgspec.Struct, frozen=True):
    """One score a document, in the order of the documents; higher is better, the scale is the model's."""

    scores: Sequence[float]
    model: str
    prompt_tokens: int
    latency_ms: int
    """Of the server alone."""
    asked_model: str = ""
    provider: str = ""
    server: str = ""
    queue_ms: float = 0.0
    """In lines, before the server was asked."""


class ModelInfo(msgspec.Struct, frozen=True):
    """What is known of a model: read from its server, not assumed."""

    name: str
    provider: str
    context_tokens: int = 4096
    capabilities: tuple[str, ...] = ()
    """`completion`, `tools`, `vision`, `thinking`, `embedding`, `rerank`; `extraction` for the built-in reader. Empty:
    the server does not say."""
    size_bytes: int = 0
    parameter_size: str = ""
    quantization: str = ""
    digest: str = ""
    """Changes when the model behind the name does; empty when the server does not say."""
    modified_at: str = ""


class ServerHealth(msgspec.Struct, frozen=True):
    """Whether a model server answers, now."""

    provider: str
    host: str
    reachable: bool
    version: str = ""
    loaded: tuple[str, ...] = ()
    """Models in its memory now."""
    error: str = ""


MOST_TOKENS = 1_000_000_000
"""Of one call. No model has so many: a server that says more is wrong, and no sum shall overflow by it."""


def sane(tokens: int) -> int:
    """A count that a server gave, within what a count may be."""
    return min(max(tokens, 0), MOST_TOKENS)


class Usage(msgspec.Struct, frozen=True):
    """Tokens that a call took. `cached_tokens` of the prompt's were remembered by the server."""

    prompt_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    finish: str = ""


class PullProgress(msgspec.Struct, frozen=True):
    """How far the download of a model is. `total` is 0 while unknown."""

    status: str
    completed: int = 0
    total: int = 0
    digest: str = ""
