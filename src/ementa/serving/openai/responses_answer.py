"""`/v1/responses`: the answer as one object, and its items."""

import time
from typing import Any

from ementa.llm.types import ChatResult, ToolCall
from ementa.serving.openai.chat_answer import new_name
from ementa.serving.openai.responses_request import ResponseBody

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponseObject:
    """The `response` of one request, as it is told at its beginning and at its end."""

    def __init__(self, asked: ResponseBody, body: dict[str, Any], model: str) -> None:
        """`body` is the request as it came: what it said is said again."""
        text = body.get("text")
        self._fixed: dict[str, Any] = {
            "id": new_name("resp_"),
            "object": "response",
            "created_at": int(time.time()),
            "background": False,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "metadata": asked.metadata or {},
            "model": model,
            "parallel_tool_calls": asked.parallel_tool_calls is not False,
            "previous_response_id": None,
            "reasoning": {"effort": asked.reasoning.effort if asked.reasoning else None, "summary": None},
            "store": False,
            "temperature": asked.temperature,
            "text": text if isinstance(text, dict) and "format" in text else {"format": {"type": "text"}},
            "tool_choice": body.get("tool_choice") or "auto",
            "tools": body.get("tools") or [],
            "top_p": asked.top_p,
            "truncation": "disabled",
        }
        self.parallel = asked.parallel_tool_calls is not False

    def begun(self) -> dict[str, Any]:
        """Before there is an answer."""
        return self._told("in_progress", [])

    def ended(self, result: ChatResult, output: list[dict[str, Any]]) -> dict[str, Any]:
        """With the whole answer."""
        reason = _INCOMPLETE.get(result.finish)
        body = self._told("incomplete" if reason else "completed", output)
        body["incomplete_details"] = {"reason": reason} if reason else None
        body["completed_at"] = None if reason else int(time.time())
        body["usage"] = {
            "input_tokens": result.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": result.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": result.prompt_tokens + result.output_tokens,
        }
        return body

    def whole(self, result: ChatResult) -> dict[str, Any]:
        """The answer that comes at once."""
        output: list[dict[str, Any]] = []
        if result.thinking:
            output.append(reasoning_item(new_name("rs_"), result.thinking))
        if result.text or not result.tool_calls:
            output.append(message_item(new_name("msg_"), result.text))
        calls = result.tool_calls if self.parallel else result.tool_calls[:1]
        output += [call_item(new_name("fc_"), call) for call in calls]
        return self.ended(result, output)

    def _told(self, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            **self._fixed,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "output": output,
            "usage": None,
        }


def message_item(identity: str, text: str) -> dict[str, Any]:
    """What the model says."""
    return {
        "id": identity,
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [text_part(text)],
    }


def text_part(text: str) -> dict[str, Any]:
    """A text of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def reasoning_item(identity: str, text: str) -> dict[str, Any]:
    """What the model thought."""
    content = [{"type": "reasoning_text", "text": text}]
    return {"id": identity, "type": "reasoning", "status": "completed", "summary": [], "content": content}


def call_item(identity: str, call: ToolCall) -> dict[str, Any]:
    """What the model wants called."""
    return {
        "id": identity,
        "type": "function_call",
        "status": "completed",
        "call_id": call.id or new_name("call_"),
        "name": call.name,
        "arguments": call.arguments,
    }
