"""What administrators configure: stored once, counted, read back whole, noticed, and never half in force."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, text

from ementa.db.database import Database
from ementa.db.secrets import KEY_FILE, SecretBox
from ementa.kit import clock
from ementa.kit.errors import EmentaError
from ementa.llm import queries, service, watch
from ementa.llm.checks import list_kinds
from ementa.llm.config import Alias, Conditions, GatewayConfig, Price, Rule
from ementa.llm.config_errors import AliasCircular, NameTaken, SecretRequired
from ementa.llm.loading import load_config
from ementa.llm.models import ModelCall
from ementa.llm.retention import erase_calls
from ementa.llm.servers import ServerConfig
from ementa.llm.service import RuleDraft, ServerDraft
from ementa.llm.watch import ConfigWatch

SECRET = "sk-7f3a9c51e2b84d06"
KINDS = list_kinds()


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox(tmp_path)


async def add_server(database: Database, box: SecretBox, name: str = "gpu", **more: Any) -> str:
    draft = ServerDraft(name=name, kind="ollama", url="gpu1", **more)
    async with database.transaction() as session:
        return (await service.add_server(session, box, draft)).id


async def load(database: Database, box: SecretBox) -> Any:
    async with database.read() as session:
        return await load_config(session, box, KINDS)


async def test_all_that_is_stored_is_read_back(database: Database, box: SecretBox) -> None:
    assert await load(database, box) == (await load(database, box))
    assert (await load(database, box)).revision == 0
    await add_server(database, box, secret=SECRET, models=("a",), options={"think": "low"})
    await add_server(database, box, "off", enabled=False)
    async with database.transaction() as session:
        await service.put_alias(session, "fast", "gemma3:1b", ["qwen2:7b"], "o rápido")
        await service.add_rule(session, RuleDraft("second", Conditions(min_tokens=10), ("big",)))
        await service.add_rule(session, RuleDraft("first", Conditions(), ("small",), cheapest=True))
        await service.add_rule(session, RuleDraft("off", Conditions(), ("x",), enabled=False))
        await service.order_rules(session, ["first", "second", "off"])
        await service.put_price(session, Price("big", 1.5, 6.0))
    stored = await load(database, box)
    assert stored.problems == {}
    assert stored.config == GatewayConfig(
        servers=(ServerConfig("ollama", "gpu", "http://gpu1:11434", SECRET, ("a",), {"think": "low"}),),
        aliases={"fast": Alias("fast", "gemma3:1b", ("qwen2:7b",), "o rápido")},
        rules=(
            Rule("first", Conditions(), ("small",), cheapest=True),
            Rule("second", Conditions(min_tokens=10), ("big",)),
        ),
        prices=(Price("big", 1.5, 6.0),),
    )
    assert SECRET not in repr(stored)


async def test_every_change_is_counted_and_what_fails_is_not(database: Database, box: SecretBox) -> None:
    counted = []

    async def count() -> None:
        async with database.read() as session:
            counted.append(await queries.revision(session))

    await add_server(database, box)
    await count()
    for change in (
        lambda session: service.put_alias(session, "a", "m"),
        lambda session: service.remove_alias(session, "a"),
        lambda session: service.put_price(session, Price("m", 1)),
        lambda session: service.remove_price(session, "m"),
        lambda session: service.add_rule(session, RuleDraft("r", Conditions(), ("m",))),
        lambda session: service.order_rules(session, ["r"]),
    ):
        async with database.transaction() as session:
            await change(session)
        await count()
    for failing in (
        lambda session: service.put_alias(session, "a", "a"),
        lambda session: service.remove_price(session, "m"),
        lambda session: service.order_rules(session, []),
    ):
        with pytest.raises(EmentaError):
            async with database.transaction() as session:
                await failing(session)
        await count()
    assert counted == [1, 2, 3, 4, 5, 6, 7, 7, 7, 7]


async def test_of_two_that_take_a_name_at_once_one_is_refused(database: Database, box: SecretBox) -> None:
    results = await asyncio.gather(*(add_server(database, box) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(result, str) for result in results) == 1
    assert sum(isinstance(result, NameTaken) for result in results) == 5


async def test_two_aliases_made_at_once_cannot_close_a_circle(database: Database) -> None:
    async def put(name: str, target: str) -> None:
        async with database.transaction() as session:
            await service.put_alias(session, name, target)

    results = await asyncio.gather(put("a", "b"), put("b", "a"), return_exceptions=True)
    assert sorted(type(result) for result in results if result) == [AliasCircular]


async def test_a_secret_is_sealed_for_its_row_and_its_address(database: Database, box: SecretBox) -> None:
    first, second = await add_server(database, box, "1", secret=SECRET), await add_server(database, box, "2")
    async with database.transaction() as session:
        one, two = await service.get_server(session, first), await service.get_server(session, second)
        two.secret = one.secret
        assert one.secret is not None
        assert SECRET.encode() not in one.secret
    stored = await load(database, box)
    assert [server.name for server in stored.config.servers] == ["1"]
    assert stored.problems[second].code == "SECRET_UNREADABLE"
    async with database.transaction() as session:
        row = await service.get_server(session, first)
        with pytest.raises(SecretRequired):
            await service.change_server(session, box, row, ServerDraft("1", "ollama", "elsewhere"))


async def test_a_new_key_takes_over_and_the_old_one_may_go(database: Database, tmp_path: Path) -> None:
    old, new = SecretStr("o" * 20 + "1234567890abcdef"), SecretStr("n" * 20 + "fedcba0987654321")
    server = await add_server(database, SecretBox(tmp_path, old), secret=SECRET)
    await add_server(database, SecretBox(tmp_path, new), "new already", secret=SECRET)
    await add_server(database, SecretBox(tmp_path, old), "none")
    both = SecretBox(tmp_path, SecretStr(f"{new.get_secret_value()},{old.get_secret_value()}"))
    async with database.transaction() as session:
        assert await service.renew_secrets(session, SecretBox(tmp_path, new)) == 0  # the old key is not there
    async with database.transaction() as session:
        assert await service.renew_secrets(session, both) == 1
    async with database.transaction() as session:
        assert await service.renew_secrets(session, both) == 0
    stored = await load(database, SecretBox(tmp_path, new))
    assert stored.problems == {}
    assert {one.name: one.secret for one in stored.config.servers}["gpu"] == SECRET
    assert server in (await load(database, SecretBox(tmp_path, old))).problems


async def test_rows_that_make_no_sense_are_left_out_and_named(database: Database, box: SecretBox) -> None:
    server = await add_server(database, box, secret=SECRET)
    await add_server(database, box, "fine")
    mixed = await add_server(database, box, "mixed")
    async with database.transaction() as session:
        rule = await service.add_rule(session, RuleDraft("odd", Conditions(), ("m",)))
        await session.flush()
        rule.conditions = {"colour": "red"}
        (await service.get_server(session, server)).kind = "unheard-of"
        bare = await service.add_rule(session, RuleDraft("bare", Conditions(), ("m",)))
        await session.flush()
        bare.targets = {}  # type: ignore[assignment]
        (await service.get_server(session, mixed)).models = 5  # type: ignore[assignment]
        (await service.put_alias(session, "casa", "m")).fallbacks = [1, None]  # type: ignore[list-item]
    stored = await load(database, box)
    assert stored.config.aliases == {}
    assert [one.name for one in stored.config.servers] == ["fine"]
    assert stored.config.rules == ()
    assert {name: error.code for name, error in stored.problems.items()} == {
        server: "MODEL_SERVER_KIND_UNKNOWN",
        rule.id: "ROUTING_RULE_INVALID",
        bare.id: "ROUTING_RULE_INVALID",
        mixed: "MODEL_SERVER_UNUSABLE",
        "casa": "NAME_INVALID",
    }


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            if check():
                return
            await asyncio.sleep(0.01)


class Listener:
    """A part of the process that is told of the configuration."""

    def __init__(self) -> None:
        self.told: list[GatewayConfig] = []
        self.failure: Exception | None = None

    async def apply(self, config: GatewayConfig) -> None:
        if self.failure is not None:
            raise self.failure
        self.told.append(config)

    async def hears(self, count: int) -> GatewayConfig:
        """The latest of so many."""
        await until(lambda: len(self.told) >= count)
        return self.told[-1]


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
async def watching(database: Database, box: SecretBox, listener: Listener) -> AsyncIterator[ConfigWatch]:
    watching = ConfigWatch(database, box, KINDS, [listener.apply], look_seconds=0.05)
    await watching.start()
    yield watching
    await watching.stop()


@pytest.mark.usefixtures("watching")
async def test_changes_are_noticed_and_nothing_is_told_without_one(database: Database, listener: Listener) -> None:
    assert await listener.hears(1) == GatewayConfig()
    async with database.transaction() as session:
        await service.put_alias(session, "fast", "m")
    assert (await listener.hears(2)).aliases["fast"].target == "m"
    await asyncio.sleep(0.3)
    assert len(listener.told) == 2


async def test_whoever_changes_something_need_not_wait(
    database: Database, watching: ConfigWatch, listener: Listener
) -> None:
    async with database.transaction() as session:
        await service.put_alias(session, "fast", "m")
    await watching.check()
    assert "fast" in listener.told[-1].aliases
    assert watching.config is listener.told[-1]


async def test_a_part_that_fails_is_told_again(
    database: Database, watching: ConfigWatch, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.failure = RuntimeError("not now")
    async with database.transaction() as session:
        await service.put_alias(session, "fast", "m")
    await until(lambda: "cannot read the configuration" in caplog.text)
    assert watching.config == GatewayConfig()
    listener.failure = None
    assert "fast" in (await listener.hears(2)).aliases


async def test_what_could_not_be_read_is_tried_again(
    database: Database,
    box: SecretBox,
    listener: Listener,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "RETRY_SECONDS", 0.2)
    server = await add_server(database, box, secret=SECRET)
    key = (tmp_path / KEY_FILE).read_text()
    (tmp_path / KEY_FILE).unlink()
    watching = ConfigWatch(database, SecretBox(tmp_path), KINDS, [listener.apply], look_seconds=0.05)
    with caplog.at_level(logging.WARNING):
        await watching.start()
        assert listener.told == [GatewayConfig()]
        assert watching.problems[server].code == "SECRET_UNREADABLE"
        await asyncio.sleep(0.6)
        assert len([record for record in caplog.records if record.message == "configuration left out"]) == 1
        (tmp_path / KEY_FILE).write_text(key)
        assert (await listener.hears(2)).servers[0].secret == SECRET
    assert watching.problems == {}
    assert SECRET not in caplog.text
    await watching.stop()


async def test_a_database_that_goes_away_leaves_the_configuration_in_force(
    sqlite_database: Database, box: SecretBox, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    watching = ConfigWatch(sqlite_database, box, KINDS, [listener.apply], look_seconds=0.02)
    async with sqlite_database.transaction() as session:
        await service.put_alias(session, "fast", "m")
    await watching.start()
    async with sqlite_database.transaction() as session:
        await session.execute(text("ALTER TABLE gateway_revision RENAME TO elsewhere"))
    await until(lambda: "cannot read the configuration" in caplog.text)
    await asyncio.sleep(0.2)
    assert caplog.text.count("cannot read the configuration") == 1
    assert "fast" in watching.config.aliases
    async with sqlite_database.transaction() as session:
        await session.execute(text("ALTER TABLE elsewhere RENAME TO gateway_revision"))
    async with sqlite_database.transaction() as session:
        await service.put_alias(session, "faster", "m")
    assert "faster" in (await listener.hears(2)).aliases
    await watching.stop()


def make_call(number: int, days: float) -> ModelCall:
    texts = dict.fromkeys(
        ("request_id", "tenant_id", "user_id", "key_id", "api", "model", "provider", "server", "status"), ""
    )
    numbers = dict.fromkeys(
        ("attempts", "prompt_tokens", "output_tokens", "cached_tokens", "queue_ms", "ttft_ms", "latency_ms"), 0
    )
    at = clock.now() - timedelta(days=days)
    asked = f"asked-{number:05}-secretly"
    return ModelCall(
        id=f"{number:036}", at=at, asked_model=asked, streamed=False, cached=False, cost=0.0, **texts, **numbers
    )


async def test_old_calls_are_erased_for_good(database: Database, tmp_path: Path) -> None:
    async with database.transaction() as session:
        session.add_all([make_call(number, 500) for number in range(2100)])
        session.add_all([make_call(number, 1) for number in range(3000, 3010)])
    assert await erase_calls(database, clock.now() - timedelta(days=400)) == 2100
    assert await erase_calls(database, clock.now() - timedelta(days=400)) == 0
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(ModelCall)) == 10
    for path in tmp_path.glob("ementa.db*"):
        assert b"asked-00001-secretly" not in path.read_bytes()
