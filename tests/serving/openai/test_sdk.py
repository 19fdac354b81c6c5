"""The official `openai` SDK, unchanged, pointed at Ementa: before a server of its own dialect and before an Ollama."""

import base64
import json
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.openai.double import OpenAIDouble
from ementa.testing.server import RunningServer

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ASKED: list[Any] = [{"role": "user", "content": "Qual é a capital do Pará?"}]
ANSWER = "Resposta à pergunta: Qual é a capital do Pará?"
BOTH = pytest.mark.parametrize("model", ["qwen2:7b", "double-chat"])
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "previsao",
            "description": "Previsão do tempo de uma cidade",
            "parameters": {
                "type": "object",
                "properties": {"cidade": {"type": "string"}},
                "required": ["cidade"],
            },
        },
    }
]


class Invoice(BaseModel):
    """What is asked for."""

    cnpj: str
    parcelas: int


@BOTH
def test_a_conversation(client: openai.OpenAI, model: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=model, messages=ASKED)
    answer = raw.parse()
    assert answer.choices[0].message.content == ANSWER
    assert (answer.model, answer.object, answer.choices[0].finish_reason) == (model, "chat.completion", "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 1
    assert raw.headers["x-ementa-model"] == model
    assert "@127.0.0.1" in raw.headers["x-ementa-server"]
    assert raw.headers["x-ementa-cache"] == "miss"
    assert 0 <= float(raw.headers["x-ementa-overhead-ms"]) < 10_000
    assert float(raw.headers["x-ementa-queue-ms"]) >= 0


@BOTH
def test_a_conversation_piece_by_piece(client: openai.OpenAI, model: str) -> None:
    stream = client.chat.completions.create(
        model=model, messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == ANSWER
    assert len(chunks) > 3
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens > 1


@BOTH
def test_no_counts_for_who_did_not_ask(client: openai.OpenAI, model: str) -> None:
    chunks = list(client.chat.completions.create(model=model, messages=ASKED, stream=True))
    assert all(chunk.choices for chunk in chunks)
    assert not any(chunk.usage for chunk in chunks)


def test_bytes_of_the_same_dialect_leave_as_they_came(client: openai.OpenAI, native: OpenAIDouble) -> None:
    sent = {"model": "double-chat", "messages": ASKED, "stream": True, "stream_options": {"include_usage": True}}
    with client._client.stream("POST", "chat/completions", json=sent, headers=client.auth_headers) as answer:
        received = answer.read()
    assert received == native.written


@BOTH
def test_a_tool_from_question_to_answer(client: openai.OpenAI, model: str) -> None:
    messages: list[Any] = [{"role": "user", "content": "Qual a previsão do tempo em Recife?"}]
    message = client.chat.completions.create(model=model, messages=messages, tools=TOOLS).choices[0].message
    assert message.tool_calls is not None
    (call,) = message.tool_calls
    assert call.type == "function"
    assert (call.function.name, list(json.loads(call.function.arguments))) == ("previsao", ["cidade"])
    messages += [
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "Chove em Recife, 27 graus"},
    ]
    answer = client.chat.completions.create(model=model, messages=messages, tools=TOOLS)
    assert answer.choices[0].finish_reason == "stop"
    assert "27 graus" in (answer.choices[0].message.content or "")


@BOTH
def test_a_tool_by_the_sdks_own_accumulator(client: openai.OpenAI, model: str) -> None:
    messages: list[Any] = [{"role": "user", "content": "Qual a previsão do tempo em Recife?"}]
    with client.chat.completions.stream(model=model, messages=messages, tools=TOOLS) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].finish_reason == "tool_calls"
    (call,) = final.choices[0].message.tool_calls or ()
    assert "cidade" in json.loads(call.function.arguments)


@BOTH
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_in_the_form_asked_for(client: openai.OpenAI, model: str, stream: bool) -> None:
    messages: list[Any] = [{"role": "user", "content": "[7] CNPJ: 11.222.333/0001-81"}]
    if stream:
        with client.chat.completions.stream(model=model, messages=messages, response_format=Invoice) as events:
            answer = events.get_final_completion()
    else:
        answer = client.chat.completions.parse(model=model, messages=messages, response_format=Invoice)
    parsed = answer.choices[0].message.parsed
    assert parsed is not None
    assert "11.222.333/0001-81" in parsed.cnpj


@BOTH
def test_any_json(client: openai.OpenAI, model: str) -> None:
    answer = client.chat.completions.create(model=model, messages=ASKED, response_format={"type": "json_object"})
    assert isinstance(json.loads(answer.choices[0].message.content or ""), dict)


