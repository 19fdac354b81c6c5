"""Sessions for routes. Declare the write session with `scope="function"`: with FastAPI's default scope the answer is
sent before the commit, and a failed commit still shows success."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from ementa.db.database import Database, ReadSession, Session


def get_database(request: Request) -> Database:
    """The process's database, for routes that open their own short transactions (streams)."""
    return request.app.state.database


async def get_session(request: Request) -> AsyncIterator[Session]:
    """A write transaction around the route."""
    async with get_database(request).transaction() as session:
        yield session


async def get_read_session(request: Request) -> AsyncIterator[ReadSession]:
    """A read transaction around the route."""
    async with get_database(request).read() as session:
        yield session


DatabaseDep = Annotated[Database, Depends(get_database)]
SessionDep = Annotated[Session, Depends(get_session, scope="function")]
ReadSessionDep = Annotated[ReadSession, Depends(get_read_session, scope="function")]
