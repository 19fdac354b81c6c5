"""Every address of administration, as one router."""

from fastapi import APIRouter

from ementa.serving.admin import aliases, keys, prices, rules, servers, users

router = APIRouter()
for part in (servers, aliases, rules, prices, keys, users):
    router.routes.extend(part.router.routes)  # as they are: to include a router in a router makes each route again
