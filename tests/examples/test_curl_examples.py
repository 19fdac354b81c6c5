"""Every curl example of the README files and the example script, run as a reader would paste them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ementa.testing.server import RunningServer

ROOT = Path(__file__).parents[2]
# Any status of 400 or more fails an example. The stream of events never ends by itself: two seconds of it are enough.
CURL = r"""
curl() {
  local argument status=0
  for argument in "$@"; do
    case "$argument" in */queue/events)
      command curl --fail-with-body --max-time 2 "$@" || status=$?
      [ "$status" -eq 28 ] || return "$status"
      return 0 ;;
    esac
  done
  command curl --fail-with-body --max-time 90 "$@"
}
set -euo pipefail
"""

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def examples(name: str) -> str:
    """The bash blocks that call curl, one after the other, so that later ones may use what earlier ones set."""
    blocks = re.findall(r"^```bash\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return "\n".join(block for block in blocks if re.search(r"\bcurl\b", block))


def bash(script: str, server: RunningServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BASE": server.url, "KEY": server.key}
    command = ["bash", "-c", script, "bash", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110)


@pytest.mark.parametrize("name", ["README.md", "README.pt-BR.md"])
def test_readme_examples_work_as_written(name: str, server: RunningServer) -> None:
    script = examples(name)
    assert script.count("curl ") >= 10
    done = bash(CURL + script, server)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert '"status":"uploaded"' in done.stdout.replace(" ", "")
    assert '"proof"' in done.stdout
    assert "event: document" in done.stdout


def test_a_failing_example_is_noticed(server: RunningServer) -> None:
    assert bash(CURL + 'curl -sS "$BASE/queue/unknown" -H "Key: $KEY"', server).returncode == 22


def test_the_example_script_prints_the_answer(server: RunningServer) -> None:
    done = bash("examples/curl.sh", server)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert '"proof"' in done.stdout
    assert '"cnpj_emitente": "70.342.566/0001-87"' in done.stdout
    assert '"text": "Resposta à pergunta: Diga bom dia"' in done.stdout
