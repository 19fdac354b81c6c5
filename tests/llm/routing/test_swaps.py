"""Where few models fit in memory: those loaded go first, and nobody is passed over too long."""

import asyncio
import random

import pytest

from ementa.llm.routing.floor import Floor


class Host:
    """A server that holds `loaded` models, run through time step by step: each request takes one second, each load of
    a model three."""

    def __init__(self, max_loaded: int, patience: float, places: int = 1) -> None:
        self.places = places
        self.now = 0.0
        self.floor = Floor(1000, max_loaded, patience, lambda: self.now)
        self.size = max_loaded
        self.memory: list[str] = []
        self.loads = 0
        self.waits: list[float] = []
        self.running: list[tuple[float, str]] = []
        self.random = random.Random(7)

    def come(self, model: str) -> asyncio.Task[None]:
        return asyncio.create_task(self._serve(model, self.now))

    async def _serve(self, model: str, came: float) -> None:
        line = self.floor.line(model, self.places)
        await self.floor.enter(line, "t", "u")
        self.waits.append(self.now - came)
        seconds = 1.0
        if model in self.memory:
            self.memory.remove(model)
        else:
            self.loads += 1
            seconds += 3.0
        self.memory = [*self.memory, model][-self.size :]
        self.running.append((self.now + seconds, model))

    async def step(self) -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.now += 0.5
        for end, model in [entry for entry in self.running if entry[0] <= self.now]:
            self.running.remove((end, model))
            self.floor.leave(self.floor.lines[model], 1.0)

    async def finish(self) -> None:
        while self.running or any(line.waiting for line in self.floor.lines.values()):
            await self.step()
        await self.step()


async def serve_all(host: Host, models: str, together: int) -> None:
    tasks = []
    for position, model in enumerate(models):
        tasks.append(host.come(model))
        if position % together == 0:
            await host.step()
    await host.finish()
    await asyncio.gather(*tasks)


async def test_requests_for_the_loaded_model_go_first() -> None:
    ordered, plain = Host(1, 60.0), Host(1, 0.0)
    models = "ab" * 30
    await serve_all(ordered, models, 4)
    await serve_all(plain, models, 4)
    assert len(ordered.waits) == len(plain.waits) == 60
    assert ordered.loads <= 6
    assert plain.loads > 4 * ordered.loads
    assert ordered.now < plain.now / 2


@pytest.mark.parametrize("max_loaded", [1, 2])
@pytest.mark.parametrize("places", [1, 2, 3])
async def test_nobody_is_passed_over_longer_than_the_patience(max_loaded: int, places: int) -> None:
    host = Host(max_loaded, 8.0, places)
    tasks: list[asyncio.Task[None]] = []

    async def flood() -> None:
        """Half a second in which more come for the models that are loaded."""
        for model in "ab"[:max_loaded]:
            if host.floor.line(model, places).waiting < 2:
                tasks.append(host.come(model))
        await host.step()

    while host.now < 20:
        await flood()
    came = host.now
    rare = host.come("z")
    while not rare.done():
        await flood()
        assert host.now - came <= 8.0 + 6.0, "passed over although its patience was over"
    assert host.now - came >= 7.0, "there was nothing to be patient about"
    await host.finish()
    await asyncio.gather(*tasks)


async def test_no_more_models_at_once_than_fit() -> None:
    host = Host(2, 5.0)
    most = 0
    tasks = [host.come(host.random.choice("abcd")) for _ in range(40)]
    while any(not task.done() for task in tasks) or host.running:
        await host.step()
        most = max(most, len({model for _, model in host.running}))
    assert most == 2
    assert all(wait < 200 for wait in host.waits)


async def test_what_the_server_says_is_loaded_counts() -> None:
    host = Host(1, 60.0)
    host.floor.observe(["b"])
    holder = asyncio.create_task(host.floor.enter(host.floor.line("x", 1), "", ""))
    await asyncio.sleep(0)
    waiting = {name: asyncio.create_task(host.floor.enter(host.floor.line(name, 1), "", "")) for name in "ab"}
    await asyncio.sleep(0)
    assert holder.done()
    assert not any(task.done() for task in waiting.values())
    host.floor.leave(host.floor.lines["x"])
    await asyncio.sleep(0)
    assert waiting["a"].done() != waiting["b"].done()
    assert list(host.floor.resident)[-1] in "ab"
    for name in [name for name, task in waiting.items() if task.done()]:
        host.floor.leave(host.floor.lines[name])
    await asyncio.sleep(0)
    await asyncio.gather(*waiting.values())


async def test_a_server_that_holds_all_it_is_asked_for_orders_nothing() -> None:
    host = Host(0, 0.0)
    floor = host.floor
    for name in "abcdefgh":
        assert floor.enter_now(floor.line(name, 1))
    assert floor.resident == {}.keys()


async def test_whoever_gives_up_holds_nobody_back() -> None:
    host = Host(1, 5.0)
    floor = host.floor
    busy = floor.line("a", 2)
    assert floor.enter_now(busy)
    passed_over = asyncio.create_task(floor.enter(floor.line("b", 1), "", ""))
    await asyncio.sleep(0)
    host.now = 6.0  # its patience is over: `a` makes room, though it has a free place
    held = asyncio.create_task(floor.enter(busy, "", ""))
    await asyncio.sleep(0)
    assert not held.done()
    passed_over.cancel()
    await asyncio.gather(passed_over, return_exceptions=True)
    await asyncio.sleep(0)
    assert held.done()
    floor.leave(busy)
    floor.leave(busy)
    assert busy.running == 0
