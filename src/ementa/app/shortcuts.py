"""Leads requests whose address is known by heart straight to their door.

A door needs nothing of what FastAPI puts around a route: no exception handlers (`Outermost` tells every error in the
same form), no exit stack, no search through all routes. What is left out is a third of the cost of a call to a model.
"""

from collections.abc import Iterable

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ementa.serving.deps import Door


class Shortcuts:
    """The innermost middleware."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        """Of `routes` those that have a door and a path without parameters are led to directly."""
        self._app = app
        self._doors = {
            (method, route.path): (route, route.endpoint)
            for route in routes
            if isinstance(route, Route) and isinstance(route.endpoint, Door) and not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and (found := self._doors.get((scope["method"], scope["path"]))) is not None:
            scope["route"], door = found
            await door(scope, receive, send)
        else:
            await self._app(scope, receive, send)
