"""Being told when a document is over, at an address that the administrator allows."""

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp import web
from people import Person

from ementa.testing.server import RunningServer, free_port

ASKED = {"Prompt": "Extraia o CNPJ", "Format_Response": '{"cnpj": ""}', "Model": "ementa-reader"}


async def test_the_call_comes_even_if_the_address_fails_at_first(tmp_path: Path) -> None:
    calls: asyncio.Queue[Any] = asyncio.Queue()
    answers = iter([500, 302, 200])

    async def called(request: web.Request) -> web.Response:
        await calls.put(await request.json())
        status = next(answers)
        return web.Response(status=status, headers={"Location": "http://127.0.0.1:1/"} if status == 302 else {})

    port = free_port()
    application = web.Application()
    application.router.add_post("/done", called)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    environment = {
        "EMENTA_ANALYSIS__CALLBACK_HOSTS": json.dumps([f"127.0.0.1:{port}"]),
        "EMENTA_JOBS__RETRY_BASE_SECONDS": "0.05",
    }
    try:
        async with RunningServer(tmp_path / "data", environment) as server:
            clerk = Person(server)
            address = f"http://127.0.0.1:{port}/done"
            status, accepted = await clerk.send(b"CNPJ 11.222.333/0001-81", **ASKED, Callback_Url=address)
            assert status == 202
            bodies = [await asyncio.wait_for(calls.get(), 30) for _ in range(3)]
            assert (
                bodies == [{"id": accepted["id"], "status": "done", "response_url": f"/response/{accepted['id']}"}] * 3
            )
            await clerk.close()
    finally:
        await runner.cleanup()
