"""`/v1/responses`: the request. Nothing is remembered between calls, so what would need a memory is refused."""

from collections.abc import Sequence
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta

from ementa.llm.types import ChatRequest, Message, Tool, ToolCall
from ementa.serving.errors import ParameterInvalid, ParameterUnsupported
from ementa.serving.openai.chat_request import CHOICE, FUNCTIONS, Count, NamedFunction, Share, Warmth, read_effort
from ementa.serving.openai.content import ROLE, ROLES, read_image
from ementa.serving.typed import read_as

_INPUT = {"pt": "deve ser um texto ou uma lista de itens", "en": "it must be a string or a list of items"}
_ITEM = {
    "pt": "só itens message, function_call, function_call_output e reasoning são lidos",
    "en": "only items message, function_call, function_call_output and reasoning are read",
}
_PART = {
    "pt": "só partes input_text, output_text, refusal e input_image são lidas",
    "en": "only parts input_text, output_text, refusal and input_image are read",
}
_STATELESS = {
    "pt": "nada é guardado entre chamadas; envie a conversa inteira em input",
    "en": "nothing is kept between calls; send the whole conversation in input",
}
_FORMAT = {"pt": "deve ser text, json_object ou json_schema", "en": "it must be text, json_object or json_schema"}
_TEXTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})


class PartBody(msgspec.Struct):
    """A piece of a message."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None


class ItemBody(msgspec.Struct):
    """One item of the input. Without a type it is a message."""

    type: str = "message"
    role: str | None = None
    content: str | list[PartBody] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[PartBody] | None = None
    summary: list[PartBody] | None = None


class ToolBody(msgspec.Struct):
    """A function that the model may ask to be called."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None


class ChoiceBody(NamedFunction):
    """The one tool to be called."""

    type: str = "function"


class FormatBody(msgspec.Struct):
    """What the answer must look like."""

    type: str
    schema: dict[str, Any] | None = None


class TextBody(msgspec.Struct):
    """About the text of the answer."""

    format: FormatBody | None = None


class ReasoningBody(msgspec.Struct):
    """How to think."""

    effort: str | None = None


class ResponseBody(msgspec.Struct):
    """The whole request."""

    model: Annotated[str, Meta(min_length=1)]
    input: Any
    instructions: str | None = None
    tools: list[ToolBody] | None = None
    tool_choice: str | ChoiceBody | None = None
    text: TextBody | None = None
    reasoning: ReasoningBody | None = None
    max_output_tokens: Count | None = None
    temperature: Warmth | None = None
    top_p: Share | None = None
    stream: bool | None = None
    parallel_tool_calls: bool | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    conversation: Any = None
    prompt: Any = None
    metadata: dict[str, Any] | None = None


def read_response(body: dict[str, Any]) -> ResponseBody:
    """The request; raises `ParameterInvalid`, `ParameterUnsupported`."""
    asked = read_as(ResponseBody, body)
    for name in ("previous_response_id", "conversation", "prompt", "background"):
        if getattr(asked, name):
            raise ParameterUnsupported(name=name, cause=_STATELESS)
    return asked


def to_chat(asked: ResponseBody, max_tokens: int) -> ChatRequest:
    """The request in neutral form; `max_tokens` when the client names no limit."""
    messages = read_input(asked.input)
    if asked.instructions:
        messages.insert(0, Message("system", asked.instructions))
    tools = _read_tools(asked.tools or ())
    form = asked.text.format if asked.text else None
    if form is not None and form.type not in ("text", "json_object", "json_schema"):
        raise ParameterInvalid(name="text.format.type", cause=_FORMAT)
    schema = form.schema if form is not None and form.type == "json_schema" else None
    return ChatRequest(
        model="",
        messages=messages,
        schema=schema,
        any_json=form is not None and form.type != "text" and schema is None,
        tools=tools,
        tool_choice=_read_choice(asked.tool_choice, tools),
        max_tokens=asked.max_output_tokens or max_tokens,
        temperature=asked.temperature,
        top_p=asked.top_p,
        seed=None,
        think=read_effort(asked.reasoning.effort if asked.reasoning else None, "reasoning.effort"),
    )


