"""The same job with a model behind it: Ollama's double, well behaved and not."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from people import Person, eventually

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

NOTE = """Nota fiscal 004.817
Emitente: Horizonte Azul Ltda  CNPJ: 11.222.333/0001-81
Data de emissão: 12/03/2026
Valor total: R$ 6.594,00
""".encode()
ASKED = {"Prompt": "Extraia o CNPJ, a data e o total", "Format_Response": '{"cnpj": "", "data": "", "valor_total": 0}'}


@pytest.fixture
def ollama() -> Iterator[OllamaDouble]:
    with OllamaDouble() as double:
        yield double


@asynccontextmanager
async def house(tmp_path: Path, **environment: str) -> AsyncIterator[Person]:
    quick = {"EMENTA_JOBS__RETRY_BASE_SECONDS": "0.05", "EMENTA_JOBS__RETRY_MAX_SECONDS": "0.2"}
    async with RunningServer(tmp_path / "data", {**quick, **environment}) as server:
        person = Person(server)
        try:
            yield person
        finally:
            await person.close()


def leaves(answer: dict[str, Any]) -> dict[str, str]:
    return {leaf["path"]: leaf["how"] for leaf in answer["proof"]}


async def test_a_small_model_chooses_and_the_readers_prove(tmp_path: Path, ollama: OllamaDouble) -> None:
    async with house(tmp_path, OLLAMA_HOST=ollama.url) as clerk:
        answer = await clerk.ask(NOTE, **ASKED, Model="gemma3:1b")
    assert answer["model"] == "gemma3:1b"
    assert answer["usage"]["tokens"] > 0
    assert answer["response"]["cnpj"] == "11.222.333/0001-81"
    assert set(leaves(answer)) == {"/cnpj", "/data", "/valor_total"}
    assert all(body["options"]["num_ctx"] for body in ollama.stats.bodies)


async def test_the_answer_names_the_model_that_stood_in(tmp_path: Path, ollama: OllamaDouble) -> None:
    async with house(tmp_path, OLLAMA_HOST=ollama.url, EMENTA_FALLBACK_MODELS="gemma3:1b") as clerk:
        answer = await clerk.ask(NOTE, **ASKED, Model="not-found:70b")
    assert answer["model"] == "gemma3:1b"


async def test_without_any_model_server_the_readers_stand_in_when_allowed(tmp_path: Path) -> None:
    async with house(tmp_path, EMENTA_FALLBACK_MODELS="ementa-reader") as clerk:
        answer = await clerk.ask(NOTE, **ASKED, Model="gemma3:1b")
    assert answer["model"] == "ementa-reader"
    assert answer["response"] == {"cnpj": "11.222.333/0001-81", "data": "2026-03-12", "valor_total": 6594.0}


@pytest.mark.parametrize("model", ["loop:1b", "invalid-json:1b", "empty:1b"])
async def test_a_model_that_talks_nonsense_never_harms_the_answer(
    tmp_path: Path, ollama: OllamaDouble, model: str
) -> None:
    async with house(tmp_path, OLLAMA_HOST=ollama.url) as clerk:
        answer = await clerk.ask(NOTE, **ASKED, Model=model)
    assert answer["response"].keys() == {"cnpj", "data", "valor_total"}
    assert answer["response"]["cnpj"] in ("11.222.333/0001-81", None)
    for leaf in answer["proof"]:
        assert leaf["boxes"] or leaf["how"] in ("unproven", "computed")


async def test_a_model_that_fails_is_reported_as_such(tmp_path: Path, ollama: OllamaDouble) -> None:
    async with house(tmp_path, OLLAMA_HOST=ollama.url) as clerk:
        status, accepted = await clerk.send(NOTE, **ASKED, Model="fail-before:1b")
        assert status == 202
        status, error = await clerk.answer(accepted["id"])
        assert (status, error["code"]) == (502, "MODEL_FAILED")
        _, item = await clerk.call("GET", accepted["queue_url"])
        assert (item["status"], item["status_label"]) == ("error", "Erro")
        assert item["error"]["code"] == "MODEL_FAILED"


async def test_cancelling_stops_the_model(tmp_path: Path, ollama: OllamaDouble) -> None:
    async with house(tmp_path, OLLAMA_HOST=ollama.url) as clerk:
        _, accepted = await clerk.send(NOTE, **ASKED, Model="hang:1b")

        async def asking() -> bool:
            return ollama.stats.running == 1

        await eventually(asking)
        status, _ = await clerk.call("DELETE", accepted["queue_url"])
        assert status == 200

        async def released() -> bool:
            return ollama.stats.cancelled == 1 and ollama.stats.running == 0

        await eventually(released, 10)
