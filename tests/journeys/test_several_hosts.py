"""The same job grown onto PostgreSQL: a server that only receives, and workers that may die."""

import asyncio
import json
from pathlib import Path

import psycopg
import pytest
from people import Person, eventually

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer, RunningWorker

ASKED = {"Prompt": "Extraia o CNPJ", "Format_Response": '{"cnpj": ""}', "Model": "ementa-reader"}


@pytest.mark.postgres
async def test_workers_share_the_queue_and_one_may_die(tmp_path: Path, postgres_url: str) -> None:
    data = tmp_path / "data"
    environment = {
        "EMENTA_DATABASE_URL": postgres_url,
        "EMENTA_JOBS__EMBEDDED_WORKER": "false",
        "EMENTA_JOBS__HEARTBEAT_SECONDS": "0.5",
        "EMENTA_JOBS__STALLED_SECONDS": "2",
        "EMENTA_EXTRACTION__CHILDREN": "1",
    }
    async with RunningServer(data, environment) as server:
        clerk = Person(server)
        ids = []
        for number in range(10):
            status, accepted = await clerk.send(f"Nota {number}\nCNPJ: 11.222.333/0001-81".encode(), **ASKED)
            assert status == 202
            ids.append(accepted["id"])
        _, queue = await clerk.call("GET", "/queue")
        assert {document["status"] for document in queue["documents"]} == {"uploaded"}
        assert sorted(document["position"] for document in queue["documents"]) == list(range(1, 11))

        doomed = RunningWorker(data, environment)
        async with doomed, RunningWorker(data, environment):
            await asyncio.sleep(2.5)
            doomed.kill()
            for analysis_id in ids:
                status, answer = await clerk.answer(analysis_id)
                assert status == 200, answer
                assert answer["response"] == {"cnpj": "11.222.333/0001-81"}
        await clerk.close()


class HopefulWorker(RunningWorker):
    """A worker that is waited for until it ends."""

    def is_ready(self) -> bool:
        return False


async def test_a_worker_alone_on_sqlite_says_what_to_do(tmp_path: Path) -> None:
    worker = HopefulWorker(tmp_path / "data")
    with pytest.raises(RuntimeError, match="EMENTA_DATABASE_URL"):
        worker.start(20)


@pytest.mark.postgres
async def test_a_worker_uses_the_servers_that_administrators_add_and_its_calls_are_counted(
    tmp_path: Path, postgres_url: str
) -> None:
    data = tmp_path / "data"  # documents are shared by their directory
    environment = {"EMENTA_DATABASE_URL": postgres_url}
    receiving = {**environment, "EMENTA_JOBS__EMBEDDED_WORKER": "false"}
    with OllamaDouble() as ollama:
        async with RunningServer(data, receiving) as server, RunningWorker(data, environment):
            clerk = Person(server)
            added = json.dumps({"name": "gpu", "kind": "ollama", "url": ollama.url})
            status, _ = await clerk.call("POST", "/admin/servers", {"Content-Type": "application/json"}, added)
            assert status == 201

            async def is_known() -> bool:
                _, listed = await clerk.call("GET", "/models")
                return "gemma3:1b" in [model["name"] for model in listed["models"]]

            await eventually(is_known)
            letter = "Prezados, o pedido foi cancelado pelo gerente por atraso na entrega. Atenciosamente, Ana."
            asked = {"Prompt": "Por que foi cancelado?", "Format_Response": '{"motivo": ""}', "Model": "gemma3:1b"}
            answered = await clerk.ask(letter.encode(), **asked)
            assert answered["model"] == "gemma3:1b"
            await clerk.close()
        calls = await asyncio.to_thread(read_calls, postgres_url)
    assert {(call[0], call[1], call[2]) for call in calls} == {("analysis", "gemma3:1b", "gpu")}
    assert all(call[3] and call[4] for call in calls)


def read_calls(url: str) -> list[tuple[str, str, str, str, str]]:
    """Who called which model where, by which door."""
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT api, model, server, tenant_id, user_id FROM model_call").fetchall()
