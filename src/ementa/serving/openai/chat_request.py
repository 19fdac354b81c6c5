"""`/v1/chat/completions`: the request, read for a server that speaks another dialect.

What cannot be honoured there is refused when leaving it out would change the answer; what only concerns OpenAI's own
house (`store`, `metadata`, `service_tier`, `user`…) is left alone.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ementa.llm.types import ChatRequest, Think, Tool
from ementa.serving.errors import ParameterInvalid, ParameterUnsupported
from ementa.serving.openai.content import MessageBody, read_messages
from ementa.serving.typed import read_as

Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Warmth = Annotated[float, Meta(ge=0, le=2)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]

EFFORTS: Mapping[str, Think] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
ONE = {"pt": "só uma resposta por pedido (n = 1)", "en": "only one answer a request (n = 1)"}
HERE = {
    "pt": "o servidor deste modelo não o oferece; retire-o ou use um modelo de um servidor compatível com a OpenAI",
    "en": "this model's server does not offer it; leave it out or use a model of an OpenAI-compatible server",
}
FUNCTIONS = {"pt": "só ferramentas de tipo function", "en": "only tools of type function"}
CHOICE = {
    "pt": "deve ser auto, none, required ou o nome de uma das ferramentas",
    "en": "it must be auto, none, required or the name of one of the tools",
}
_FORMAT = {"pt": "deve ser text, json_object ou json_schema", "en": "it must be text, json_object or json_schema"}


class FunctionBody(msgspec.Struct):
    """A function that the model may ask to be called."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class ToolBody(msgspec.Struct):
    """The same, with its type."""

    type: str
    function: FunctionBody | None = None


class NamedFunction(msgspec.Struct):
    """The name of a function."""

    name: str


class ChoiceBody(msgspec.Struct):
    """The one tool to be called."""

    type: str
    function: NamedFunction | None = None


class SchemaBody(msgspec.Struct):
    """A JSON Schema and its name."""

    schema: dict[str, Any] | None = None


class FormatBody(msgspec.Struct):
    """What the answer must look like."""

    type: str
    json_schema: SchemaBody | None = None


class ChatBody(msgspec.Struct):
    """The whole request."""

    messages: Annotated[list[MessageBody], Meta(min_length=1)]
    tools: list[ToolBody] | None = None
    tool_choice: str | ChoiceBody | None = None
    response_format: FormatBody | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    temperature: Warmth | None = None
    top_p: Share | None = None
    top_k: int | None = None
    stop: str | list[str] | None = None
    seed: Seed | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    reasoning_effort: str | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    modalities: list[str] | None = None
    functions: list[Any] | None = None
    prediction: Any = None
    parallel_tool_calls: bool | None = None
    web_search_options: Any = None


def read_chat(body: dict[str, Any], max_tokens: int) -> ChatRequest:
    """The request in neutral form; `max_tokens` when the client names no limit. Raises `ParameterInvalid`,
    `ParameterUnsupported`."""
    asked = read_as(ChatBody, body)
    _refuse_unsupported(asked)
    tools = read_tools(asked.tools or ())
    schema, any_json = _read_format(asked.response_format)
    return ChatRequest(
        model="",
        messages=read_messages(asked.messages),
        schema=schema,
        any_json=any_json,
        tools=tools,
        tool_choice=read_choice(asked.tool_choice, tools),
        max_tokens=asked.max_completion_tokens or asked.max_tokens or max_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        top_k=asked.top_k,
        stop=read_stop(asked.stop),
        presence_penalty=asked.presence_penalty,
        frequency_penalty=asked.frequency_penalty,
        seed=asked.seed,
        think=read_effort(asked.reasoning_effort, "reasoning_effort"),
    )


def read_tools(bodies: Sequence[ToolBody]) -> tuple[Tool, ...]:
    """The functions that may be called."""
    tools: list[Tool] = []
    for position, body in enumerate(bodies):
        if body.type != "function" or body.function is None:
            raise ParameterUnsupported(name=f"tools[{position}]", cause=FUNCTIONS)
        function = body.function
        tools.append(Tool(function.name, function.description or "", function.parameters or {}))
    return tuple(tools)


def read_choice(choice: str | ChoiceBody | None, tools: Sequence[Tool]) -> str:
    """Whether a tool may, must or must not be called, or which."""
    if choice is None:
        return "auto"
    if isinstance(choice, str):
        if choice in ("auto", "none", "required"):
            return choice
    elif choice.function is not None and any(tool.name == choice.function.name for tool in tools):
        return choice.function.name
    raise ParameterInvalid(name="tool_choice", cause=CHOICE)


def read_stop(stop: str | Sequence[str] | None) -> tuple[str, ...]:
    """Where the answer ends."""
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def read_effort(effort: str | None, name: str) -> Think:
    """How hard to think; None leaves it to the server."""
    if effort is None:
        return None
    if effort not in EFFORTS:
        cause = {"pt": f"deve ser um de {', '.join(EFFORTS)}", "en": f"it must be one of {', '.join(EFFORTS)}"}
        raise ParameterInvalid(name=name, cause=cause)
    return EFFORTS[effort]


def _read_format(form: FormatBody | None) -> tuple[dict[str, Any] | None, bool]:
    """The schema, and whether any JSON will do."""
    if form is None or form.type == "text":
        return None, False
    if form.type == "json_object":
        return None, True
    if form.type == "json_schema" and form.json_schema is not None:
        return form.json_schema.schema, form.json_schema.schema is None
    raise ParameterInvalid(name="response_format", cause=_FORMAT)


def _refuse_unsupported(asked: ChatBody) -> None:
    if asked.n not in (None, 1):
        raise ParameterUnsupported(name="n", cause=ONE)
    wanted = {
        "logprobs": asked.logprobs,
        "top_logprobs": asked.top_logprobs,
        "logit_bias": asked.logit_bias,
        "functions": asked.functions,
        "modalities": set(asked.modalities or ()) - {"text"},
        "web_search_options": asked.web_search_options,
    }
    for name, value in wanted.items():
        if value:
            raise ParameterUnsupported(name=name, cause=HERE)
