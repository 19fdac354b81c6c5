"""What an administrator finds in the logs of one document, and what is never there."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from people import Person, eventually

from ementa.testing.server import RunningServer

SECRET = "Cláusula sigilosa: o comprador secreto é Zebedeu Quaresma"


def lines(server: RunningServer) -> list[dict[str, Any]]:
    file = server.data / "logs" / "ementa.log"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


async def test_one_request_is_followed_through_the_log_and_nothing_private_is_in_it(
    server: RunningServer, clerk: Person
) -> None:
    document = f"{SECRET}\nCNPJ: 11.222.333/0001-81\n".encode()
    asked = {"Prompt": "Qual o CNPJ do Zebedeu Quaresma?", "Model": "ementa-reader"}
    form = '{"cnpj": "", "campo_sigiloso": ""}'
    status, accepted = await clerk.call(
        "POST", "/upload", {**asked, "Format-Response": form, "X-Request-Id": "pedido-42.a"}, document
    )
    assert status == 202, accepted
    status, answered = await clerk.answer(accepted["id"])
    assert status == 200
    assert answered["response"]["cnpj"] == "11.222.333/0001-81"

    async def stages() -> set[str]:
        told = [line for line in lines(server) if line.get("request_id") == "pedido-42.a" and line.get("job_id")]
        kinds = {line["kind"] for line in told}
        return kinds if len(kinds) == 3 else set()

    kinds = await eventually(stages)
    assert {kind.split(".")[-1] for kind in kinds} == {"extract", "prompt", "format"}

    async def both_requests() -> list[dict[str, Any]]:  # a request's line is written after its answer has left
        told = [line for line in lines(server) if line["logger"] == "ementa.access"]
        return told if {"pedido-42.a"} < {line["request_id"] for line in told} else []

    accesses = await eventually(both_requests)
    assert all(line["principal"] for line in accesses)
    log = (server.data / "logs" / "ementa.log").read_text(encoding="utf-8") + server.log.read_text(encoding="utf-8")
    for private in (server.key, "Zebedeu", "sigilosa", "sigiloso", "11.222.333", "11222333"):
        assert private not in log, private


@pytest.fixture
async def nobody(server: RunningServer) -> AsyncIterator[Person]:
    person = Person(server, key="a-key-that-was-guessed-9x")
    yield person
    await person.close()


async def test_a_guessed_key_is_not_in_the_log_either(server: RunningServer, nobody: Person, tmp_path: Path) -> None:
    status, refused = await nobody.call("GET", "/queue")
    assert (status, refused["code"]) == (401, "UNAUTHENTICATED")

    async def refusals() -> list[dict[str, Any]]:
        return [line for line in lines(server) if line.get("status") == 401]

    (line,) = await eventually(refusals)
    assert line["principal"] is None
    assert "a-key-that-was-guessed" not in server.log.read_text(encoding="utf-8")
