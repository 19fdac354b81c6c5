"""The API document is true: whatever is sent, what comes back is what it declares, and never a failure of ours.

Documents that are done, failed, cancelled and waiting are there to be asked for; without them only "not found" would be
tried. The event stream has no end and is not fuzzed here.
"""

import asyncio
import json
import urllib.request
from typing import Any

import administered
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people import Person, eventually
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi import checks

from ementa.analysis.ask import FIELDS
from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

OPERATIONS = [
    ("get", "/health"),
    ("get", "/health/live"),
    ("get", "/health/ready"),
    ("get", "/metrics"),
    ("get", "/models"),
    ("get", "/usage"),
    ("get", "/admin/usage"),
    ("post", "/upload"),
    ("get", "/queue"),
    ("get", "/queue/{analysis_id}"),
    ("delete", "/queue/{analysis_id}"),
    ("get", "/response/{analysis_id}"),
    ("post", "/v1/chat/completions"),
    ("post", "/v1/completions"),
    ("post", "/v1/responses"),
    ("post", "/v1/embeddings"),
    ("post", "/v1/rerank"),
    ("get", "/v1/models"),
    ("get", "/v1/models/{model}"),
    ("post", "/llm/generate"),
    ("post", "/api/chat"),
    ("post", "/api/generate"),
    ("post", "/api/embed"),
    ("post", "/api/embeddings"),
    ("get", "/api/tags"),
    ("get", "/api/ps"),
    ("post", "/api/show"),
    ("get", "/api/version"),
    ("get", "/admin/models"),
    ("get", "/admin/models/loaded"),
    ("post", "/admin/models/warm"),
    ("post", "/admin/models/unload"),
    ("post", "/admin/models/pull"),
    ("post", "/api/pull"),
    *administered.OPERATIONS,  # last: they change what the others are told
    ("delete", "/admin/models/{name}"),
    ("delete", "/api/delete"),
]
UNFUZZED = {("get", "/queue/events")}
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.ignored_auth,
    checks.allow_header_conformance,
]
MODELS = ("gemma3:1b", "qwen2:7b", "all-minilm", None)
ASKED = {"Prompt": "Extraia o CNPJ", "Format_Response": '{"cnpj": ""}', "Model": "ementa-reader"}
CASES = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    environment = {
        "EMENTA_IDENTITY__FAILED_KEYS_PER_MINUTE": "1000000",
        "EMENTA_APP__MAX_WAIT_SECONDS": "2",
        "LOG_LEVEL": "WARNING",
    }
    with OllamaDouble() as double:
        environment["OLLAMA_HOST"] = double.url
        with RunningServer(tmp_path_factory.mktemp("fuzzed") / "data", environment) as running:
            yield running
    assert "unexpected error" not in running.log.read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="module")
def document(fuzzed: RunningServer) -> dict[str, Any]:
    """The API document, without the clause that would excuse any status."""
    with urllib.request.urlopen(f"{fuzzed.url}/openapi.json", timeout=10) as answer:
        declared = json.load(answer)
    for operations in declared["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("default")
    return declared


@pytest.fixture(scope="module")
def known_things(fuzzed: RunningServer) -> dict[str, str]:
    """Something of each kind that administrators manage, by the name of the parameter that names it."""
    return administered.make_things(fuzzed)


@pytest.fixture(scope="module")
def known_ids(fuzzed: RunningServer) -> list[str]:
    """One document done, one failed, one cancelled, one that was on its way when the fuzzing began."""
    return asyncio.run(_send_some(fuzzed))


async def _send_some(server: RunningServer) -> list[str]:
    clerk = Person(server)

    async def ended(analysis_id: str) -> str:
        await eventually(lambda: _has_ended(clerk, analysis_id), 60)
        return analysis_id

    try:
        _, done = await clerk.send(b"CNPJ 11.222.333/0001-81", **ASKED)
        _, broken = await clerk.send(b"%PDF-1.7\nnothing", **ASKED, Filename="nota.pdf")
        _, cancelled = await clerk.send(b"CNPJ 11.222.333/0001-82", **ASKED)
        await clerk.call("DELETE", f"/queue/{cancelled['id']}")
        ids = [await ended(done["id"]), await ended(broken["id"]), cancelled["id"]]
        _, waiting = await clerk.send(b"CNPJ 11.222.333/0001-83", **ASKED)
        return [*ids, waiting["id"]]
    finally:
        await clerk.close()


async def _has_ended(clerk: Person, analysis_id: str) -> bool:
    _, item = await clerk.call("GET", f"/queue/{analysis_id}")
    return item["status"] in ("done", "error")


def test_every_operation_is_fuzzed_and_every_field_told(document: dict[str, Any]) -> None:
    declared = {(method, path) for path, operations in document["paths"].items() for method in operations}
    assert declared == set(OPERATIONS) | UNFUZZED
    parameters = document["paths"]["/upload"]["post"]["parameters"]
    assert {parameter["name"].lower() for parameter in parameters} == set(FIELDS)
    form = document["paths"]["/upload"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert {name.replace("_", "-") for name in form["properties"]} == {*FIELDS, "file"}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whatever_is_sent_the_answer_is_as_declared(
    fuzzed: RunningServer, document: dict[str, Any], request: pytest.FixtureRequest, method: str, path: str
) -> None:
    load_all_checks()
    known_ids: list[str] = request.getfixturevalue("known_ids")
    things: dict[str, str] = request.getfixturevalue("known_things") if path.startswith("/admin/") else {}
    operation = schemathesis.openapi.from_dict(document)[path][method]
    takes_input = bool(operation.path_parameters or operation.query or operation.headers or operation.body)
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if takes_input else [GenerationMode.POSITIVE]
    ids = st.none() | st.sampled_from(known_ids)
    for mode in modes:
        valid = mode is GenerationMode.POSITIVE

        @CASES
        @given(
            case=operation.as_strategy(generation_mode=mode),
            known=ids if valid else st.none(),
            model=st.sampled_from(MODELS) if valid else st.none(),
        )
        def ask(case: Any, known: str | None, model: str | None) -> None:
            if known and "analysis_id" in case.path_parameters:
                case.path_parameters["analysis_id"] = known
            if known:
                case.path_parameters |= {name: things[name] for name in case.path_parameters.keys() & things.keys()}
            if model and isinstance(case.body, dict) and "model" in case.body:
                case.body["model"] = model
            case.call_and_validate(fuzzed.url, headers={"Key": fuzzed.key}, checks=CHECKS, timeout=30)

        ask()