@pytest.mark.parametrize("model", ["gemma3:4b", "double-chat"])
def test_an_image(client: openai.OpenAI, upstream: OllamaDouble, model: str) -> None:
    content = [
        {"type": "text", "text": "O que há na imagem?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}},
    ]
    messages: list[Any] = [{"role": "user", "content": content}]
    assert client.chat.completions.create(model=model, messages=messages).choices[0].message.content
    if model == "gemma3:4b":
        assert upstream.stats.bodies[-1]["messages"][-1]["images"] == [PIXEL]


@BOTH
@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "file:///etc/passwd", "HTTPS://inner/x.png", ""])
def test_an_image_by_address_is_never_fetched(client: openai.OpenAI, model: str, url: str) -> None:
    content = [{"type": "text", "text": "oi"}, {"type": "image_url", "image_url": {"url": url}}]
    model = "gemma3:4b" if model == "qwen2:7b" else model  # one that sees
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])  # type: ignore[list-item]
    assert caught.value.param == "messages[0].content[1].image_url"
    assert caught.value.code == "PARAMETER_UNSUPPORTED"


@pytest.mark.parametrize("kind", ["video_url", "audio_url", "image_url"])
def test_nor_is_anything_else_by_address(client: openai.OpenAI, native: OpenAIDouble, kind: str) -> None:
    asked = len(native.stats.bodies)
    content = [{"type": "text", "text": "oi", kind: {"url": "http://169.254.169.254/"}}]
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="double-chat", messages=[{"role": "user", "content": content}])  # type: ignore[list-item]
    assert len(native.stats.bodies) == asked


def test_settings_of_the_answer_reach_ollama(client: openai.OpenAI, upstream: OllamaDouble) -> None:
    client.chat.completions.create(
        model="qwen2:7b",
        messages=[{"role": "developer", "content": "Seja breve."}, *ASKED],
        max_completion_tokens=50,
        temperature=0.3,
        top_p=0.8,
        seed=7,
        stop=["\n"],
        presence_penalty=0.5,
        frequency_penalty=-0.5,
        user="ana",
        metadata={"a": "b"},
        store=True,
    )
    body = upstream.stats.bodies[-1]
    assert body["messages"][0] == {"role": "system", "content": "Seja breve."}
    options = body["options"]
    assert (
        options
        | {
            "num_predict": 50,
            "temperature": 0.3,
            "top_p": 0.8,
            "seed": 7,
            "stop": ["\n"],
            "presence_penalty": 0.5,
            "frequency_penalty": -0.5,
        }
        == options
    )


def test_thinking_is_asked_for_and_told(client: openai.OpenAI, upstream: OllamaDouble) -> None:
    answer = client.chat.completions.create(model="qwen3:0.6b", messages=ASKED, reasoning_effort="high")
    assert upstream.stats.bodies[-1]["think"] == "high"
    assert (answer.choices[0].message.model_extra or {})["reasoning_content"]
    client.chat.completions.create(model="qwen3:0.6b", messages=ASKED, reasoning_effort="none")
    assert upstream.stats.bodies[-1]["think"] is False
    chunks = client.chat.completions.create(model="qwen3:0.6b", messages=ASKED, reasoning_effort="low", stream=True)
    thoughts = "".join((chunk.choices[0].delta.model_extra or {}).get("reasoning_content", "") for chunk in chunks)
    assert thoughts


@BOTH
def test_the_older_completions(client: openai.OpenAI, model: str) -> None:
    answer = client.completions.create(model=model, prompt="oi", max_tokens=50)
    assert "oi" in answer.choices[0].text
    assert answer.object == "text_completion"
    pieces = list(client.completions.create(model=model, prompt="oi", stream=True, max_tokens=50))
    assert "".join(piece.choices[0].text for piece in pieces if piece.choices) == answer.choices[0].text


@pytest.mark.parametrize("model", ["all-minilm", "double-embedding"])
def test_vectors_packed_and_not(client: openai.OpenAI, model: str) -> None:
    texts = ["nota fiscal", "contrato de aluguel"]
    packed = client.embeddings.create(model=model, input=texts)  # the SDK asks for base64 by itself
    plain = client.embeddings.create(model=model, input=texts, encoding_format="float")
    assert [entry.index for entry in plain.data] == [0, 1]
    assert plain.usage.prompt_tokens > 0
    for one, other in zip(packed.data, plain.data, strict=True):
        assert len(one.embedding) == len(other.embedding) == 384
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
    one = client.embeddings.create(model=model, input="nota fiscal", encoding_format="float")
    assert one.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)


