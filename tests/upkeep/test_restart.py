"""A model server that stays silent is started again: in time, not too often, and written down."""

import json
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ementa.llm.gateway import Gateway
from ementa.llm.routing.server import Server
from ementa.llm.servers import ServerConfig
from ementa.llm.settings import LlmSettings
from ementa.llm.types import ServerHealth
from ementa.settings import SettingsInvalid, load_settings
from ementa.upkeep.local import LocalServers, is_loopback
from ementa.upkeep.restart import GPUS, LOG_FILE, ServerKeeper
from ementa.upkeep.settings import UpkeepSettings


class House:
    """A keeper with one server, a clock and a command that counts its runs in a file."""

    def __init__(self, tmp_path: Path, ending: str = "exit 0", **settings: Any) -> None:
        self.now = 1000.0
        self.full = False
        self.noted: list[tuple[str, dict[str, Any]]] = []
        self.runs = tmp_path / "runs"
        self.data = tmp_path / "data"
        place = tmp_path / "restart model server"
        place.write_text(f'#!/bin/sh\necho "$@" >> {self.runs}\necho "said in passing"\n{ending}\n', encoding="utf-8")
        place.chmod(0o755)
        chosen = {
            "model_server_restart": f"{shlex.quote(str(place))} ollama",
            "restart_timeout_seconds": 30,
            **settings,
        }
        self.server = make_server("http://127.0.0.1:11434")
        self.keeper = ServerKeeper(
            UpkeepSettings(**chosen),
            self.data,
            lambda: [self.server],
            lambda: self.full,
            self.note,
            clock=lambda: self.now,
        )

    async def note(self, server: str, details: dict[str, Any]) -> None:
        self.noted.append((server, details))

    def says(self, reachable: bool) -> None:
        """The server was asked once more."""
        error = "" if reachable else "no answer in 10 s"
        self.server.health = ServerHealth("ollama", "http://127.0.0.1:11434", reachable, error=error)

    async def rounds(self, many: int, *, reachable: bool = False) -> None:
        for _ in range(many):
            self.says(reachable)
            await self.round()

    async def round(self) -> None:
        self.now += 5.0
        await self.keeper.check()
        await self.keeper.settle()

    @property
    def times(self) -> int:
        return len(self.runs.read_text(encoding="ascii").splitlines()) if self.runs.exists() else 0


def make_server(url: str, name: str = "ollama", kind: str = "ollama") -> Server:
    gateway = Gateway(LlmSettings(ollama_hosts=[url]))
    provider = gateway.states()[0].provider
    return Server(ServerConfig(kind, name, url), provider, LlmSettings())


