"""Model servers made of plain classes, which do what a test tells them to, and a gateway in front of them."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from ementa.llm.ask import Ask
from ementa.llm.base import Forward
from ementa.llm.calls import CallRecord
from ementa.llm.errors import ModelUnavailable, ServerUnreachable, server_unreachable
from ementa.llm.gateway import Gateway
from ementa.llm.settings import LlmSettings
from ementa.llm.types import (
    Caller,
    ChatDelta,
    ChatRequest,
    ChatResult,
    EmbedRequest,
    EmbedResult,
    Message,
    ModelInfo,
    PullProgress,
    RerankRequest,
    RerankResult,
    ServerHealth,
    Usage,
)

CHAT = ("completion", "tools")
HANG = "hang"


def model(name: str, *capabilities: str, **changes: Any) -> ModelInfo:
    return ModelInfo(name, "fake", **{"context_tokens": 8192, "capabilities": capabilities or CHAT, **changes})


def result(text: str = "ok", finish: str = "stop", **changes: Any) -> ChatResult:
    return ChatResult(
        **{"text": text, "model": "m", "prompt_tokens": 7, "output_tokens": 3, "latency_ms": 1, "finish": finish}
        | changes
    )  # type: ignore[arg-type]


def unreachable() -> ServerUnreachable:
    return server_unreachable("m", ["fake"], "refused")


class Fake:
    """A server. `plan` says what each call does: raise an error, hang, or give these items; the last goes on."""

    def __init__(self, *models: str | ModelInfo, name: str = "fake", plan: Sequence[Any] = (), host: str = "") -> None:
        self.name = name
        self.host = host or f"http://{name}"
        self.infos = {info.name: info for info in (model(m) if isinstance(m, str) else m for m in models)}
        self.plan = list(plan) or [["o", "k"]]
        self.requests: list[Any] = []
        self.asked: list[str] = []
        self.running = 0
        self.peak = 0
        self.alive = True
        self.loaded: tuple[str, ...] = ()
        self.slow = 0.0

    def next(self) -> Any:
        return self.plan.pop(0) if len(self.plan) > 1 else self.plan[0]

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatResult, None]:
        async for piece in self.play(request):
            yield piece if isinstance(piece, ChatDelta | ChatResult) else ChatDelta(text=piece)
        yield result("ok", model=request.model)

    async def play(self, request: Any) -> AsyncGenerator[Any, None]:
        self.requests.append(request)
        script = self.next()
        self.running += 1
        self.peak = max(self.peak, self.running)
        try:
            for step in script if isinstance(script, list) else [script]:
                await asyncio.sleep(self.slow)
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif step == HANG:
                    await asyncio.sleep(3600)
                else:
                    yield step
        finally:
            self.running -= 1

    async def list_models(self) -> list[ModelInfo]:
        self.check("list")
        return list(self.infos.values())

    async def show(self, model: str) -> ModelInfo:
        self.check(f"show {model}")
        if model not in self.infos:
            raise ModelUnavailable(model=model, cause="absent", advice="")
        return self.infos[model]

    async def health(self) -> ServerHealth:
        self.asked.append("health")
        return ServerHealth(
            self.name, self.host, reachable=self.alive, loaded=self.loaded, error="" if self.alive else "refused"
        )

    def check(self, what: str) -> None:
        self.asked.append(what)
        if not self.alive:
            raise unreachable()


class Passed:
    """An answer on its way through."""

    def __init__(self, pieces: AsyncIterator[bytes], used: Usage) -> None:
        self.content_type = "text/event-stream"
        self.chunks = pieces
        self.used = used

    def usage(self) -> Usage:
        return self.used


class Forwarding(Fake):
    """A server that speaks OpenAI's dialect, or the one named."""

    def __init__(self, *models: str | ModelInfo, dialect: str = "openai", **changes: Any) -> None:
        super().__init__(*models, **{"name": "openai", **changes})
        self.dialect = dialect
        self.used = Usage(11, 5, 2, "stop")
        self.left = 0

    @asynccontextmanager
    async def forward(self, call: Forward) -> AsyncGenerator[Passed, None]:
        pieces = self.play(call)
        try:
            yield Passed(self._bytes(pieces), self.used)
        finally:
            self.left += 1
            await pieces.aclose()

    async def _bytes(self, pieces: AsyncGenerator[Any, None]) -> AsyncGenerator[bytes, None]:
        async for piece in pieces:
            yield piece if isinstance(piece, bytes) else str(piece).encode()