def test_tokens_are_no_texts(client: openai.OpenAI) -> None:
    for tokens in ([1, 2, 3], [[1, 2], [3]]):
        with pytest.raises(openai.BadRequestError) as caught:
            client.embeddings.create(model="all-minilm", input=tokens)  # type: ignore[arg-type]
        assert (caught.value.code, caught.value.param) == ("PARAMETER_UNSUPPORTED", "input")


def test_models(client: openai.OpenAI) -> None:
    names = {model.id for model in client.models.list()}
    assert {"gemma3:1b", "double-chat", "qwen2-7b"} <= names
    assert "ementa-reader" not in names
    assert client.models.retrieve("gemma3:1b").owned_by == "ollama"
    assert client.models.retrieve("qwen2-7b").id == "qwen2-7b"
    for absent in ("nope", "ementa-reader", "a/b c"):
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve(absent)


def test_an_alias_answers_by_the_models_name(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="qwen2-7b", messages=ASKED)
    assert raw.parse().model == raw.headers["x-ementa-model"] == "qwen2:7b"


def test_ranking(client: openai.OpenAI) -> None:
    body = {"model": "double-rerank", "query": "aluguel", "documents": ["nota fiscal", {"text": "contrato de aluguel"}]}
    answer: Any = client.post("/rerank", body={**body, "return_documents": True}, cast_to=object)
    assert [result["index"] for result in answer["results"]] == [1, 0]
    assert answer["results"][0]["document"] == {"text": "contrato de aluguel"}
    first: Any = client.post("/rerank", body={**body, "top_n": 1}, cast_to=object)
    assert len(first["results"]) == 1
    assert "document" not in first["results"][0]


def test_the_failures_have_the_sdks_own_classes(client: openai.OpenAI, server: RunningServer) -> None:
    def ask(model: str, **more: Any) -> Any:
        return client.chat.completions.create(model=model, messages=ASKED, **more)

    with pytest.raises(openai.NotFoundError) as absent:
        ask("nope")
    assert (absent.value.code, absent.value.param, absent.value.type) == (
        "model_not_found",
        "model",
        "invalid_request_error",
    )
    assert isinstance(absent.value.body, dict)
    assert absent.value.body["ementa_code"] == "MODEL_UNAVAILABLE"
    with pytest.raises(openai.AuthenticationError) as unknown:
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="wrong", max_retries=0).models.list()
    assert unknown.value.code == "invalid_api_key"
    for more in ({"temperature": "hot"}, {"n": 2}, {"messages": []}, {"tool_choice": "nope"}, {"logprobs": True}):
        with pytest.raises(openai.BadRequestError) as wrong:
            ask("gemma3:1b", extra_body=more)
        assert wrong.value.param == next(iter(more))
    with pytest.raises(openai.BadRequestError) as long:
        ask("context-overflow:1b")
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(openai.InternalServerError):
        ask("fail-before:1b")
    with pytest.raises(openai.NotFoundError):
        client.get("/nothing", cast_to=object)


def test_a_failure_after_the_first_piece_is_raised_by_the_sdk(client: openai.OpenAI) -> None:
    for stream in (
        client.chat.completions.create(model="fail-after-3:1b", messages=ASKED, stream=True),
        client.completions.create(model="fail-after-3:1b", prompt="oi", stream=True),
        client.responses.create(model="fail-after-3:1b", input="oi", stream=True),
    ):
        pieces: list[Any] = []
        with stream, pytest.raises(openai.APIError) as caught:  # closed, for the SDK leaves that to chance
            pieces.extend(iter(stream))
        assert caught.value.code == "MODEL_FAILED"


def test_a_slow_model_is_given_up_after_the_time_that_was_asked(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="hang:1b", messages=ASKED, extra_headers={"X-Ementa-Timeout": "1"})
    assert caught.value.code == "MODEL_TIMEOUT"
    for bad in ("0", "-1", "nan", "soon"):
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="gemma3:1b", messages=ASKED, extra_headers={"X-Ementa-Timeout": bad})


async def test_the_asynchronous_client(async_client: openai.AsyncOpenAI) -> None:
    text = ""
    async for chunk in await async_client.chat.completions.create(model="gemma3:1b", messages=ASKED, stream=True):
        text += chunk.choices[0].delta.content or ""
    assert text == ANSWER


def test_a_key_in_base64_is_no_key(client: openai.OpenAI, server: RunningServer) -> None:
    basic = base64.b64encode(f"x:{server.key}".encode()).decode()
    with pytest.raises(openai.AuthenticationError):
        client.models.list(extra_headers={"Authorization": f"Basic {basic}"})
