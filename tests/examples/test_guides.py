"""The commands of the guides, run as a reader would paste them, one after the other."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ementa.testing.ollama.double import OllamaDouble
from ementa.testing.server import RunningServer

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
# Any status of 400 or more fails a command.
CURL = """
set -euo pipefail
curl() { command curl --fail-with-body --max-time 90 "$@"; echo; }
"""

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a reader's shell knows, who runs Ementa on this machine and administers it."""
    folder = tmp_path_factory.mktemp("guides")
    with OllamaDouble() as models, RunningServer(folder / "data", {"OLLAMA_HOST": models.url}) as server:
        yield {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PWD": str(folder),
            "BASE": server.url,
            "KEY": server.key,
            "OLLAMA_HOST": models.url,
            "EMENTA_DATA": str(server.data),
        }


def commands(name: str) -> str:
    """The blocks that call curl or manage models, without the line that says where and with which key."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (GUIDES / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    chosen = [block for block in blocks if re.search(r"^(curl|ementa models)\b", block, re.MULTILINE)]
    return "\n".join(chosen)


def paste(script: str, shell: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", CURL + script], cwd=shell["PWD"], env=shell, capture_output=True, text=True, timeout=170
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("name", ["gateway.md", "gateway.pt-BR.md"])
def test_the_gateway_guide_works_as_written(name: str, shell: dict[str, str]) -> None:
    said = paste(commands(name), shell)
    assert '"reachable":false' in said  # nobody is where the guide's server would be
    ask = 'curl -sS "$BASE/llm/generate" -H "Key: $KEY" -d '
    assert '"model":"qwen2:7b"' in paste(f'{ask}\'{{"model": "auto", "prompt": "Qual é o prazo?"}}\'', shell)
    assert '"model":"llama3.1:8b"' in paste(f'{ask}\'{{"model": "auto", "prompt": "What is it for?"}}\'', shell)
    assert '"model":"llama3.1:8b"' in paste(f'{ask}\'{{"model": "chat-da-casa", "prompt": "Oi"}}\'', shell)
    remove = 'for rule in portugues resto; do curl -sS -X DELETE "$BASE/admin/rules/$rule" -H "Key: $KEY"; done'
    paste(remove, shell)  # the same guide in another language adds them again


@pytest.mark.parametrize("name", ["administration.md", "administration.pt-BR.md"])
def test_the_administration_guide_works_as_written(name: str, shell: dict[str, str]) -> None:
    said = paste(commands(name), shell)
    assert '"key":"ementa_' in said
    assert '"monthly_cost":5000.0' in said
    assert '{"status":"success"}' in said
