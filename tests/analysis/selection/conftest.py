"""Documents made of lines, and an analysis of them from end to end: the three functions of the kernel."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from ementa.analysis import deciding, kernel
from ementa.analysis.settings import AnalysisSettings
from ementa.analysis.spec import encode_spec, parse_spec
from ementa.analysis.types import LeafProof, Outcome
from ementa.extraction.base import Limits
from ementa.extraction.native import PageBuilder
from ementa.extraction.types import Extraction, to_bytes
from ementa.llm.types import ChatRequest, ChatResult


class Result(NamedTuple):
    response: Any
    proof: dict[str, LeafProof]
    outcome: Outcome
    schema: dict[str, Any]


Script = Callable[[ChatRequest], str | ChatResult]


class ChatDouble:
    """A model that answers as a function says, and remembers what it was asked."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[ChatRequest] = []

    async def __call__(self, request: ChatRequest) -> ChatResult:
        self.requests.append(request)
        answer = self.script(request)
        return reply(answer, request.model) if isinstance(answer, str) else answer


def reply(text: str, model: str = "gemma3:1b", finish: Any = "stop") -> ChatResult:
    return ChatResult(text=text, model=model, prompt_tokens=100, output_tokens=10, latency_ms=5, finish=finish)


def document(*pages: str) -> Extraction:
    builder = PageBuilder(Limits())
    for number, page in enumerate(pages):
        if number:
            builder.page_break()
        for line in page.strip().splitlines():
            builder.paragraph(line)
    return Extraction(media_type="text/plain", pages=builder.pages(), engine="test", language="pt")


async def analyse(
    extraction: Extraction,
    prompt: str,
    form: Any,
    chat: ChatDouble | None = None,
    options: deciding.Options | None = None,
    example: Any = None,
) -> Result:
    spec = parse_spec(json.dumps(form), None if example is None else json.dumps(example), AnalysisSettings())
    stored, read = encode_spec(spec), to_bytes(extraction)
    prepared = kernel.prepare(read, stored, prompt)
    chosen = options or deciding.Options(model="gemma3:1b" if chat else "ementa-reader")
    selection = await deciding.select(prepared, prompt, chat, chosen)
    outcome = msgspec.msgpack.decode(kernel.assemble(read, stored, deciding.encode_selection(selection)), type=Outcome)
    return Result(outcome.response, {leaf.path: leaf for leaf in outcome.proof}, outcome, spec.schema)


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        parts = {f"{path}/{key.replace('~', '~0').replace('/', '~1')}": inner for key, inner in value.items()}
    elif isinstance(value, list):
        parts = {f"{path}/{number}": inner for number, inner in enumerate(value)}
    else:
        return {path: value}
    return {pointer: leaf for at, inner in parts.items() for pointer, leaf in leaves(inner, at).items()}


@pytest.fixture
def invoice() -> Extraction:
    return document(
        """
NOTA FISCAL Nº 12345
Emitente: ACME LTDA  CNPJ: 11.222.333/0001-81
Cliente: Fulano de Tal  CPF: 529.982.247-25
Data de emissão: 31/03/2026   Vencimento: 30/04/2026
Valor total: R$ 1.234,56
"""
    )
