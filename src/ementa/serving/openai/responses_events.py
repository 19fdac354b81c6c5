"""`/v1/responses`: the answer as events, in the order in which OpenAI sends them."""

from collections.abc import Sequence
from typing import Any

import orjson

from ementa.llm.types import ChatDelta, ChatResult, ToolCall
from ementa.serving.openai.chat_answer import new_name
from ementa.serving.openai.responses_answer import ResponseObject, call_item, message_item, reasoning_item, text_part
from ementa.serving.writing import encoded, quoted


class ResponseEvents:
    """Writes one streamed answer. At any time at most one item is open: thoughts, then the message, then the calls."""

    def __init__(self, response: ResponseObject) -> None:
        self._response = response
        self._number = 0
        self._output: list[dict[str, Any]] = []
        self._open = ""
        """`reasoning`, `message` or nothing."""
        self._identity = ""
        self._texts: list[str] = []
        self._delta_head = b""
        self._calls = 0

    def begin(self) -> bytes:
        """That it has begun."""
        begun = self._response.begun()
        return self._event("response.created", response=begun) + self._event("response.in_progress", response=begun)

    def pieces(self, deltas: Sequence[ChatDelta]) -> bytes:
        """Pieces that arrived together."""
        parts: list[bytes] = []
        for delta in deltas:
            if delta.thinking:
                parts += (self._turn_to("reasoning"), self._delta(delta.thinking))
            if delta.text:
                parts += (self._turn_to("message"), self._delta(delta.text))
            for call in delta.tool_calls:
                if self._response.parallel or not self._calls:
                    parts += (self._close(), self._call(call))
        return b"".join(parts)

    def end(self, result: ChatResult) -> bytes:
        """What was open ends, then the whole answer once more. An answer without a word is an empty message."""
        last = b"" if self._output or self._open else self._turn_to("message")
        last += self._close()
        body = self._response.ended(result, self._output)
        return last + self._event(f"response.{body['status']}", response=body)

    def failure(self, body: bytes) -> bytes:
        """OpenAI's `error` event; its clients raise what they find under `error`."""
        error: dict[str, Any] = orjson.loads(body)["error"]
        told = {name: error[name] for name in ("code", "message", "param")}
        return self._event("error", **told, error=error)

    def _turn_to(self, kind: str) -> bytes:
        if self._open == kind:
            return b""
        closed = self._close()
        self._open, self._texts = kind, []
        self._identity = new_name("msg_" if kind == "message" else "rs_")
        place = {"item_id": self._identity, "output_index": len(self._output), "content_index": 0}
        if kind == "message":
            item = message_item(self._identity, "")
            name, part = "response.output_text.delta", text_part("")
            extra: dict[str, Any] = {"logprobs": []}
        else:
            item = reasoning_item(self._identity, "")
            name, part, extra = "response.reasoning_text.delta", {"type": "reasoning_text", "text": ""}, {}
        item |= {"status": "in_progress", "content": []}
        head = orjson.dumps({"type": name, **place, **extra})[:-1]
        self._delta_head = f"event: {name}\ndata: ".encode() + head + b',"delta":'
        return (
            closed
            + self._event("response.output_item.added", output_index=len(self._output), item=item)
            + self._event("response.content_part.added", **place, part=part)
        )

    def _delta(self, text: str) -> bytes:
        self._texts.append(text)
        return self._delta_head + quoted(text) + b',"sequence_number":%d}\n\n' % self._next()

    def _close(self) -> bytes:
        if not self._open:
            return b""
        text = "".join(self._texts)
        place = {"item_id": self._identity, "output_index": len(self._output), "content_index": 0}
        if self._open == "message":
            item = message_item(self._identity, text)
            done = self._event("response.output_text.done", **place, text=text, logprobs=[])
        else:
            item = reasoning_item(self._identity, text)
            done = self._event("response.reasoning_text.done", **place, text=text)
        done += self._event("response.content_part.done", **place, part=item["content"][0])
        done += self._event("response.output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)
        self._open = ""
        return done

    def _call(self, call: ToolCall) -> bytes:
        self._calls += 1
        item = call_item(new_name("fc_"), call)
        index = len(self._output)
        place = {"item_id": item["id"], "output_index": index}
        started = {**item, "status": "in_progress", "arguments": ""}
        self._output.append(item)
        return (
            self._event("response.output_item.added", output_index=index, item=started)
            + self._event("response.function_call_arguments.delta", **place, delta=call.arguments)
            + self._event("response.function_call_arguments.done", **place, name=call.name, arguments=call.arguments)
            + self._event("response.output_item.done", output_index=index, item=item)
        )

    def _event(self, kind: str, **fields: Any) -> bytes:
        body = encoded({"type": kind, "sequence_number": self._next(), **fields})
        return b"event: " + kind.encode() + b"\ndata: " + body + b"\n\n"

    def _next(self) -> int:
        self._number += 1
        return self._number - 1
