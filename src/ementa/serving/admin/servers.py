"""`/admin/servers`: the model servers that the gateway uses, those of the settings among them. A secret goes in and
never comes out: only whether there is one is told."""

from typing import Any

from fastapi import APIRouter, Request, Response

from ementa.db.deps import ReadSessionDep
from ementa.identity.deps import HouseAdminDep
from ementa.kit.errors import EmentaError, Language
from ementa.kit.language import preferred_language
from ementa.llm import checks, probing, servers, service
from ementa.llm.config_errors import ServerUnusable
from ementa.llm.hosts import display_host
from ementa.llm.loading import read_server
from ementa.llm.models import ModelServer
from ementa.llm.routing.building import tell_health
from ementa.llm.servers import ServerConfig
from ementa.serving.admin.deps import Desk, DeskDep
from ementa.serving.admin.forms import Cursor, Limit, NamePath, cut_page, next_cursor, read_cursor
from ementa.serving.admin.server_forms import (
    Kinds,
    ServerChange,
    ServerCreate,
    ServerHealthRead,
    ServerPage,
    ServerRead,
    Tested,
    Told,
)

router = APIRouter(prefix="/admin/servers", tags=["admin"])

Health = dict[str, ServerHealthRead | None]


@router.get("")
async def list_servers(
    request: Request,
    _principal: HouseAdminDep,
    session: ReadSessionDep,
    desk: DeskDep,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ServerPage:
    """The model servers, each with its health."""
    after = read_cursor(cursor)
    rows, last = cut_page(await service.list_servers(session, after=after or "", limit=limit + 1), limit)
    health, language = _health(desk), _language(request)
    told = [] if after else [_settings_server(server, health) for server in _of_settings(desk)]
    told += [_told(row, desk, health, language) for row in rows]
    return ServerPage(servers=told, next=next_cursor(last.id if last else None))


@router.get("/kinds")
async def list_kinds(_principal: HouseAdminDep, desk: DeskDep) -> Kinds:
    """The kinds of server that can be added."""
    return Kinds(kinds=checks.list_kinds(desk.plugins))


@router.post("", status_code=201, responses={409: {}})
async def add_server(request: Request, principal: HouseAdminDep, desk: DeskDep, body: ServerCreate) -> ServerRead:
    """Add a model server. The gateway of every process uses it within seconds."""
    checks.require_kind(body.kind, desk.plugins)
    draft = service.ServerDraft(
        name=body.name,
        kind=body.kind,
        url=body.url,
        secret=body.secret.get_secret_value() if body.secret else None,
        models=tuple(body.models),
        options=body.options,
        enabled=body.enabled,
    )
    async with desk.configuring(principal, "server.create") as act:
        server = await service.add_server(act.session, desk.box, draft, _reserved(desk))
        act.to(f"model_server:{server.id}", **_audited(server))
    return _told(server, desk, _health(desk), _language(request))


@router.get("/{server}", responses={404: {}})
async def get_server(
    request: Request, _principal: HouseAdminDep, session: ReadSessionDep, desk: DeskDep, server: NamePath
) -> ServerRead:
    """One of the servers that were added, by its id or name."""
    row = await service.get_server(session, server)
    return _told(row, desk, _health(desk), _language(request))


@router.patch("/{server}", responses={404: {}, 409: {}})
async def change_server(
    request: Request, principal: HouseAdminDep, desk: DeskDep, server: NamePath, body: ServerChange
) -> ServerRead:
    """Change a server that was added. When its address changes its secret must be given again."""
    async with desk.configuring(principal, "server.change") as act:
        row = await service.get_server(act.session, server)
        await service.change_server(act.session, desk.box, row, _changed(row, body), _reserved(desk))
        changed = sorted(name for name in body.model_fields_set if getattr(body, name) is not None)
        act.to(f"model_server:{row.id}", changed=changed, **_audited(row))
    return _told(row, desk, _health(desk), _language(request))


@router.delete("/{server}", status_code=204, responses={404: {}})
async def remove_server(principal: HouseAdminDep, desk: DeskDep, server: NamePath) -> Response:
    """Remove a server that was added, and its secret. What it is answering now is not cut off."""
    async with desk.configuring(principal, "server.remove") as act:
        row = await service.get_server(act.session, server)
        await service.remove_server(act.session, row)
        act.to(f"model_server:{row.id}", name=row.name)
    await desk.database.forget()
    return Response(status_code=204)


@router.post("/{server}/test", responses={404: {}})
async def try_server(
    request: Request, _principal: HouseAdminDep, session: ReadSessionDep, desk: DeskDep, server: NamePath
) -> Tested:
    """Ask a stored server, enabled or not, whether it answers and what models it has."""
    row = await service.get_server(session, server)
    kinds = checks.list_kinds(desk.plugins)
    language = _language(request)
    try:
        config = await read_server(row, desk.box, kinds)
        await session.close()  # the server may take its time: hold no connection of the database meanwhile
        found = await probing.probe(config, desk.gateway.settings, desk.plugins)
    except EmentaError as error:
        found = probing.Finding(reachable=False, error=error)
    return Tested(
        reachable=found.reachable,
        version=found.version,
        models=list(found.models),
        problem=_problem(found.error, language),
        latency_ms=found.latency_ms,
    )


def _changed(row: ModelServer, body: ServerChange) -> service.ServerDraft:
    return service.ServerDraft(
        name=row.name if body.name is None else body.name,
        kind=row.kind,
        url=row.url if body.url is None else body.url,
        secret=None if body.secret is None else body.secret.get_secret_value(),
        models=tuple(row.models if body.models is None else body.models),
        options=row.options if body.options is None else body.options,
        enabled=row.enabled if body.enabled is None else body.enabled,
    )


def _audited(server: ModelServer) -> dict[str, Any]:
    """What the trail tells of a server: where it is, never with what it is entered."""
    return {"name": server.name, "kind": server.kind, "url": server.url, "has_secret": server.secret is not None}


def _of_settings(desk: Desk) -> list[ServerConfig]:
    return servers.from_settings(desk.gateway.settings)


def _reserved(desk: Desk) -> list[str]:
    return [server.name for server in _of_settings(desk)]


def _health(desk: Desk) -> Health:
    """What is known of each server that is in use, by its name."""
    return {
        state.name: ServerHealthRead(**tell_health(state)) if state.health is not None else None
        for state in desk.gateway.states()
    }


def _told(row: ModelServer, desk: Desk, health: Health, language: Language) -> ServerRead:
    error = desk.watch.problems.get(row.id)
    if error is None and row.enabled and row.name not in health:
        error = ServerUnusable(name=row.name)
    return ServerRead(
        id=row.id,
        name=row.name,
        kind=row.kind,
        url=row.url,
        has_secret=row.secret is not None,
        models=row.models,
        options=row.options,
        enabled=row.enabled,
        problem=_problem(error, language),
        health=health.get(row.name),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _settings_server(server: ServerConfig, health: Health) -> ServerRead:
    return ServerRead(
        id=None,
        name=server.name,
        kind=server.kind,
        url=display_host(server.url),
        has_secret=bool(server.secret),
        models=list(server.models),
        options=dict(server.options),
        enabled=True,
        problem=None,
        health=health.get(server.name),
        created_at=None,
        updated_at=None,
    )


def _problem(error: EmentaError | None, language: Language) -> Told | None:
    return Told(error=error.text(language), code=error.code) if error else None


def _language(request: Request) -> Language:
    return preferred_language(request.headers.get("accept-language"))
