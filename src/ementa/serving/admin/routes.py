"""Every address of administration, as one router."""

from fastapi import APIRouter

from ementa.serving.admin import aliases, keys, prices, rules, servers, users

router = APIRouter()
for part in (servers, aliases, rules, prices, keys, users):
    router.include_router(part.router)
