"""Runs the application: one process, stopped gracefully by SIGTERM or SIGINT."""

import gc
import signal
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from ementa.app.protocol import make_protocol
from ementa.identity.first import FirstKey
from ementa.settings import ServerSettings


def run_server(app: FastAPI, settings: ServerSettings, on_ready: Callable[[FirstKey], None]) -> bool:
    """Serve until a signal; `on_ready` is called once requests are accepted. False when it could not start.

    What kept it from starting is then in `app.state.startup_error`, or in the log when the address is taken.
    """
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=make_protocol(settings),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                _spare_collector()
                on_ready(app.state.first_key)

    # uvicorn raises the signal again once it has stopped, for whoever handled it before: nobody, we end with 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    server = Server(config)
    try:
        server.run()
    except SystemExit:
        return False
    return server.started


def _spare_collector() -> None:
    """What has been loaded by now stays for good: looking through it again and again is a tenth of the cost of a small
    request."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
