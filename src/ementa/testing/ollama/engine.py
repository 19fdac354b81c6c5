"""A real engine behind the double: xllamacpp, in a process of its own, over a model that `tiny_model` makes.

The process is new (never forked from ours) because the engine starts threads when it is imported; the HTTP port that it
always opens on the loopback interface is locked with a key made for the occasion.
"""

import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import aiohttp

from ementa.testing.ollama.generation import Ask, Broke, LimitReached, Refused
from ementa.testing.ollama.tiny_model import CONTEXT, write_tiny_model


class Engine:
    """A `Brain` that really samples. A context manager; slow to start (a second or two), so share it in a session."""

    def __init__(self, model: Path | None = None) -> None:
        """`model` is a GGUF file; without one a tiny random model is made."""
        self._model = model
        self._folder = tempfile.TemporaryDirectory(prefix="ementa-engine-")
        self._key = secrets.token_urlsafe(24)
        self._process: subprocess.Popen[str] | None = None
        self._url = ""

    def __enter__(self) -> Self:
        folder = Path(self._folder.name)
        model = self._model or write_tiny_model(folder / "tiny.gguf")
        log = (folder / "engine.log").open("w")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(model)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{self._key}\n")
        self._process.stdin.flush()
        for line in self._process.stdout:  # the engine may talk before us
            if line.startswith("listening "):
                self._url = line.split()[1]
                return self
        said = (folder / "engine.log").read_text(errors="replace")
        self.__exit__(None, None, None)
        raise RuntimeError(f"the engine did not start:\n{said[-2000:]}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                pipe.close()
            self._process = None
        self._folder.cleanup()

    async def pieces(self, ask: Ask) -> AsyncGenerator[str]:
        """The engine's answer, sampled under the schema's grammar when there is one."""
        body: dict[str, Any] = {
            "messages": list(ask.messages),
            "max_tokens": ask.max_tokens,
            "temperature": ask.options.get("temperature", 0.0),
            "seed": ask.options.get("seed", 0),
            "stream": True,
        }
        if ask.schema is not None:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": ask.schema}}
        headers = {"Authorization": f"Bearer {self._key}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self._url}/v1/chat/completions", json=body, headers=headers) as response,
        ):
            if response.status != 200:
                raise Refused(response.status, _message(await response.json()))
            async for line in response.content:
                data = line.decode().removeprefix("data:").strip()
                if data.startswith("{"):
                    text, reason = _read_event(json.loads(data))
                    if text:
                        yield text
                    if reason == "length":
                        raise LimitReached


def _read_event(event: dict[str, Any]) -> tuple[str, str]:
    """The text of a streamed event and why it is the last, if it is."""
    if "error" in event:
        raise Broke(_message(event))
    choices: list[dict[str, Any]] = event.get("choices") or [{}]
    delta: dict[str, Any] = choices[0].get("delta") or {}
    return str(delta.get("content") or ""), str(choices[0].get("finish_reason") or "")


def _message(event: dict[str, Any]) -> str:
    error: Any = event.get("error")
    return str(cast("dict[str, Any]", error).get("message") if isinstance(error, dict) else error)


def serve(model: str, key: str) -> None:
    """Run the engine in this process until its standard input closes, that is until whoever started it is gone."""
    xllamacpp: Any = import_module("xllamacpp")  # an optional engine, needed in this process only
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.n_ctx = CONTEXT
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = 1
    parameters.api_keys = [key]
    parameters.warmup = False
    parameters.verbosity = -1
    server = xllamacpp.Server(parameters)
    print(f"\nlistening {server.listening_address}", flush=True)  # noqa: T201
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1], sys.stdin.readline().strip())