class Verbs(Fake):
    """A server that embeds, reranks, and manages its models."""

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        async for _ in self.play(request):
            pass
        return EmbedResult([[1.0]] * len(request.texts), request.model, 9, 1)

    async def rerank(self, request: RerankRequest) -> RerankResult:
        async for _ in self.play(request):
            pass
        return RerankResult([0.5] * len(request.documents), request.model, 8, 1)

    async def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        self.check(f"pull {model}")
        yield PullProgress("pulling", 1, 2)
        self.infos[model] = ModelInfo(model, "fake", capabilities=CHAT)
        yield PullProgress("success", 2, 2)

    async def delete(self, model: str) -> None:
        self.check(f"delete {model}")
        del self.infos[model]

    async def warm(self, model: str) -> None:
        self.check(f"warm {model}")
        self.loaded = (*self.loaded, model)

    async def unload(self, model: str) -> None:
        self.check(f"unload {model}")
        self.loaded = tuple(name for name in self.loaded if name != model)


class House:
    """A gateway in front of fake servers, and what it tells its observers."""

    def __init__(
        self, *servers: Fake, answers: Any = None, price: Callable[[str], float | None] | None = None, **settings: Any
    ) -> None:
        self.records: list[CallRecord] = []
        chosen = LlmSettings(**{"ollama_hosts": (), "health_seconds": 0, "cache": "off", **settings})
        self.gateway = Gateway(chosen, providers=servers, observers=[self.records.append], answers=answers, price=price)

    async def __aenter__(self) -> "House":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.gateway.close()

    @property
    def last(self) -> CallRecord:
        return self.records[-1]

    def free(self) -> bool:
        """Whether no place is taken and nobody waits."""
        return all(
            line.running == line.waiting == 0
            for server in self.gateway.states()
            for line in server.floor.lines.values()
        ) and not any(server.requests for server in self.gateway.states())


def chat(name: str = "m", text: str = "oi", **changes: Any) -> ChatRequest:
    return ChatRequest(**{"model": name, "messages": [Message("user", text)], **changes})


def ask(
    name: str = "m",
    text: str = "oi",
    *,
    stream: bool = False,
    dialect: str = "openai",
    caller: Caller | None = None,
    use_cache: bool | None = None,
    timeout_seconds: float | None = None,
    request: ChatRequest | None = None,
    **body: Any,
) -> Ask:
    """A question that came through OpenAI's door, or the one named."""
    whole = {"model": name, "messages": [{"role": "user", "content": text}], "stream": stream, **body}
    path = {"openai": "/chat/completions", "ollama": "/api/chat"}.get(dialect, "")
    neutral = request or chat(name, text)
    return Ask(
        name, lambda: neutral, stream=stream, dialect=dialect, path=path, body=whole if dialect else {},
        caller=caller or Caller(tenant="t", user="u"), use_cache=use_cache, timeout_seconds=timeout_seconds,
    )  # fmt: skip


async def read(house: House, question: Ask) -> bytes | str:
    """The whole answer to a question, as bytes when they were passed through."""
    async with house.gateway.open(question) as answer:
        if answer.native is not None:
            return b"".join([chunk async for chunk in answer.native.chunks])
        assert answer.pieces is not None
        return "".join([item.text async for item in answer.pieces if isinstance(item, ChatResult)])


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        for _ in itertools.count():
            if condition():
                return
            await asyncio.sleep(0.002)


def changed(value: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(value, **changes)
