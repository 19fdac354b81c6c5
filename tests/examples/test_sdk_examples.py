"""The example programs, run as their first lines say."""

import os
import subprocess
import sys
from pathlib import Path

from ementa.testing.server import RunningServer

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, server: RunningServer) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "OPENAI_BASE_URL": f"{server.url}/v1",
        "OPENAI_API_KEY": server.key,
        "OLLAMA_HOST": server.url,
        "OLLAMA_API_KEY": server.key,
    }
    command = [sys.executable, str(EXAMPLES / name)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=110)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


def test_openai_client(server: RunningServer) -> None:
    said = run("openai_sdk.py", server)
    assert "Resposta à pergunta: Diga bom dia" in said
    assert "(gemma3:1b on ollama@127.0.0.1:" in said
    assert "Resposta à pergunta: Conte até cinco" in said
    assert "{'capital': " in said
    assert said.endswith("384 numbers\n")


def test_ollama_client(server: RunningServer) -> None:
    said = run("ollama_sdk.py", server)
    assert "Resposta à pergunta: Diga bom dia" in said
    assert "Resposta à pergunta: Conte até cinco" in said
    assert "prazo_de_entrega {'pedido': " in said
    assert said.endswith("384 numbers\n")
