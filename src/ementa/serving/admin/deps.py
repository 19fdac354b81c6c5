"""What the routes of `/admin/*` need from the running process."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.exc import IntegrityError

from ementa.db.database import Database, Session
from ementa.db.secrets import SecretBox
from ementa.identity import service as identity
from ementa.identity.keyring import Keyring
from ementa.identity.types import Principal
from ementa.kit.errors import Conflict
from ementa.llm.gateway import Gateway
from ementa.llm.watch import ConfigWatch


class Desk:
    """One administrator's request: its transaction, its line in the audit trail, and what must hear of it."""

    def __init__(self, request: Request) -> None:
        runtime = request.app.state.runtime
        self.database: Database = runtime.database
        self.box: SecretBox = runtime.secrets
        self.watch: ConfigWatch = runtime.config_watch
        self.gateway: Gateway = runtime.gateway
        self.plugins: frozenset[str] = runtime.settings.plugins
        self.first_key: str = key.get_secret_value().strip() if (key := runtime.settings.identity.key) else ""
        self.keyring: Keyring = request.app.state.keyring

    @asynccontextmanager
    async def configuring(self, principal: Principal, action: str) -> AsyncGenerator["Act"]:
        """A change to the gateway's configuration: in force in this process when the block has ended."""
        async with self._acting(principal, action) as act:
            yield act
        await self.watch.check()

    @asynccontextmanager
    async def permitting(self, principal: Principal, action: str) -> AsyncGenerator["Act"]:
        """A change to what somebody may do: in force in this process when the block has ended."""
        async with self._acting(principal, action) as act:
            yield act
        self.keyring.forget()

    @asynccontextmanager
    async def _acting(self, principal: Principal, action: str) -> AsyncGenerator["Act"]:
        try:
            async with self.database.transaction() as session:
                act = Act(session)
                yield act
                await identity.record_event(session, principal, action, act.resource, act.details)
        except IntegrityError as error:  # somebody added the same thing at the same moment
            raise Conflict from error


class Act:
    """What is being done. Whoever does it says to what, and with what; never secrets."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.resource = ""
        self.details: Any = None

    def to(self, resource: str, **details: Any) -> None:
        """Name the thing, and say what the trail shall tell of it."""
        self.resource = resource
        self.details = details or None


DeskDep = Annotated[Desk, Depends(Desk)]
