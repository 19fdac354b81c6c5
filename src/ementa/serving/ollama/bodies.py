"""Requests in Ollama's form, and the same in ours.

Field by field as `api/types.go` of Ollama 0.32 declares them: what has the wrong type is refused, what is unknown is
left alone (an Ollama server gets it as it came, others never see it). `null` is the same as absent.
"""

import binascii
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import orjson
from msgspec import Meta

from ementa.llm.types import ChatRequest, Message, Role, Think, Tool, ToolCall
from ementa.serving.errors import ParameterInvalid
from ementa.serving.ollama.errors import OllamaFieldNative
from ementa.serving.typed import read_as

Number = int | float
ModelName = Annotated[str, Meta(min_length=1, description="The model's name, or an alias.")]
_LARGEST = 2**53
"""Whole numbers beyond it are written in JSON by few and read by fewer."""
LOAD_OPTIONS = frozenset(
    (
        "numa", "num_batch", "num_gpu", "main_gpu", "low_vram", "f16_kv", "logits_all", "vocab_only", "use_mmap",
        "use_mlock", "num_thread", "draft_num_predict",
    )
)  # fmt: skip
"""Options that decide how a model lies in memory: to change one loads the model again, for everybody."""
_NATIVE = ("raw", "suffix", "template", "context", "logprobs", "top_logprobs")
_NO_IMAGE = {
    "pt": "deve ser o conteúdo de um arquivo de imagem em base64; endereços não são buscados",
    "en": "it must be the content of an image file in base64; addresses are not fetched",
}
_NO_MODEL = {"pt": "é obrigatório (`model is required`)", "en": "model is required"}
_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}


class Options(msgspec.Struct):
    """The options that every kind of server understands."""

    num_predict: Number | None = None
    num_ctx: Number | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    top_k: Number | None = None
    seed: Number | None = None
    stop: list[str] | None = None
    presence_penalty: Number | None = None
    frequency_penalty: Number | None = None


class FunctionCall(msgspec.Struct):
    """A call that the model asked for; its arguments are an object, not text."""

    name: str
    arguments: dict[str, Any] | None = None


class CallBody(msgspec.Struct):
    """The same with its id, which Ollama's clients may leave out."""

    function: FunctionCall
    id: str | None = None


