"""Remembers answers: the same question by the same tenant, of the same model, gets the answer that it got before.

The key is made of everything that decides an answer and of nothing else. A store that fails or is slow loses answers,
never requests.
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from typing import Any, cast

import msgspec
import orjson

from ementa.llm.answers import AnswerStore
from ementa.llm.settings import LlmSettings
from ementa.llm.types import SYSTEM, Caller, ChatRequest, ChatResult, ModelInfo, Usage

log = logging.getLogger(__name__)

GET_SECONDS = 0.5
"""How long an answer is looked for before the model is asked instead."""
MOST_BYTES = 1_000_000
"""Longest answer that is remembered."""
MOST_PUTS = 64
"""Answers on their way to the store; beyond that they are not remembered."""
COMPLETE = frozenset({"stop", "tool_calls"})
_FORM = 1
_NO_MATTER = frozenset(
    {
        "model",
        "stream",
        "user",
        "metadata",
        "store",
        "keep_alive",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "service_tier",
    }
)
"""Fields of a body that decide nothing of the answer, or are in the key by themselves."""


class Remembered(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer as it is stored: neutral, or the bytes that were passed through."""

    form: int
    model: str
    provider: str
    server: str
    usage: Usage
    result: ChatResult | None = None
    content_type: str = ""
    data: bytes = b""


_DECODER = msgspec.msgpack.Decoder(Remembered)


class Memory:
    """The remembered answers of one gateway."""

    def __init__(self, store: AnswerStore | None, settings: LlmSettings) -> None:
        """Without a `store` nothing is remembered."""
        self._store = store
        self._policy = settings.cache
        self._seconds = float(settings.cache_seconds)
        self._puts: set[asyncio.Task[None]] = set()

    def wants_body(self, use_cache: bool | None, body: Mapping[str, Any]) -> bool:
        """Whether the answer to a body that is passed on may be one given before."""
        if self._store is None or use_cache is False:
            return False
        if use_cache or self._policy == "all":
            return True
        options = body.get("options")
        given = cast("dict[str, Any]", options) if isinstance(options, dict) else body
        return self._policy == "deterministic" and given.get("temperature") == 0

    def wants(self, use_cache: bool | None, request: ChatRequest) -> bool:
        """The same of a neutral request."""
        if self._store is None or use_cache is False:
            return False
        if use_cache or self._policy == "all":
            return True
        return self._policy == "deterministic" and request.temperature == 0

    async def recall(self, key: str) -> Remembered | None:
        """The answer remembered under `key`, if there is one that can be read."""
        if self._store is None or not key:
            return None
        try:
            async with asyncio.timeout(GET_SECONDS):
                content = await self._store.get(key)
            found = _DECODER.decode(content) if content else None
        except Exception as error:  # whatever a store does, the model can be asked
            log.warning("cannot read a remembered answer", extra={"cause": f"{type(error).__name__}: {error}"})
            return None
        return found if found is not None and found.form == _FORM else None

    def keep_result(self, key: str, tenant: str, result: ChatResult) -> None:
        """Remember a neutral answer, if it is complete."""
        if result.finish in COMPLETE:
            usage = Usage(result.prompt_tokens, result.output_tokens, finish=result.finish)
            self._keep(
                key, tenant, Remembered(_FORM, result.model, result.provider, result.server, usage, result=result)
            )

    def keep_bytes(self, key: str, tenant: str, answer: Remembered) -> None:
        """Remember bytes that were passed through, if they are a complete answer."""
        if answer.usage.finish in COMPLETE:
            self._keep(key, tenant, answer)

    async def close(self) -> None:
        """Wait a moment for answers on their way to the store. The store is closed by whoever made it."""
        if self._puts:
            await asyncio.wait(self._puts, timeout=GET_SECONDS)
        for task in list(self._puts):
            task.cancel()

    def _keep(self, key: str, tenant: str, answer: Remembered) -> None:
        if self._store is None or not key or len(self._puts) >= MOST_PUTS:
            return
        content = msgspec.msgpack.encode(answer)
        if len(content) <= MOST_BYTES:
            task = asyncio.create_task(self._put(self._store, key, tenant, content), name="remember an answer")
            self._puts.add(task)
            task.add_done_callback(self._puts.discard)

    async def _put(self, store: AnswerStore, key: str, tenant: str, content: bytes) -> None:
        try:
            await store.put(key, tenant, content, self._seconds)
        except Exception as error:  # the answer has long been given
            log.warning("cannot remember an answer", extra={"cause": f"{type(error).__name__}: {error}"})


def made_of(content_type: str, data: bytes, usage: Usage, who: tuple[str, str, str]) -> Remembered:
    """Bytes that were passed through, as they are stored; `who` are model, provider and server."""
    return Remembered(_FORM, *who, usage, content_type=content_type, data=data)


def key_of_body(caller: Caller, info: ModelInfo, dialect: str, path: str, body: Mapping[str, Any], stream: bool) -> str:
    """The key of a body that is passed on; empty when it cannot be written down.

    The order of a body's own fields does not matter. That of a schema's properties does: models answer in it.
    """
    fields = sorted((name, value) for name, value in body.items() if name not in _NO_MATTER)
    said = [[name, _sorted(value) if name == "options" else value] for name, value in fields]
    return _digest(caller, info, [dialect, path, stream, said])


def key_of(caller: Caller, info: ModelInfo, request: ChatRequest) -> str:
    """The key of a neutral request, whether its answer is streamed or not."""
    plain = msgspec.structs.replace(request, model="", caller=SYSTEM, use_cache=None, timeout_seconds=None)
    return _digest(caller, info, ["", msgspec.to_builtins(plain)])


def _digest(caller: Caller, info: ModelInfo, question: list[Any]) -> str:
    version = info.digest or info.modified_at
    try:
        text = orjson.dumps([_FORM, caller.tenant, caller.visible, info.provider, info.name, version, question])
    except TypeError:  # half a surrogate pair, an endless number: rare, and not worth remembering
        return ""
    return hashlib.sha256(text).hexdigest()


def _sorted(value: Any) -> Any:
    return sorted(cast("dict[str, Any]", value).items()) if isinstance(value, dict) else value
