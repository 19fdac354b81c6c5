"""The models on the double's disk: listed, shown, pulled and deleted."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from aiohttp import web

from ementa.testing.ollama import wire
from ementa.testing.ollama.catalogue import DoubleModel, canonical_name
from ementa.testing.ollama.modes import read_mode
from ementa.testing.ollama.stats import Stats

PULL_BYTES = 100_000
PULL_STEPS = 4
SLOW_STEP_SECONDS = 0.25


class Library:
    """What the double has."""

    def __init__(self, models: Iterable[DoubleModel], stats: Stats, *, lists_capabilities: bool) -> None:
        self.models = {model.name: model for model in models}
        self._stats = stats
        self._lists_capabilities = lists_capabilities

    def listed(self) -> list[dict[str, Any]]:
        """The entries of `/api/tags`."""
        return [model.listed(with_capabilities=self._lists_capabilities) for model in self.models.values()]

    def find(self, name: str) -> DoubleModel | None:
        """A model by any of its names; a misbehaviour is a model too."""
        canonical = canonical_name(name)
        if canonical in self.models:
            return self.models[canonical]
        return DoubleModel(canonical) if read_mode(name) else None

    def get(self, name: str) -> DoubleModel:
        """The same; refuses a name that is missing or unknown."""
        if not name:
            raise wire.Refusal(400, "model is required")
        model = self.find(name)
        if model is None:
            raise wire.Refusal(404, f"model '{name}' not found")
        return model

    def delete(self, name: str) -> None:
        """Remove a model; refuses one that is not there."""
        if self.models.pop(canonical_name(name), None) is None:
            raise wire.Refusal(404, f"model '{name}' not found")

    async def pull(self, request: web.Request, name: str, *, streamed: bool) -> web.StreamResponse:
        """A download: its progress, or only its end. An error after the first line comes under status 200."""
        self._stats.pulling += 1
        try:
            if not streamed:
                *_, last = self._steps(name)
                return wire.answer(last, 500 if "error" in last else 200)
            response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
            await response.prepare(request)
            for step in self._steps(name):
                await response.write(wire.encode(step) + b"\n")
                await asyncio.sleep(SLOW_STEP_SECONDS if name.startswith("slow-pull") else 0)
            return response
        finally:
            self._stats.pulling -= 1

    def _steps(self, name: str) -> Iterator[dict[str, Any]]:
        """The lines of a download; the model is there when `success` is told."""
        yield {"status": "pulling manifest"}
        if name.startswith("not-found"):
            yield {"error": "pull model manifest: file does not exist"}
            return
        model = self.models.get(canonical_name(name)) or DoubleModel(canonical_name(name))
        layer = {"status": f"pulling {model.digest[:12]}", "digest": f"sha256:{model.digest}", "total": PULL_BYTES}
        for number in range(PULL_STEPS + 1):
            done = PULL_BYTES * number // PULL_STEPS
            yield layer | ({"completed": done} if done else {})
            if name.startswith("fail-pull") and number == PULL_STEPS // 2:
                yield {"error": "max retries exceeded: unexpected EOF"}
                return
        yield {"status": "verifying sha256 digest"}
        yield {"status": "writing manifest"}
        self.models.setdefault(model.name, model)
        yield {"status": "success"}
