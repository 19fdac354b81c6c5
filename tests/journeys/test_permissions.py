"""Several houses, several people, several keys: what you may not see does not exist, and a key does what it may."""

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from people import Person, eventually

from ementa.db.database import Database
from ementa.db.settings import DatabaseSettings
from ementa.identity import service as identity
from ementa.identity.types import Role
from ementa.kit import clock
from ementa.kit.pagination import encode_cursor
from ementa.testing.server import RunningServer

ASKED = {"Format_Response": '{"segredo": ""}', "Model": "ementa-reader"}
READS = 600
DOCUMENTS = 4
"""Of each person."""


class Resident(NamedTuple):
    """Somebody with a key: in which house, and whether they administer it."""

    name: str
    house: str
    is_admin: bool
    person: Person


@pytest.fixture
async def residents(server: RunningServer) -> AsyncIterator[list[Resident]]:
    """Two houses of an administrator and two people each; one person of the first made by the command line."""
    people = [Resident("default-admin", "default", True, Person(server))]
    secret = await asyncio.to_thread(create_key, server.data, "--name", "cli", "--user", "cli@default")
    people.append(Resident("cli", "default", False, Person(server, secret)))
    for house, name, role in [
        ("default", "ana", Role.ANALYST),
        ("other", "other-admin", Role.ADMIN),
        ("other", "bia", Role.USER),
        ("other", "caio", Role.USER),
    ]:
        secret, _ = await add_person(server.data, house, name, role)
        people.append(Resident(name, house, role is Role.ADMIN, Person(server, secret)))
    yield people
    for resident in people:
        await resident.person.close()


def create_key(data: Path, *arguments: str) -> str:
    """What `ementa key create` prints: the key."""
    command = [sys.executable, "-m", "ementa", "key", "create", "--data", str(data), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=data.parent)
    return done.stdout.strip().splitlines()[-1]


async def add_person(data: Path, house: str, name: str, role: Role, **of_key: Any) -> tuple[str, str]:
    """A key of a new person of that house, and the key's id; made beside the running server."""
    database = Database(DatabaseSettings(), data)
    try:
        async with database.transaction() as session:
            tenant = await identity.ensure_tenant(session, house)
            user = await identity.ensure_user(session, tenant, f"{name}@{house}", role)
            record, secret = await identity.add_key(session, user, name=name, **of_key)
            return secret, record.id
    finally:
        await database.close()


def may_see(reader: Resident, owner: Resident) -> bool:
    return reader.name == owner.name or (reader.is_admin and reader.house == owner.house)


async def test_nobody_sees_what_is_not_theirs(residents: list[Resident], server: RunningServer) -> None:
    rng = random.Random(93517)
    owners: dict[str, Resident] = {}
    for resident in residents:
        for number in range(DOCUMENTS):
            # The same content in every house: a shared cache or a shared idempotency key would show.
            text = f"Segredo: comum {number}" if number == 0 else f"Segredo: de {resident.name} {number}"
            status, accepted = await resident.person.send(
                text.encode(),
                **ASKED,
                Prompt=f"Qual o segredo de {resident.name}?",
                Filename=f"{resident.name}-{number}.txt",
                Idempotency_Key=f"pedido-{number}",
            )
            assert status == 202, accepted
            assert accepted["id"] not in owners
            owners[accepted["id"]] = resident
    for analysis_id, owner in owners.items():
        assert (await owner.person.answer(analysis_id))[0] == 200

    for _ in range(READS):
        reader = rng.choice(residents)
        analysis_id = rng.choice(list(owners))
        await try_to_see(rng, reader, residents, owners, analysis_id)


async def try_to_see(
    rng: random.Random, reader: Resident, residents: list[Resident], owners: dict[str, Resident], analysis_id: str
) -> None:
    """One read or attack at random; whatever comes back speaks only of what the reader may see."""
    method, path = rng.choice(
        [
            ("GET", "/queue?limit=100"),
            ("GET", f"/queue?limit=3&cursor={cursor_at(analysis_id)}"),
            ("GET", "/queue?status=done"),
            ("GET", f"/queue/{analysis_id}"),
            ("GET", f"/response/{analysis_id}"),
            ("GET", f"/response/{analysis_id}?form=bare"),
            ("GET", f"/response/{analysis_id}?wait=1"),
            ("DELETE", f"/queue/{analysis_id}"),
        ]
    )
    allowed = may_see(reader, owners[analysis_id])
    if method == "DELETE" and allowed:
        return  # what is deleted could not be looked for any more
    status, body = await reader.person.call(method, path)
    told = json.dumps(body)
    visible = {known for known, owner in owners.items() if may_see(reader, owner)}
    if analysis_id in path:
        assert status == (200 if allowed else 404)
        told = told.replace(analysis_id, "") if not allowed else told  # it repeats the id that was asked for
    else:
        assert status == 200
        assert body["total"] == len(visible)
    assert not [known for known in owners if known not in visible and known in told]
    assert not [one.name for one in residents if not may_see(reader, one) and one.name in told]


