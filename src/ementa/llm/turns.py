"""Conversations with tools, made whole: OpenAI's clients name the result of a call by its id alone, Ollama's by the
function's name alone, and some servers want both.
"""

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from ementa.llm.ndjson import UNREADABLE, is_deep
from ementa.llm.types import Message, ToolCall


def paired(messages: Sequence[Message]) -> list[Message]:
    """The same messages, in which every call has an id and every result the id and the name of the call it answers.

    A result that names no call answers the first open one of its function's name, or the first open one.
    """
    if not any(message.tool_calls or message.role == "tool" for message in messages):
        return list(messages)
    whole: list[Message] = []
    waiting: list[ToolCall] = []
    for position, message in enumerate(messages):
        if message.role == "tool":
            whole.append(_answering(message, waiting))
        elif message.tool_calls:
            waiting = [
                call if call.id else msgspec.structs.replace(call, id=f"call_{position}_{number}")
                for number, call in enumerate(message.tool_calls)
            ]
            whole.append(msgspec.structs.replace(message, tool_calls=tuple(waiting)))
        else:
            whole.append(message)
    return whole


MOST_LEVELS = 100
"""Of the arguments of a call that are handed on as JSON; writers of it end at a few hundred."""


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """The arguments of a call as an object, whatever the model or the client made of them."""
    value: Any
    try:
        value = msgspec.json.decode(call.arguments or "{}")
        if is_deep(value, MOST_LEVELS):
            value = call.arguments
    except (*UNREADABLE, UnicodeEncodeError):
        value = call.arguments
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {"value": value}


def _answering(message: Message, waiting: list[ToolCall]) -> Message:
    """The result with what it lacks; the call that it answers waits no longer."""
    call = (
        next((call for call in waiting if message.tool_call_id and call.id == message.tool_call_id), None)
        or next((call for call in waiting if not message.tool_call_id and call.name == message.tool_name), None)
        or (waiting[0] if waiting and not message.tool_call_id else None)
    )
    if call is None:
        return message
    waiting.remove(call)
    return msgspec.structs.replace(message, tool_call_id=call.id, tool_name=call.name)
