"""The servers that are measured, each in processes of its own: the fast double of a model server, the bare proxy,
Ementa, and LiteLLM's proxy in a virtual environment of its own."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from ementa.testing.server import KEY, RunningServer, free_port

MODEL = "fast"
LITELLM = "litellm[proxy]==1.106.2"
PEERS = Path(__file__).parent.parent / "peers"


@dataclass(frozen=True)
class Target:
    """Where requests are sent, and whose CPU is counted."""

    name: str
    port: int
    pid: int
    model: str = MODEL
    key: str = KEY

    def cpu_seconds(self) -> float:
        """CPU time of the process and its children so far."""
        process = psutil.Process(self.pid)
        total = 0.0
        for one in (process, *process.children(recursive=True)):
            times = one.cpu_times()
            total += times.user + times.system
        return total

    def rss_mb(self) -> float:
        """Resident memory of the process and its children."""
        process = psutil.Process(self.pid)
        return sum(one.memory_info().rss for one in (process, *process.children(recursive=True))) / 1e6


@contextmanager
def started(data: Path, *, peers: bool = True) -> Generator[dict[str, Target]]:
    """All of them, by name; `direct` is the double itself."""
    with ExitStack() as stack:
        upstream = free_port()
        double = _module("ementa.testing.openai.fast", "--port", str(upstream))
        targets = {"direct": Target("direct", upstream, stack.enter_context(_run(double, upstream, "/v1/models")))}
        port = free_port()
        bare = _module("benchmarks.gateway.bare", str(port), f"http://127.0.0.1:{upstream}")
        targets["bare"] = Target("bare", port, stack.enter_context(_run(bare, port, "/docs")))
        ementa = stack.enter_context(
            RunningServer(
                data / "ementa",
                {
                    "OLLAMA_HOST": "",
                    "EMENTA_LLM__OLLAMA_HOSTS": "[]",
                    "EMENTA_OPENAI_HOSTS": f"http://127.0.0.1:{upstream}/v1",
                    "EMENTA_LLM__REQUESTS_PER_MINUTE": "100000000",
                    "EMENTA_LLM__TOKENS_PER_MINUTE": "1000000000000",
                    "EMENTA_LLM__REMOTE_CONCURRENCY": "1000",
                },
            )
        )
        targets["ementa"] = Target("ementa", ementa.port, ementa.pid)
        if peers:
            targets["litellm"] = stack.enter_context(_litellm(data, upstream))
        yield targets


@contextmanager
def _litellm(data: Path, upstream: int) -> Generator[Target]:
    python = PEERS / "litellm" / "bin" / "python"
    if not (python.parent / "litellm").exists():
        subprocess.run([sys.executable, "-m", "venv", PEERS / "litellm"], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", LITELLM], check=True)
    config = data / "litellm.yaml"
    config.write_text(
        f"model_list:\n  - model_name: {MODEL}\n    litellm_params:\n      model: openai/{MODEL}\n"
        f"      api_base: http://127.0.0.1:{upstream}/v1\n      api_key: none\n"
        f"general_settings:\n  master_key: sk-{KEY}\nlitellm_settings:\n  telemetry: false\n",
        encoding="utf-8",
    )
    port = free_port()
    command = [str(python.parent / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "DISABLE_ADMIN_UI": "True"}
    with _run(command, port, "/health/liveliness", quiet, seconds=120) as pid:
        yield Target("litellm", port, pid, key=f"sk-{KEY}")


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


@contextmanager
def _run(
    command: list[str], port: int, path: str, environment: dict[str, str] | None = None, seconds: float = 30
) -> Generator[int]:
    process = subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(f"http://127.0.0.1:{port}{path}", process, seconds)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _await(url: str, process: "subprocess.Popen[bytes]", seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} did not come up")
