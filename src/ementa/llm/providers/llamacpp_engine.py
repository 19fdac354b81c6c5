"""llama.cpp inside this process, behind the loopback port that it always opens.

The port takes only requests with a key made for the occasion, allows no other origin (its default is any), and serves
no pages. The engine starts threads: it is made at the first use, never before a fork.
"""

import asyncio
import os
import secrets
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ementa.kit.registry import AdapterMissing
from ementa.llm.errors import ModelFailed
from ementa.llm.providers.llamacpp_file import GgufFacts, Kind

PROMPT_CACHE_MB = 256
"""Memory for prompts already read; llama.cpp's own default is 8 GB."""
_PACKAGE = "xllamacpp"


class Engine:
    """One loaded model."""

    def __init__(self, server: Any, key: str) -> None:
        """`server` is an `xllamacpp.Server` that listens."""
        self._server = server
        self.url = f"{server.listening_address}/v1"
        self.key = key

    async def close(self) -> None:
        """Free its memory and threads; what it was answering breaks off."""
        await asyncio.to_thread(self._free)

    def _free(self) -> None:
        self._server = None


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
        library: Any = import_module(_PACKAGE)
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
        return Engine(await asyncio.to_thread(library.Server, parameters), key)
    except RuntimeError as error:
        raise ModelFailed(model=name, cause=f"llama.cpp cannot load {path.name} ({error})") from error


def _set_kind(library: Any, parameters: Any, kind: Kind, context_tokens: int, *, pools: bool) -> None:
    if kind == "chat":
        return
    parameters.embedding = True
    parameters.n_batch = parameters.n_ubatch = context_tokens  # a text is read in one go, or not at all
    if kind == "rerank":
        parameters.pooling_type = library.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
    elif not pools:
        parameters.pooling_type = library.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