async def test_a_silent_server_is_started_again_after_three_checks(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.rounds(2)
    assert house.times == 0
    await house.rounds(1)
    assert house.times == 1
    assert house.runs.read_text(encoding="ascii") == "ollama\n"
    assert [server for server, _ in house.noted] == ["ollama"]
    details = house.noted[0][1]
    assert (details["outcome"], details["status"], details["cause"]) == ("done", 0, "no answer in 10 s")
    told = json.loads(json.dumps(house.keeper.tell(), default=str))
    assert told["last"]["outcome"] == "done"
    assert told["counts"] == {"done": 1, "failed": 0, "timeout": 0}
    assert "said in passing" in (house.data / "logs" / LOG_FILE).read_text(encoding="utf-8")
    assert "said in passing" not in json.dumps(told)


async def test_one_good_answer_begins_the_count_anew(tmp_path: Path) -> None:
    house = House(tmp_path)
    for _ in range(5):
        await house.rounds(2)
        await house.rounds(1, reachable=True)
    assert house.times == 0


async def test_the_same_answer_is_counted_once(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.says(False)
    for _ in range(20):
        await house.round()
    assert house.times == 0


async def test_a_server_never_asked_is_left_alone(tmp_path: Path) -> None:
    house = House(tmp_path)
    for _ in range(20):
        await house.round()
    assert house.times == 0


async def test_restarts_that_do_not_help_come_ever_more_seldom(tmp_path: Path) -> None:
    house = House(tmp_path, restart_seconds=100)
    began: list[float] = []
    for _ in range(1200):
        before = house.keeper.last
        await house.rounds(1)
        if house.keeper.last is not before and house.keeper.last is not None:
            began.append(house.now)
    gaps = [later - earlier for earlier, later in pairwise(began)]
    assert gaps[:6] == [100, 200, 400, 800, 1600, 1600]
    assert house.keeper.tell()["next_in_seconds"] > 0


async def test_what_did_not_help_is_forgotten_after_a_good_time(tmp_path: Path) -> None:
    house = House(tmp_path, restart_seconds=100)
    await house.rounds(100)
    assert house.times == 3  # at once, then after 100 s and 200 s
    await house.rounds(22, reachable=True)
    await house.rounds(3)
    assert house.times == 4


async def test_a_short_good_time_does_not_help(tmp_path: Path) -> None:
    house = House(tmp_path, restart_seconds=100)
    await house.rounds(100)
    assert house.times == 3
    for _ in range(3):
        await house.rounds(5, reachable=True)
        await house.rounds(4)
    assert house.times == 3


async def test_a_server_that_still_works_gets_more_time(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.server.enter("gemma3:1b")
    await house.rounds(11)
    assert house.times == 0
    await house.rounds(1)
    assert house.times == 1


async def test_gpus_that_stay_full_are_a_reason(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.full = True
    await house.rounds(2, reachable=True)
    house.full = False
    await house.rounds(1, reachable=True)
    house.full = True
    await house.rounds(2, reachable=True)
    assert house.times == 0
    await house.rounds(1, reachable=True)
    assert house.times == 1
    assert house.noted[0][0] == GPUS


async def test_a_command_that_fails_or_hangs_is_told(tmp_path: Path) -> None:
    (tmp_path / "fails").mkdir()
    failing = House(tmp_path / "fails", ending="exit 5")
    await failing.rounds(3)
    assert failing.keeper.last is not None
    assert (failing.keeper.last.outcome, failing.keeper.last.status) == ("failed", 5)
    (tmp_path / "hangs").mkdir()
    hanging = House(tmp_path / "hangs", ending="sleep 600", restart_timeout_seconds=1)
    ticking = hanging.keeper  # its command goes by the real clock
    await hanging.rounds(3)
    assert ticking.last is not None
    assert (ticking.last.outcome, ticking.last.status) == ("timeout", None)
    assert ticking.counts["timeout"] == 1


async def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    house = House(tmp_path, model_server_restart="/nowhere/systemctl restart ollama")
    await house.rounds(3)
    assert house.keeper.counts == {"done": 0, "failed": 1, "timeout": 0}
    assert house.noted[0][1]["outcome"] == "failed"


async def test_a_trail_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    class Broken(House):
        async def note(self, server: str, details: dict[str, Any]) -> None:
            raise OSError("no trail")

    house = Broken(tmp_path, restart_seconds=5)
    await house.rounds(8)
    assert house.times > 1


async def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    house = House(tmp_path)
    place = shlex.quote(str(tmp_path / "restart model server"))
    house = House(tmp_path, model_server_restart=f"{place} '$HOME;' > {tmp_path}/written")
    await house.rounds(3)
    assert house.runs.read_text(encoding="ascii") == f"$HOME; > {tmp_path}/written\n"
    assert not (tmp_path / "written").exists()


async def test_without_a_command_nothing_is_counted(tmp_path: Path) -> None:
    house = House(tmp_path, model_server_restart="")
    await house.rounds(50)
    assert not house.keeper.is_on
    assert house.keeper.last is None


def test_a_command_that_cannot_be_read_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMENTA_UPKEEP__MODEL_SERVER_RESTART", "systemctl 'restart ollama")
    with pytest.raises(SettingsInvalid, match="model_server_restart"):
        load_settings()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:11434", True),
        ("http://localhost:11434", True),
        ("http://[::1]:11434/v1", True),
        ("127.0.0.9:1", True),
        ("http://192.168.0.7:11434", False),
        ("https://api.openai.com/v1", False),
        ("http://localhost.example.com", False),
        ("http://[broken", False),
        ("", False),
    ],
)
def test_what_leads_back_to_this_machine(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


async def test_servers_of_this_machine_are_those_named_or_those_at_a_loopback_address() -> None:
    settings = LlmSettings(ollama_hosts=["http://127.0.0.1:1", "http://10.9.8.7:11434"])
    gateway = Gateway(settings)
    here, there = (server for server in gateway.states() if not server.is_local)
    assert [server.name for server in LocalServers(gateway, []).list_servers()] == [here.name]
    assert [server.name for server in LocalServers(gateway, [there.name]).list_servers()] == [there.name]
    await gateway.close()