def cursor_at(analysis_id: str) -> str:
    """The cursor that somebody would have who knew this id."""
    return encode_cursor(analysis_id)


async def test_events_tell_everybody_only_of_their_own(residents: list[Resident], server: RunningServer) -> None:
    async with aiohttp.ClientSession() as session:
        heard: dict[str, list[str]] = {resident.name: [] for resident in residents}
        listeners = [asyncio.create_task(listen(session, server, one, heard[one.name])) for one in residents]
        await asyncio.sleep(1)
        owners: dict[str, Resident] = {}
        for resident in residents:
            name = f"{resident.name}.txt"
            _, accepted = await resident.person.send(b"Segredo: x", **ASKED, Prompt="Qual?", Filename=name)
            owners[accepted["id"]] = resident
        for analysis_id, owner in owners.items():
            await owner.person.answer(analysis_id)

        async def all_heard() -> bool:
            return all(any(name in line for line in heard[name]) for name in heard)

        await eventually(all_heard)
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
    for resident in residents:
        told = "".join(heard[resident.name])
        for analysis_id, owner in owners.items():
            assert (analysis_id in told) == may_see(resident, owner)


async def listen(session: aiohttp.ClientSession, server: RunningServer, one: Resident, heard: list[str]) -> None:
    async with session.get(f"{server.url}/queue/events", headers={"Key": one.person.key}) as answer:
        async for line in answer.content:
            heard.append(line.decode())


async def test_a_key_reaches_as_far_as_its_scopes(server: RunningServer) -> None:
    reading, _ = await add_person(server.data, "default", "leitora", Role.USER, scopes=["read"])
    writing, _ = await add_person(server.data, "default", "leitora", Role.USER, scopes=["write"])
    reader, writer = Person(server, reading), Person(server, writing)
    try:
        asked = {**ASKED, "Prompt": "Qual?"}
        assert await refused(reader.send(b"Segredo: x", **asked)) == (403, "SCOPE_MISSING")
        status, accepted = await writer.send(b"Segredo: x", **asked)
        assert status == 202
        assert await refused(writer.call("GET", "/queue")) == (403, "SCOPE_MISSING")
        assert (await reader.answer(accepted["id"]))[0] == 200
        assert await refused(reader.call("DELETE", accepted["queue_url"])) == (403, "SCOPE_MISSING")
        assert (await reader.call("GET", accepted["queue_url"]))[1]["status"] == "done"
    finally:
        await reader.close()
        await writer.close()


async def test_an_administrators_key_limited_to_reading_sees_only_its_own(server: RunningServer, clerk: Person) -> None:
    _, accepted = await clerk.send(b"Segredo: x", **ASKED, Prompt="Qual?")
    limited, _ = await add_person(server.data, "default", "chefe", Role.ADMIN, scopes=["read"])
    whole, _ = await add_person(server.data, "default", "chefe", Role.ADMIN)
    modest, chief = Person(server, limited), Person(server, whole)
    try:
        assert (await modest.call("GET", accepted["queue_url"]))[0] == 404
        assert (await chief.call("GET", accepted["queue_url"]))[0] == 200
    finally:
        await modest.close()
        await chief.close()


async def test_keys_end(server: RunningServer) -> None:
    soon, _ = await add_person(
        server.data, "default", "breve", Role.USER, expires_at=clock.now() + timedelta(seconds=3)
    )
    doomed, key_id = await add_person(server.data, "default", "revogada", Role.USER)
    brief, revoked = Person(server, soon), Person(server, doomed)
    try:
        assert (await brief.call("GET", "/queue"))[0] == 200
        assert (await revoked.call("GET", "/queue"))[0] == 200
        command = [sys.executable, "-m", "ementa", "key", "revoke", key_id, "--data", str(server.data)]
        await asyncio.to_thread(
            subprocess.run, command, check=True, capture_output=True, timeout=60, cwd=server.data.parent
        )
        for person in (brief, revoked):

            async def is_over(person: Person = person) -> bool:
                return await refused(person.call("GET", "/queue")) == (401, "UNAUTHENTICATED")

            assert await eventually(is_over)
            assert (await person.send(b"Segredo: x", **ASKED, Prompt="Qual?"))[0] == 401
    finally:
        await brief.close()
        await revoked.close()


async def refused(call: Any) -> tuple[int, str]:
    status, body = await call
    return status, body.get("code", "")