class MessageBody(msgspec.Struct):
    """One message."""

    role: str
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[CallBody] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class FunctionBody(msgspec.Struct):
    """A function that the model may ask to be called."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class ToolBody(msgspec.Struct):
    """A tool; Ollama knows only functions."""

    function: FunctionBody


class Named(msgspec.Struct, kw_only=True):
    """Every request names a model."""

    model: ModelName

    @property
    def named(self) -> str:
        """The model."""
        return self.model


B = TypeVar("B", bound="Named | NameBody")


class AnyBody(Named, kw_only=True):
    """What chat and generation have in common."""

    stream: bool | None = None
    format: Literal["json", ""] | dict[str, Any] | None = None
    options: Options | None = None
    keep_alive: str | Number | None = None
    think: bool | Literal["low", "medium", "high", "max"] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class ChatBody(AnyBody, kw_only=True):
    """`POST /api/chat`."""

    messages: list[MessageBody] | None = None
    tools: list[ToolBody] | None = None


class GenerateBody(AnyBody, kw_only=True):
    """`POST /api/generate`."""

    prompt: str | None = None
    system: str | None = None
    suffix: str | None = None
    template: str | None = None
    context: list[int] | None = None
    raw: bool | None = None
    images: list[str] | None = None


class EmbedBody(Named, kw_only=True):
    """`POST /api/embed`."""

    input: str | list[str] | None = None
    dimensions: int | None = None


class EmbeddingsBody(Named, kw_only=True):
    """`POST /api/embeddings`, as it was before `/api/embed`."""

    prompt: str | None = None


class NameBody(msgspec.Struct, kw_only=True):
    """`POST /api/show` and `/api/pull`, `DELETE /api/delete`. Old clients say `name`."""

    model: ModelName | None = None
    name: ModelName | None = None
    stream: bool | None = None

    @property
    def named(self) -> str:
        """The model, by whichever name."""
        return self.model or self.name or ""


def read_body(body: dict[str, Any], kind: type[B]) -> B:
    """The body as `kind`; raises `ParameterInvalid` that names the field."""
    read = read_as(kind, body)
    if not read.named.strip():
        raise ParameterInvalid(name="model", cause=_NO_MODEL)
    return read


def chat_request(body: ChatBody, max_tokens: int, max_context: int) -> ChatRequest:
    """A conversation in neutral form. Raises `ParameterInvalid`."""
    tools = tuple(
        Tool(tool.function.name, tool.function.description or "", tool.function.parameters or {})
        for tool in body.tools or ()
    )
    return _request(body, read_messages(body.messages or ()), tools, max_tokens, max_context)


def generate_request(body: GenerateBody, max_tokens: int, max_context: int) -> ChatRequest:
    """A single prompt in neutral form; what only an Ollama server understands counts only for its size. Raises
    `ParameterInvalid`."""
    messages = [Message("system", body.system)] if body.system else []
    beside = "".join(text for text in (body.suffix, body.template) if text) + "0" * len(body.context or ())
    messages.append(Message("user", (body.prompt or "") + beside, read_images(body.images)))
    return _request(body, messages, (), max_tokens, max_context)


def native_only(body: AnyBody) -> OllamaFieldNative | None:
    """Why the request can be put to an Ollama server alone, if so."""
    fields = [name for name in _NATIVE if getattr(body, name, None)]
    return OllamaFieldNative(details={"fields": fields}, fields=", ".join(fields), model=body.named) if fields else None


def read_messages(bodies: Sequence[MessageBody]) -> list[Message]:
    """Messages in neutral form. Providers pair results with calls where ids are missing, as they are with Ollama."""
    messages: list[Message] = []
    for number, body in enumerate(bodies):
        role = _ROLES.get(body.role.lower())
        if role is None:
            raise ParameterInvalid(name=f"messages[{number}].role", cause=f"{body.role[:50]!r} ∉ {', '.join(_ROLES)}")
        messages.append(
            Message(
                role,
                body.content or "",
                read_images(body.images, f"messages[{number}].images"),
                thinking=body.thinking or "",
                tool_calls=tuple(_call(call) for call in body.tool_calls or ()),
                tool_call_id=body.tool_call_id or "",
                tool_name=body.tool_name or "",
            )
        )
    return messages


def read_images(images: Sequence[str] | None, place: str = "images") -> tuple[str, ...]:
    """Images, which are base64: an address is not fetched. Raises `ParameterInvalid`."""
    for number, image in enumerate(images or ()):
        try:
            binascii.a2b_base64(image, strict_mode=True)
        except ValueError:  # a character beyond ASCII too
            raise ParameterInvalid(name=f"{place}[{number}]", cause=_NO_IMAGE) from None
    return tuple(images or ())


def answer_tokens(options: Options | None, max_tokens: int, max_context: int) -> int:
    """The limit of the answer: by the settings when none is named, by the context when none is wanted (-1, -2)."""
    wanted = options.num_predict if options is not None else None
    if wanted is None:
        return max_tokens
    return min(int(wanted), _LARGEST) if wanted >= 0 else max_context


def names_zero(keep_alive: str | Number | None) -> bool:
    """Whether the model should leave memory at once: 0, "0", "0s", "0m"."""
    if isinstance(keep_alive, str):
        return keep_alive.strip().rstrip("nuµmsh") in ("0", "0.0")
    return keep_alive is not None and keep_alive == 0


def think_of(body: AnyBody) -> Think:
    """How hard to think; Ollama's `max` is the most that others know."""
    return "high" if body.think == "max" else body.think


def _request(
    body: AnyBody, messages: Sequence[Message], tools: tuple[Tool, ...], max_tokens: int, max_context: int
) -> ChatRequest:
    options = body.options or Options()
    seed = _whole(options.seed)
    return ChatRequest(
        model=body.named,
        messages=messages,
        schema=body.format if isinstance(body.format, dict) else None,
        any_json=body.format == "json",
        tools=tools,
        max_tokens=answer_tokens(options, max_tokens, max_context),
        temperature=_real(options.temperature),
        top_p=_real(options.top_p),
        top_k=_whole(options.top_k),
        stop=tuple(options.stop or ()),
        presence_penalty=_real(options.presence_penalty),
        frequency_penalty=_real(options.frequency_penalty),
        context_tokens=_whole(options.num_ctx) or None,
        seed=seed if seed is not None and seed >= 0 else None,
        think=think_of(body),
    )


def _call(body: CallBody) -> ToolCall:
    return ToolCall(body.id or "", body.function.name, orjson.dumps(body.function.arguments or {}).decode())


def _whole(value: Number | None) -> int | None:
    return None if value is None else max(-_LARGEST, min(int(value), _LARGEST))


def _real(value: Number | None) -> float | None:
    return None if value is None else float(value)
