"""What administrators do to the models on the servers, by whichever address they ask: allowed, told to the audit trail,
done."""

from contextlib import aclosing

import orjson
from starlette.requests import Request
from starlette.types import Scope

from ementa.db.database import Database
from ementa.identity import service as identity
from ementa.identity.deps import get_admin, get_house_admin
from ementa.identity.types import Principal
from ementa.kit.errors import EmentaError
from ementa.kit.language import preferred_language
from ementa.llm.types import PullProgress
from ementa.serving.deps import Visit
from ementa.serving.forms import error_body

NDJSON = b"application/x-ndjson"


async def record(scope: Scope, principal: Principal, act: str, model: str, server: str = "") -> None:
    """Tell the audit trail before it is done: what fails half-way was done by somebody too."""
    database: Database = scope["app"].state.database
    async with database.transaction() as session:
        details = {"server": server} if server else None
        await identity.record_event(session, principal, act, f"model:{model}", details)


async def pull(visit: Visit, model: str, server: str = "", *, stream: bool = True) -> None:
    """Download a model and tell how far it is, a line of JSON each time. Whoever hangs up cancels the download.

    A failure before the first line has its status; a later one is the last line.
    """
    await _require_house_admin(visit)
    await record(visit.scope, visit.principal, "model.pull", model, server)
    last = PullProgress("success")
    try:
        async with aclosing(visit.gateway.pull(model, server)) as steps:
            async for last in steps:
                if stream:
                    if not visit.begun:
                        await visit.begin(NDJSON)
                    await visit.piece(progress_line(last))
    except EmentaError as error:
        if not visit.begun:
            raise
        visit.note(error=error.code)
        await visit.end(error_body(error, preferred_language(visit.header(b"accept-language")), "ollama") + b"\n")
        return
    await (visit.end() if visit.begun else visit.send(progress_line(last)))


async def delete(visit: Visit, model: str, server: str = "") -> None:
    """Remove a model from the disk of the only server that has it, or of the one named."""
    await _require_house_admin(visit)
    await record(visit.scope, visit.principal, "model.delete", model, server)
    await visit.gateway.delete(model, server)


async def unload(visit: Visit, model: str, server: str = "") -> None:
    """Let a model leave memory."""
    await _require_house_admin(visit)
    await record(visit.scope, visit.principal, "model.unload", model, server)
    await visit.gateway.unload(model, server)


def progress_line(step: PullProgress) -> bytes:
    """A step in Ollama's form, zeros left out."""
    told = {"status": step.status, "digest": step.digest, "total": step.total, "completed": step.completed}
    return orjson.dumps({name: value for name, value in told.items() if value}, option=orjson.OPT_APPEND_NEWLINE)


async def _require_house_admin(visit: Visit) -> None:
    """The servers are everybody's: raises `HouseAdminRequired`, `AdminRequired`, `ScopeMissing`."""
    await get_house_admin(Request(visit.scope), await get_admin(visit.principal))
