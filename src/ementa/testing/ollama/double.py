"""Runs the double in a thread of its own, so that a test's event loop may block or be absent."""

import asyncio
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from aiohttp import web

from ementa.testing.ollama.catalogue import DEFAULT_MODELS, DoubleModel
from ementa.testing.ollama.generation import Brain, Rules
from ementa.testing.ollama.library import Library
from ementa.testing.ollama.memory import Memory
from ementa.testing.ollama.routes import Routes
from ementa.testing.ollama.stats import Stats


class OllamaDouble:
    """An Ollama server on the loopback interface. A context manager, plain or async; stop and start again at will."""

    def __init__(
        self,
        models: Sequence[DoubleModel] = DEFAULT_MODELS,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        brain: Brain | None = None,
        lists_capabilities: bool = True,
        max_loaded: int = 0,
        load_seconds: float = 0.0,
    ) -> None:
        """`port` 0 takes a free one, kept over restarts. `brain` answers instead of the rules.

        `lists_capabilities` false makes `/api/tags` as short as that of servers before 0.31. `max_loaded` models fit in
        memory, 0 is any number; loading one takes `load_seconds`.
        """
        self.stats = Stats()
        self.port = port
        self._host = host
        self.library = Library(models, self.stats, lists_capabilities=lists_capabilities)
        self._routes = Routes(self.library, Memory(self.stats, max_loaded, load_seconds), brain or Rules(), self.stats)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    @property
    def url(self) -> str:
        """Where it listens, fit for OLLAMA_HOST."""
        return f"http://{self._host}:{self.port}"

    def start(self) -> Self:
        """Listen; returns when it does."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="ollama double", daemon=True)
        self._thread.start()
        ready.wait(10)
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Stop listening and break what is in progress. Safe to call twice."""
        if self._thread is None or self._loop is None or self._stopping is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)
        self._thread = self._loop = self._stopping = None

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:
            self._failure = error
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        runner = web.AppRunner(
            self._routes.application(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await runner.setup()
        site = web.TCPSite(runner, self._host, self.port, reuse_address=True)
        await site.start()
        self.port = runner.addresses[0][1]
        ready.set()
        await self._stopping.wait()
        await runner.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)
