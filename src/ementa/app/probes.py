"""What `/health` asks of each dependency."""

import asyncio
from dataclasses import asdict
from typing import Any

from sqlalchemy import text

from ementa.app.health import Check, Finding
from ementa.bootstrap import Runtime
from ementa.extraction.ocr.tessdata import choose_languages, find_tessdata
from ementa.upkeep.gpus import ANSWER_SECONDS
from ementa.upkeep.settings import UpkeepSettings
from ementa.upkeep.watch import ResourceWatch

_SANDBOX_SECONDS = 600.0
"""Asking starts a child process, so it is not asked at each poll."""


def make_checks(runtime: Runtime) -> list[Check]:
    """Every dependency of a server."""

    async def database() -> Finding:
        async with runtime.database.read() as session:
            await session.execute(text("SELECT 1"))
        return Finding(details={"kind": "sqlite" if runtime.database.is_sqlite else "postgresql"})

    async def jobs() -> Finding:
        failure = runtime.jobs.failure
        if failure is None:
            return Finding()
        return Finding("down", {"error": f"{type(failure).__name__}; it is started again"})

    async def ocr() -> Finding:
        settings = runtime.settings.extraction
        place = await asyncio.to_thread(find_tessdata, settings.tessdata)
        languages, missing = await asyncio.to_thread(choose_languages, place, settings.ocr_languages)
        return Finding("degraded" if missing else "ok", {"languages": languages, "missing": missing})

    async def sandbox() -> Finding:
        hello = await runtime.pool.isolation()
        state = "ok" if hello.seccomp and hello.network != "open" else "degraded"
        return Finding(state, {"network": hello.network, "seccomp": hello.seccomp})

    async def models() -> Finding:
        health: dict[str, Any] = await runtime.gateway.health()
        told: dict[str, Any] = {"servers": health["servers"]}
        if runtime.keeper.is_on:
            told["restarts"] = runtime.keeper.tell()
        return Finding(health["status"], told)

    return [
        Check("database", database, required=True),
        Check("jobs", jobs, fresh_seconds=1.0),
        *_resources(runtime),
        Check("ocr", ocr, fresh_seconds=60.0),
        Check("sandbox", sandbox, fresh_seconds=_SANDBOX_SECONDS),
        Check("models", models),
    ]


def _resources(runtime: Runtime) -> list[Check]:
    watch = runtime.watch

    async def disk() -> Finding:
        seen = watch.look()
        state = "ok" if seen.free_disk >= seen.min_free_disk else "down"
        return Finding(state, {"free_bytes": seen.free_disk, "min_free_bytes": seen.min_free_disk})

    async def memory() -> Finding:
        seen = watch.look()
        state = "ok" if seen.used_memory <= seen.max_memory else "down"
        return Finding(state, {"used_bytes": seen.used_memory, "max_bytes": seen.max_memory})

    async def gpu() -> Finding:
        return find_gpus(watch, runtime.settings.upkeep)

    return [
        Check("disk", disk, required=True),
        Check("memory", memory, required=True),
        Check("gpu", gpu, fresh_seconds=1.0),
    ]


def find_gpus(watch: ResourceWatch, settings: UpkeepSettings) -> Finding:
    """The GPUs as last seen. A machine without any is in order, and so is one whose `nvidia-smi` has never named any:
    only what was there, or is needed for a limit, is missed."""
    report = watch.gpus
    told: dict[str, Any] = {
        "gpus": [asdict(gpu) for gpu in report.gpus],
        "max_memory_share": settings.max_gpu_memory_share,
    }
    if settings.gpu_seconds and watch.gpu_age > 3 * (settings.gpu_seconds + ANSWER_SECONDS):
        return Finding("unknown", {**told, "error": "not seen lately"})
    if report.error:
        missed = watch.has_gpus or settings.max_gpu_memory_share is not None
        return Finding("degraded" if missed else "ok", {**told, "error": f"nvidia-smi: {report.error}"})
    return Finding("degraded" if watch.gpus_are_full else "ok", told)
