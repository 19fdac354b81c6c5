"""`/v1/responses` by the official SDK."""

import json
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from ementa.testing.ollama.double import OllamaDouble

TOOL: Any = {
    "type": "function",
    "name": "previsao",
    "description": "Previsão do tempo de uma cidade",
    "parameters": {"type": "object", "properties": {"cidade": {"type": "string"}}, "required": ["cidade"]},
    "strict": False,
}
BOTH = pytest.mark.parametrize("model", ["qwen2:7b", "double-chat"])


class Invoice(BaseModel):
    """What is asked for."""

    cnpj: str


@BOTH
def test_an_answer(client: openai.OpenAI, model: str) -> None:
    answer = client.responses.create(model=model, input="oi", instructions="Seja breve.", metadata={"a": "b"})
    assert answer.output_text == "Resposta à pergunta: oi"
    assert (answer.status, answer.model, answer.metadata) == ("completed", model, {"a": "b"})
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 1


@BOTH
def test_events_come_in_openais_order(client: openai.OpenAI, model: str) -> None:
    with client.responses.stream(model=model, input="oi") as stream:
        events = list(stream)
        final = stream.get_final_response()
    kinds = [event.type for event in events]
    deltas = kinds.count("response.output_text.delta")
    assert deltas > 1
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * deltas,
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert final.output_text == "Resposta à pergunta: oi"


@BOTH
@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_from_question_to_answer(client: openai.OpenAI, model: str, stream: bool) -> None:
    asked: list[Any] = [{"role": "user", "content": "Qual a previsão do tempo em Recife?"}]
    if stream:
        with client.responses.stream(model=model, input=asked, tools=[TOOL]) as events:
            kinds = [event.type for event in events]
            first = events.get_final_response()
        assert "response.function_call_arguments.delta" in kinds
        assert "response.function_call_arguments.done" in kinds
    else:
        first = client.responses.create(model=model, input=asked, tools=[TOOL])
    calls = [item for item in first.output if item.type == "function_call"]
    assert len(calls) == 1
    assert (calls[0].name, list(json.loads(calls[0].arguments))) == ("previsao", ["cidade"])
    asked += [item.model_dump(exclude_none=True) for item in first.output]
    asked.append({"type": "function_call_output", "call_id": calls[0].call_id, "output": "Chove em Recife, 27 graus"})
    assert "27 graus" in client.responses.create(model=model, input=asked, tools=[TOOL]).output_text


def test_an_answer_in_the_form_asked_for(client: openai.OpenAI) -> None:
    answer = client.responses.parse(model="qwen2:7b", input="[7] CNPJ: 11.222.333/0001-81", text_format=Invoice)
    assert answer.output_parsed is not None
    assert "11.222.333/0001-81" in answer.output_parsed.cnpj


def test_thoughts_and_images(client: openai.OpenAI, upstream: OllamaDouble) -> None:
    answer = client.responses.create(model="qwen3:0.6b", input="oi", reasoning={"effort": "low"})
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    content: Any = [
        {"type": "input_text", "text": "O que é?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{pixel}", "detail": "auto"},
    ]
    assert client.responses.create(model="gemma3:4b", input=[{"role": "user", "content": content}]).output_text
    assert upstream.stats.bodies[-1]["messages"][-1]["images"] == [pixel]


def test_an_answer_that_was_cut_is_incomplete(client: openai.OpenAI) -> None:
    answer = client.responses.create(model="gemma3:1b", input="uma longa pergunta sobre notas", max_output_tokens=2)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize(
    "more",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"background": True},
        {"tools": [{"type": "web_search"}]},
        {"input": [{"type": "item_reference", "id": "x"}]},
        {"input": 3},
        {"input": []},
        {"input": [{"role": "nobody", "content": "x"}]},
        {"text": {"format": {"type": "xml"}}},
        {"reasoning": {"effort": "furious"}},
    ],
)
def test_what_cannot_be_honoured_is_refused(client: openai.OpenAI, more: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="gemma3:1b", input="oi", extra_body=more)
    assert (caught.value.param or "").startswith(next(iter(more)))