def read_input(given: Any) -> list[Message]:
    """The conversation; calls that follow each other belong to one turn of the assistant."""
    if isinstance(given, str):
        return [Message("user", given)]
    if not isinstance(given, list) or not given:
        raise ParameterInvalid(name="input", cause=_INPUT)
    reader = _Items()
    for position, item in enumerate(cast("list[Any]", given)):
        try:
            reader.add(read_as(ItemBody, item), f"input[{position}]")
        except ParameterInvalid as error:
            inside = str(error.params["name"])
            if inside.startswith("input["):
                raise
            name = f"input[{position}]" if inside == "body" else f"input[{position}].{inside}"
            raise ParameterInvalid(name=name, cause=error.params["cause"]) from None
    return reader.messages


class _Items:
    """Puts items together to messages."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._names: dict[str, str] = {}
        self._thinking = ""

    def add(self, item: ItemBody, place: str) -> None:
        """The next item."""
        if item.type == "message":
            role = ROLES.get(item.role or "")
            if role is None:
                raise ParameterInvalid(name=f"{place}.role", cause=ROLE)
            text, images = _read_parts(item.content, f"{place}.content")
            thinking = self._taken() if role == "assistant" else ""
            self.messages.append(Message(role, text, images=images, thinking=thinking))
        elif item.type == "function_call":
            self._call(item)
        elif item.type == "function_call_output":
            text, images = _read_parts(item.output, f"{place}.output")
            name = self._names.get(item.call_id or "", "")
            self.messages.append(Message("tool", text, images=images, tool_call_id=item.call_id or "", tool_name=name))
        elif item.type == "reasoning":
            self._thinking += _read_parts(item.content or item.summary, f"{place}.content")[0]
        else:
            raise ParameterUnsupported(name=f"{place}.type", cause=_ITEM)

    def _call(self, item: ItemBody) -> None:
        call = ToolCall(item.call_id or "", item.name or "", item.arguments or "{}")
        self._names[call.id] = call.name
        last = self.messages[-1] if self.messages else None
        if last is None or last.role != "assistant":
            last = Message("assistant", "", thinking=self._taken())
            self.messages.append(last)
        self.messages[-1] = msgspec.structs.replace(last, tool_calls=(*last.tool_calls, call))

    def _taken(self) -> str:
        thinking, self._thinking = self._thinking, ""
        return thinking


def _read_parts(content: str | Sequence[PartBody] | None, place: str) -> tuple[str, tuple[str, ...]]:
    if content is None or isinstance(content, str):
        return content or "", ()
    texts: list[str] = []
    images: list[str] = []
    for position, part in enumerate(content):
        if part.type in _TEXTS:
            texts.append(part.text or "")
        elif part.type == "refusal":
            texts.append(part.refusal or "")
        elif part.type == "input_image" and part.image_url:
            images.append(read_image(part.image_url, f"{place}[{position}].image_url"))
        else:
            raise ParameterUnsupported(name=f"{place}[{position}].type", cause=_PART)
    return "\n".join(texts), tuple(images)


def _read_tools(bodies: Sequence[ToolBody]) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for position, body in enumerate(bodies):
        if body.type != "function" or not body.name:
            raise ParameterUnsupported(name=f"tools[{position}]", cause=FUNCTIONS)
        tools.append(Tool(body.name, body.description or "", body.parameters or {}))
    return tuple(tools)


def _read_choice(choice: str | ChoiceBody | None, tools: Sequence[Tool]) -> str:
    if choice is None:
        return "auto"
    if isinstance(choice, str):
        if choice in ("auto", "none", "required"):
            return choice
    elif choice.type == "function" and any(tool.name == choice.name for tool in tools):
        return choice.name
    raise ParameterInvalid(name="tool_choice", cause=CHOICE)
