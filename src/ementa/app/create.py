"""Builds the HTTP application around a `Runtime`."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.applications import Starlette
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

import ementa
from ementa.analysis.routes import router as analysis_router
from ementa.app import errors
from ementa.app.docs import mount_docs
from ementa.app.health import HealthBoard
from ementa.app.middleware import Gate, Outermost
from ementa.app.openapi import describe
from ementa.app.probes import make_checks
from ementa.app.routes import router as server_router
from ementa.app.shortcuts import Shortcuts
from ementa.bootstrap import Runtime
from ementa.identity.first import ensure_first_key
from ementa.identity.keyring import Keyring
from ementa.observability.metrics import HttpMetrics, QueueMetrics
from ementa.serving.admin.routes import router as admin_router
from ementa.serving.generate import ROUTE as generate_route
from ementa.serving.management import ROUTE as pull_route
from ementa.serving.management import router as models_router
from ementa.serving.ollama.routes import ROUTES as ollama_routes
from ementa.serving.openai.routes import ROUTES as openai_routes
from ementa.serving.usage import router as usage_router
from ementa.upkeep.metrics import ResourceState


class _Application(FastAPI):
    """FastAPI within our middleware alone. Its own outer layers (errors, telemetry, body limits) do what `Outermost`
    and `Gate` do already, and would cost a fifth of a call to a model."""

    around: Callable[[ASGIApp], ASGIApp]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, without asking for each request whether somebody wants FastAPI's telemetry."""
        await Starlette.__call__(self, scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Called once, at the first request."""
        inner = ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers=self.exception_handlers)
        return self.around(inner)


def create_app(runtime: Runtime) -> FastAPI:
    """The application: its lifespan starts and stops `runtime`, and makes the first key when there is none."""
    settings = runtime.settings
    health = HealthBoard(make_checks(runtime))
    registry = runtime.registry

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        try:
            try:
                await runtime.start(run_jobs=settings.jobs.embedded_worker)
                runtime.rounds.start()
                app.state.first_key = await ensure_first_key(runtime.database, settings.identity, settings.data)
            except Exception as error:
                app.state.startup_error = error
                raise
            yield
        finally:
            await health.close()
            await runtime.stop()

    app = _Application(
        title="Ementa",
        version=ementa.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        max_body_size=None,  # `Gate` knows which requests bring documents
    )
    app.state.runtime = runtime
    app.state.startup_error = None
    app.state.database = runtime.database
    app.state.keyring = Keyring(runtime.database, settings.identity)
    app.state.health = health
    app.state.registry = registry
    app.state.queue_metrics = QueueMetrics(registry)
    ResourceState(registry, runtime.watch, runtime.keeper)
    errors.install(app)
    # The paths that are counted in microseconds are looked at first.
    app.router.routes[:0] = [*openai_routes, *ollama_routes, generate_route, pull_route]
    app.include_router(server_router)
    app.include_router(analysis_router)
    app.include_router(admin_router)
    app.include_router(models_router)
    app.include_router(usage_router)
    mount_docs(app)
    describe(app)
    gate = partial(
        Gate,
        settings=settings.app,
        max_upload_bytes=settings.extraction.max_upload_bytes,
        refusal=runtime.watch.refusal,
    )
    metrics = HttpMetrics(registry)
    app.around = lambda inner: Outermost(gate(Shortcuts(inner, app.router.routes)), metrics)
    return app
