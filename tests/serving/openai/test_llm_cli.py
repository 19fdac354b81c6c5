"""The `llm` command line, unchanged, told of Ementa by its own file of extra models; it speaks to nobody else."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from people import eventually

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
MODEL = """\
- model_id: {name}
  model_name: {model}
  api_base: {url}/v1
  api_key_name: ementa
  supports_tools: true
  supports_schema: true
  vision: true
  {more}
"""
# Every connection that the process opens is written down, and refused unless it goes to Ementa.
WATCH = """\
import socket
_connect = socket.socket.connect
def connect(self, address):
    with open({log!r}, "a") as log:
        log.write(f"{{address}}\\n")
    if isinstance(address, tuple) and address[1] != {port}:
        raise OSError("not allowed")
    return _connect(self, address)
socket.socket.connect = connect
"""


class Shell:
    """Somebody's machine with `llm` on it."""

    def __init__(self, home: Path, server: RunningServer) -> None:
        self.home = home
        self.port = server.port
        self.environment = {
            "LLM_USER_PATH": str(home),
            "PYTHONPATH": str(home / "site"),
            "HOME": str(home),
            "OPENAI_BASE_URL": f"{server.url}/v1",  # for vectors, whose models `llm` lets nobody add
            "OPENAI_API_KEY": server.key,
        }
        models = [
            MODEL.format(name="ementa", model="qwen2:7b", url=server.url, more=""),
            MODEL.format(name="visao", model="gemma3:4b", url=server.url, more=""),
            MODEL.format(name="novo", model="qwen2:7b", url=server.url, more="responses: true"),
            MODEL.format(name="antigo", model="qwen2:7b", url=server.url, more="completion: true"),
        ]
        (home / "extra-openai-models.yaml").write_text("".join(models))
        (home / "keys.json").write_text(json.dumps({"ementa": server.key}))
        (home / "site").mkdir()
        watch = WATCH.format(log=str(home / "connections"), port=server.port)
        (home / "site" / "sitecustomize.py").write_text(watch)

    def __call__(self, *arguments: str) -> str:
        """What the command prints, which must end well and have spoken to Ementa alone."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "LLM_"))}
        done = subprocess.run(
            [sys.executable, "-m", "llm", *arguments],
            env={**kept, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stderr
        connections = (self.home / "connections").read_text().splitlines()
        assert connections
        assert all(str(self.port) in connection for connection in connections), connections
        return done.stdout


@pytest.fixture
def llm(tmp_path: Path, server: RunningServer) -> Shell:
    return Shell(tmp_path, server)


def test_a_conversation_whole_and_in_pieces(llm: Shell) -> None:
    for stream in ((), ("--no-stream",)):
        assert llm("prompt", "-m", "ementa", *stream, "oi").strip() == "Resposta à pergunta: oi"
    assert "oi" in llm("prompt", "-m", "ementa", "-s", "Seja breve", "-o", "temperature", "0.2", "oi")
    assert "mais" in llm("prompt", "-m", "ementa", "-c", "e mais?")  # goes on where it was


def test_the_other_addresses(llm: Shell) -> None:
    assert llm("prompt", "-m", "novo", "oi").strip() == "Resposta à pergunta: oi"
    assert llm("prompt", "-m", "antigo", "--no-stream", "oi").strip() == "Resposta à pergunta: oi"


def test_a_tool(llm: Shell, upstream: OllamaDouble) -> None:
    function = 'def previsao(cidade: str) -> str:\n    "Previsão do tempo de uma cidade"\n    return "Chove em Recife"'
    for model in ("ementa", "novo"):
        answer = llm("prompt", "-m", model, "--functions", function, "Qual a previsão do tempo em Recife?")
        assert "Chove em Recife" in answer
        roles = [message["role"] for message in upstream.stats.bodies[-1]["messages"]]
        assert roles == ["user", "assistant", "tool"]


def test_a_schema(llm: Shell) -> None:
    answer = json.loads(llm("prompt", "-m", "ementa", "--schema", "cnpj, parcelas int", "[7] CNPJ: 11.222.333/0001-81"))
    assert set(answer) == {"cnpj", "parcelas"}
    assert "11.222.333/0001-81" in answer["cnpj"]


def test_an_image(llm: Shell, tmp_path: Path, upstream: OllamaDouble) -> None:
    (tmp_path / "nota.png").write_bytes(PIXEL)
    assert llm("prompt", "-m", "visao", "-a", str(tmp_path / "nota.png"), "O que é?")
    assert upstream.stats.bodies[-1]["messages"][-1]["images"] == [base64.b64encode(PIXEL).decode()]


async def test_vectors(llm: Shell, server: RunningServer, http: aiohttp.ClientSession) -> None:
    alias = {"target": "all-minilm:latest"}
    headers = {"Key": server.key}
    async with http.put(f"{server.url}/admin/aliases/text-embedding-3-small", headers=headers, json=alias) as answer:
        assert answer.status in (200, 201), await answer.text()

    async def known() -> bool:
        async with http.get(f"{server.url}/v1/models/text-embedding-3-small", headers=headers) as answer:
            return answer.status == 200

    await eventually(known)
    vector = json.loads(await asyncio.to_thread(llm, "embed", "-m", "3-small", "-c", "nota fiscal", "-f", "json"))
    assert len(vector) == 384


def test_a_failure_is_told(llm: Shell, server: RunningServer) -> None:
    (llm.home / "keys.json").write_text(json.dumps({"ementa": "wrong"}))
    with pytest.raises(AssertionError, match="Credencial ausente ou inválida"):
        llm("prompt", "-m", "ementa", "oi")
