"""Every request of the Postman collection, sent in order to a live server."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ementa.testing.server import RunningServer

EXAMPLES = Path(__file__).parents[2] / "examples"
COLLECTION = json.loads((EXAMPLES / "ementa.postman_collection.json").read_text(encoding="utf-8"))


class Runner:
    """What Postman does with a collection, as far as ours needs it: variables, inherited key, bodies, kept ids."""

    def __init__(self, server: RunningServer, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._variables = {one["key"]: one["value"] for one in COLLECTION["variable"]}
        self._variables |= {"base": server.url, "key": server.key}

    async def send(self, item: dict[str, Any]) -> int:
        request = item["request"]
        headers = {one["key"]: self._filled(one["value"]) for one in request["header"]}
        if request.get("auth", {}).get("type") != "noauth":
            headers["Key"] = self._variables["key"]
        url = self._filled(request["url"]["raw"])
        timeout = aiohttp.ClientTimeout(total=90)
        async with self._session.request(
            request["method"], url, headers=headers, data=self._body(request.get("body")), timeout=timeout
        ) as answer:
            if answer.content_type == "text/event-stream" and "/queue/" in url:
                assert await answer.content.readline()
                return answer.status
            body = await answer.read()
            assert answer.status < 400, f"{item['name']}: {answer.status} {body[:500]!r}"
            self._keep(item, body)
            return answer.status

    def _filled(self, text: str) -> str:
        return re.sub(r"\{\{(\w+)\}\}", lambda match: self._variables[match[1]], text)

    def _body(self, body: dict[str, Any] | None) -> Any:
        if body is None:
            return None
        if body["mode"] == "file":
            return (EXAMPLES / body["file"]["src"]).read_bytes()
        if body["mode"] == "raw":
            return self._filled(body["raw"])
        assert body["mode"] == "formdata"
        form = aiohttp.FormData()
        for field in body["formdata"]:
            if field["type"] == "file":
                form.add_field(field["key"], (EXAMPLES / field["src"]).read_bytes(), filename=field["src"])
            else:
                form.add_field(field["key"], self._filled(field["value"]))
        return form

    def _keep(self, item: dict[str, Any], body: bytes) -> None:
        script = "\n".join(line for event in item.get("event", []) for line in event["script"]["exec"])
        for name, field in re.findall(r"collectionVariables\.set\('(\w+)', pm\.response\.json\(\)\.(\w+)\)", script):
            self._variables[name] = json.loads(body)[field]


@pytest.fixture
async def runner(server: RunningServer) -> AsyncIterator[Runner]:
    async with aiohttp.ClientSession() as session:
        yield Runner(server, session)


async def test_every_request_of_the_collection_succeeds(runner: Runner) -> None:
    statuses: dict[str, int] = {}
    for folder in COLLECTION["item"]:
        for item in folder["item"]:
            statuses[item["name"]] = await runner.send(item)
    assert statuses["Upload (multipart)"] == 202
    assert statuses["Answer (wait for it)"] == 200
    assert statuses["Cancel and erase"] == 200


def test_the_collection_says_its_schema_and_holds_no_key() -> None:
    assert COLLECTION["info"]["schema"].endswith("/v2.1.0/collection.json")
    assert {one["key"]: one["value"] for one in COLLECTION["variable"]}["key"] == ""
