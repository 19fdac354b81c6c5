"""The double with a real engine behind it: a schema is honoured by a real grammar, not by our rules."""

import json
from collections.abc import Iterator

import jsonschema
import pytest

from ementa.llm.gateway import Gateway
from ementa.llm.settings import LlmSettings
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.ollama.engine import Engine
from ementa.testing.providers import ask


@pytest.fixture(scope="module")
def real() -> Iterator[OllamaDouble]:
    with Engine() as engine, OllamaDouble(brain=engine) as double:
        yield double


async def test_a_random_model_still_answers_in_the_asked_form(real: OllamaDouble) -> None:
    schema = {
        "type": "object",
        "properties": {
            "candidato": {"enum": [1, 2, 3]},
            "nome": {"type": "string", "maxLength": 12},
            "itens": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "maxItems": 3},
        },
        "required": ["candidato", "nome", "itens"],
        "additionalProperties": False,
    }
    gateway = Gateway(LlmSettings(ollama_hosts=(real.url,)))
    for seed in range(3):
        request = ask("gemma3:1b", schema=schema, seed=seed, temperature=1.0, timeout_seconds=60.0)
        result = await gateway.chat(request)
        assert result.finish == "stop"
        jsonschema.validate(json.loads(result.text), schema)
    await gateway.close()


async def test_free_text_ends_at_its_limit(real: OllamaDouble) -> None:
    gateway = Gateway(LlmSettings(ollama_hosts=(real.url,)))
    result = await gateway.chat(ask("gemma3:1b", max_tokens=12, timeout_seconds=60.0))
    assert result.finish == "length"
    assert result.output_tokens <= 12
    await gateway.close()
