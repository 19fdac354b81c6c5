"""The server's own addresses: health, metrics, models, documentation."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

import ementa
from ementa.app.health import HealthBoard, require_ready
from ementa.identity.deps import PrincipalDep
from ementa.jobs import service as jobs
from ementa.llm.gateway import Gateway
from ementa.llm.routing.server import Server
from ementa.llm.types import ModelInfo
from ementa.observability.metrics import render

router = APIRouter(tags=["server"])


class DependencyState(BaseModel):
    """One dependency, as last seen."""

    model_config = {"extra": "allow"}

    state: Annotated[str, Field(description="ok, degraded, down, or unknown when it does not answer.")]
    required: Annotated[bool, Field(description="Whether the service is not ready without it.")]
    latency_ms: float | None = None
    checked_at: str | None = None
    error: str | None = None


class Health(BaseModel):
    """The service and each thing it depends on."""

    status: Annotated[str, Field(description="ok, degraded or down.")]
    version: str
    dependencies: dict[str, DependencyState]
    timestamp: str


class Alive(BaseModel):
    """The process answers."""

    status: str
    version: str


class ModelRead(BaseModel):
    """A model that can be named in `Model`."""

    name: Annotated[str, Field(description="What to write in `Model`.")]
    provider: Annotated[str, Field(description="Who runs it: `ollama`, or `ementa` for the built-in reader.")]
    context_tokens: Annotated[int, Field(description="Tokens it can see at once; 0 for the built-in reader.")]
    capabilities: Annotated[
        list[str],
        Field(description="`completion`, `tools`, `vision`, `thinking`, `embedding`; `ementa-reader`: `extraction`."),
    ]
    size_bytes: Annotated[int, Field(description="On disk; 0 when unknown.")]
    parameter_size: Annotated[str, Field(description="Its parameters, as `1.0B`; empty when unknown.")]
    quantization: Annotated[str, Field(description="As `Q4_K_M`; empty when unknown.")]
    digest: Annotated[str, Field(description="Changes when the model behind the name does; may be empty.")]
    modified_at: Annotated[str, Field(description="When it last changed, as its server says; may be empty.")]
    servers: Annotated[list[str], Field(description="Which servers have it.")]
    loaded: Annotated[bool, Field(description="In a server's memory when that was last looked at.")]


class AliasRead(BaseModel):
    """Another name that can be written in `Model`."""

    name: str
    target: Annotated[str, Field(description="The model or alias that it stands for.")]
    description: str


class ModelList(BaseModel):
    """Every model within reach that the key may call, by name."""

    models: list[ModelRead]
    aliases: list[AliasRead]
    default: Annotated[str, Field(description="The model of the command line and the web interface.")]


@router.get("/", include_in_schema=False)
async def show_start() -> RedirectResponse:
    """The documentation, until there is more to see."""
    return RedirectResponse("/docs")


@router.head("/", include_in_schema=False)
async def show_presence() -> Response:
    """What Ollama's command line asks before anything else."""
    return Response()


@router.get("/health", response_model=Health)
async def get_health(request: Request) -> Response:
    """The state of each dependency, never older than seconds, always within a second. 503 when one that is required is
    missing."""
    return _told(await _board(request).report())


@router.get("/health/live")
async def get_liveness() -> Alive:
    """Whether the process answers at all. Asks nothing of anybody."""
    return Alive(status="ok", version=ementa.__version__)


@router.get("/health/ready", response_model=Health)
async def get_readiness(request: Request) -> Response:
    """Whether requests can be served now: database, disk and memory."""
    return _told(await _board(request).report(required_only=True))


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def get_metrics(request: Request) -> Response:
    """Metrics in Prometheus' text form."""
    state = request.app.state
    async with state.database.read() as session:
        state.queue_metrics.set(await jobs.counts(session))
    return Response(render(state.registry), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/models")
async def list_models(request: Request, principal: PrincipalDep) -> ModelList:
    """The models that the key may ask, the built-in `ementa-reader` among them, and their other names."""
    gateway: Gateway = request.app.state.runtime.gateway
    infos = [info for info in await gateway.models() if gateway.permits(info.name, principal.models)]
    return ModelList(
        models=[_told_model(info, gateway.states()) for info in infos],
        aliases=[
            AliasRead(name=alias.name, target=alias.target, description=alias.description)
            for alias in sorted(gateway.described_aliases(), key=lambda alias: alias.name)
            if gateway.permits(alias.name, principal.models)
        ],
        default=gateway.settings.default_model,
    )


def _told_model(info: ModelInfo, states: Sequence[Server]) -> ModelRead:
    homes = [state for state in states if info.name in state.models]
    return ModelRead(
        **msgspec.to_builtins(info),
        servers=[state.name for state in homes],
        loaded=any(state.health is not None and info.name in state.health.loaded for state in homes),
    )


def _board(request: Request) -> HealthBoard:
    return request.app.state.health


def _told(report: dict[str, Any]) -> Response:
    report["version"] = ementa.__version__
    require_ready(report)
    return Response(orjson.dumps(report), media_type="application/json")
