"""`/admin/models`: which models lie on which servers, downloaded, removed, loaded and unloaded. Model servers are
common to all tenants, so this is for the administrators of the first one."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from msgspec import Meta
from pydantic import BaseModel, Field

from ementa.identity.deps import HouseAdminDep
from ementa.llm.errors import ModelUnavailable
from ementa.llm.gateway import Gateway
from ementa.llm.stock import Stocked, list_stock
from ementa.serving import stewardship
from ementa.serving.admin.forms import PRINTABLE, Body, ModelName
from ementa.serving.deps import Door, DoorRoute, Visit
from ementa.serving.errors import ModelNotStocked
from ementa.serving.forms import is_absent
from ementa.serving.openapi import Operation, object_of
from ementa.serving.typed import read_as

router = APIRouter(prefix="/admin/models", tags=["admin"])

ServerName = Annotated[
    str, Query(max_length=200, pattern=PRINTABLE, description="Only this server; empty: whichever it can be.")
]


class StockedRead(BaseModel):
    """A model on one server."""

    name: str
    server: Annotated[str, Field(description="The server's name, as `GET /admin/servers` has it.")]
    kind: Annotated[str, Field(description="The kind of server.")]
    loaded: Annotated[bool, Field(description="In the server's memory now.")]
    managed: Annotated[bool, Field(description="Whether it can be pulled, removed, loaded and unloaded from here.")]
    size_bytes: Annotated[int, Field(description="On disk; 0 when unknown.")]
    digest: Annotated[str, Field(description="Changes when the model behind the name does; may be empty.")]
    context_tokens: int
    capabilities: list[str]
    parameter_size: str
    quantization: str
    modified_at: str


class StockList(BaseModel):
    """Every model of every server that answers, by model and server."""

    models: list[StockedRead]


class Loaded(BaseModel):
    """The models in memory now, by the name of the server; those that do not answer are left out."""

    servers: dict[str, list[str]]


class ModelAct(Body):
    """Which model, and where."""

    model: ModelName
    server: Annotated[str, Field(max_length=200, pattern=PRINTABLE)] = ""


class PullBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model to download, and where."""

    model: Annotated[str, Meta(min_length=1, max_length=200, description="As the server names it: `hf.co/x/y:Q4`.")]
    server: Annotated[str, Meta(max_length=200, description="Needed when several servers could.")] = ""


@router.get("")
async def list_models(request: Request, _principal: HouseAdminDep, server: ServerName = "") -> StockList:
    """The models on the servers, each as often as it lies on one."""
    return StockList(models=[_told(one) for one in await list_stock(_gateway(request), server)])


@router.get("/loaded")
async def list_loaded(request: Request, _principal: HouseAdminDep) -> Loaded:
    """What is in the servers' memory now."""
    loaded = await _gateway(request).loaded()
    return Loaded(servers={name: list(models) for name, models in loaded.items()})


@router.post("/warm", status_code=204, responses={404: {}, 409: {}, 502: {}})
async def warm_model(request: Request, principal: HouseAdminDep, body: ModelAct) -> Response:
    """Load a model into the memory of every server that has it, or of one."""
    await stewardship.record(request.scope, principal, "model.warm", body.model, body.server)
    with _had(body.model):
        await _gateway(request).warm(body.model, body.server)
    return Response(status_code=204)


@router.post("/unload", status_code=204, responses={404: {}, 409: {}, 502: {}})
async def unload_model(request: Request, principal: HouseAdminDep, body: ModelAct) -> Response:
    """Let a model leave the memory of every server that has it, or of one. What it is answering ends first."""
    await stewardship.record(request.scope, principal, "model.unload", body.model, body.server)
    with _had(body.model):
        await _gateway(request).unload(body.model, body.server)
    return Response(status_code=204)


@router.delete("/{name:path}", status_code=204, responses={404: {}, 409: {}, 502: {}})
async def delete_model(
    request: Request,
    principal: HouseAdminDep,
    name: Annotated[str, Path(min_length=1, max_length=200, pattern=PRINTABLE)],
    server: ServerName = "",
) -> Response:
    """Remove a model from its server's disk. Which one must be said when several have it."""
    await stewardship.record(request.scope, principal, "model.delete", name, server)
    with _had(name):
        await _gateway(request).delete(name, server)
    return Response(status_code=204)


async def pull_model(visit: Visit) -> None:
    """Download a model to a server."""
    body = read_as(PullBody, visit.body)
    await stewardship.pull(visit, body.model, body.server)


ROUTE = DoorRoute("/admin/models/pull", Door("admin.models", pull_model), methods=["POST"])
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("post", "/admin/models/pull"): Operation(
        "Download a model to a server, and tell how far it is; hanging up cancels it",
        "admin",
        object_of(
            {"status": _TEXT, "digest": _TEXT, "total": _COUNT, "completed": _COUNT}, "digest", "total", "completed"
        ),
        PullBody,
        "Admin",
        model_call=False,
        stream=stewardship.NDJSON.decode(),
        errors=(404, 409, 502),
    )
}


@contextmanager
def _had(model: str) -> Generator[None]:
    """To those who manage models one that is nowhere is not unavailable, but not there."""
    try:
        yield
    except ModelUnavailable as error:
        if is_absent(error):
            raise ModelNotStocked(details=error.details, model=model) from error
        raise


def _told(one: Stocked) -> StockedRead:
    info: dict[str, Any] = msgspec.to_builtins(one.info)
    del info["provider"]
    return StockedRead(**info, server=one.server, kind=one.kind, loaded=one.loaded, managed=one.managed)


def _gateway(request: Request) -> Gateway:
    return request.app.state.runtime.gateway
