"""llama.cpp inside this process, behind the loopback port that it always opens.

The port takes only requests with a key made for the occasion, allows no other origin (its default is any), and serves
no pages. The engine starts threads: it is made at the first use, never before a fork.

Freeing it has two traps, both found the hard way in `xllamacpp` 2026.10: its destructor holds the interpreter's lock
while it waits for its threads, and waits for ever for one that had not begun its loop. So a loaded engine counts as
loaded when it has answered something that its loop must have seen, and is freed only when it has nothing to do.
"""

import asyncio
import logging
import os
import secrets
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ementa.kit.registry import AdapterMissing
from ementa.llm.errors import ModelFailed
from ementa.llm.providers.llamacpp_file import GgufFacts, Kind

PROMPT_CACHE_MB = 256
"""Memory for prompts already read; llama.cpp's own default is 8 GB."""
IDLE_SECONDS, IDLE_PAUSE = 30.0, 0.05
"""How long an engine may take to come to rest before it is freed: one step over a long prompt, on a slow processor."""
ANSWER_SECONDS = 60.0
_PACKAGE = "xllamacpp"
log = logging.getLogger(__name__)


class _Slot(msgspec.Struct):
    is_processing: bool


class Engine:
    """One loaded model."""

    def __init__(self, server: Any, key: str) -> None:
        """`server` is an `xllamacpp.Server` that listens."""
        self._server = server
        self.url = f"{server.listening_address}/v1"
        self.key = key

    def busy(self) -> int:
        """Requests that it is at work on. Blocks for as long as one step of the model takes; raises `OSError`."""
        address = urlsplit(self.url)
        connection = HTTPConnection(str(address.hostname), address.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", "/slots", headers={"Authorization": f"Bearer {self.key}"})
            slots = msgspec.json.decode(connection.getresponse().read(), type=list[_Slot])
        except (HTTPException, msgspec.DecodeError) as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()
        return sum(slot.is_processing for slot in slots)

    async def close(self) -> None:
        """Free its memory and threads. Whoever is connected must have left; what it still does for them is waited for,
        and when that takes too long it is left in memory: freeing it would stop this whole process meanwhile."""
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                while await asyncio.to_thread(self.busy):  # noqa: ASYNC110 - it can only be asked
                    await asyncio.sleep(IDLE_PAUSE)
        except (TimeoutError, OSError) as error:
            _abandoned.append(self._server)
            log.warning("a model cannot be unloaded", extra={"cause": str(error) or "it is still at work"})
        self._server = None


_abandoned: list[Any] = []
"""Engines that never came to rest: kept, because losing the last reference would free them."""


def engine_version() -> str:
    """The installed version; empty when there is none."""
    try:
        return version(_PACKAGE)
    except PackageNotFoundError:
        return ""


async def load(
    path: Path,
    name: str,
    kind: Kind,
    facts: GgufFacts,
    *,
    context_tokens: int,
    slots: int,
    threads: int | None,
    options: Mapping[str, Any],
) -> Engine:
    """Load a GGUF file, in a thread. `slots` requests run at once, each with the whole context. Raises
    `AdapterMissing` when the engine is not installed, `ModelFailed` when it cannot load the file."""
    try:
        library: Any = await asyncio.to_thread(import_module, _PACKAGE)
    except ImportError as error:
        cause = f"{error}; pip install 'ementa[engine]'"
        raise AdapterMissing(name="llamacpp", group="ementa.providers", cause=cause) from error
    key = secrets.token_urlsafe(32)
    parameters = library.CommonParams()
    parameters.model.path = str(path)
    parameters.model_alias = {name}
    parameters.n_parallel = slots
    parameters.n_ctx = context_tokens * slots
    parameters.cpuparams.n_threads = threads or os.cpu_count() or 1
    parameters.n_threads_http = slots + 3  # health and lists are answered while every slot is busy
    parameters.cache_ram_mib = PROMPT_CACHE_MB
    parameters.api_keys = [key]
    parameters.cors_origins = ""
    parameters.ui = False
    parameters.verbosity = -1
    if "gpu_layers" in options:
        parameters.n_gpu_layers = int(options["gpu_layers"])
    if options.get("mmproj"):
        parameters.mmproj.path = str(options["mmproj"])
    _set_kind(library, parameters, kind, context_tokens, pools=facts.pools)
    try:
        return await asyncio.to_thread(_start, library, parameters, key)
    except (RuntimeError, OSError) as error:
        raise ModelFailed(model=name, cause=f"llama.cpp cannot load {path.name} ({error})") from error


def _start(library: Any, parameters: Any, key: str) -> Engine:
    server = library.Server(parameters)
    engine = Engine(server, key)
    try:
        engine.busy()
    except OSError:
        _abandoned.append(server)
        raise
    return engine


def _set_kind(library: Any, parameters: Any, kind: Kind, context_tokens: int, *, pools: bool) -> None:
    if kind == "chat":
        return
    parameters.embedding = True
    parameters.n_batch = parameters.n_ubatch = context_tokens  # a text is read in one go, or not at all
    if kind == "rerank":
        parameters.pooling_type = library.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
    elif not pools:
        parameters.pooling_type = library.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
