"""Self-checks: what is installed, reachable and allowed here, what is not, and how to fix it, in both languages."""

import asyncio
import platform
import shutil
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ementa.db.database import Database
from ementa.db.secrets import SecretBox
from ementa.extraction.errors import OcrUnavailable
from ementa.extraction.ocr.tessdata import choose_languages, find_tessdata
from ementa.extraction.sandbox.pool import SandboxPool
from ementa.extraction.settings import ExtractionSettings
from ementa.identity.errors import KeyTooWeak
from ementa.identity.keys import require_strong
from ementa.identity.settings import IdentitySettings
from ementa.kit.errors import EmentaError, Language
from ementa.llm.checks import list_kinds
from ementa.llm.gateway import Gateway
from ementa.llm.loading import load_config
from ementa.storage.directory import prepare_data
from ementa.storage.errors import DataDirectoryUnusable
from ementa.upkeep.memory import memory_limit
from ementa.upkeep.settings import UpkeepSettings

State = Literal["ok", "warning", "error"]
_GB = 1_000_000_000
_MIN_MEMORY = 1_500_000_000
_CHECK_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Advice:
    """Two languages, one meaning."""

    pt: str
    en: str

    def text(self, language: Language) -> str:
        """In that language."""
        return self.pt if language == "pt" else self.en


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a check found; `fix` says what to do unless all is well."""

    name: str
    state: State
    found: str
    fix: Advice | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined. The parts are opened by whoever calls, and closed by them."""

    data: Path
    host: str
    port: int
    database: Database
    secrets: SecretBox
    pool: SandboxPool
    gateway: Gateway
    extraction: ExtractionSettings
    identity: IdentitySettings
    upkeep: UpkeepSettings
    default_model: str
    plugins: frozenset[str]


async def examine(patient: Patient) -> AsyncGenerator[Diagnosis]:
    """Every check, one after the other; none raises and none takes longer than `_CHECK_SECONDS`."""
    checks: list[tuple[str, Callable[[Patient], Awaitable[Diagnosis]]]] = [
        ("python", _python),
        ("data", _data),
        ("disk", _disk),
        ("memory", _memory),
        ("database", _database),
        ("ocr", _ocr),
        ("sandbox", _sandbox),
        ("key", _key),
        ("port", _port),
        ("servers", _servers),
        ("models", _models),
    ]
    for name, check in checks:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                yield await check(patient)
        except TimeoutError:
            yield Diagnosis(name, "error", "timeout", Advice("Não respondeu a tempo.", "It did not answer in time."))
        except EmentaError as error:
            yield Diagnosis(name, "error", error.code, Advice(error.text("pt"), error.text("en")))
        except Exception as error:  # a self-check reports whatever it meets
            advice = Advice("Falha inesperada; veja a causa ao lado.", "Unexpected failure; see the cause beside.")
            yield Diagnosis(name, "error", f"{type(error).__name__}: {str(error)[:200]}", advice)


async def _python(patient: Patient) -> Diagnosis:
    del patient
    libraries = ", ".join(f"{name} {version(name)}" for name in ("pypdfium2", "tesserocr", "fastapi", "sqlalchemy"))
    found = f"Ementa {version('ementa')}, Python {platform.python_version()}, {platform.machine()}; {libraries}"
    if sys.platform != "linux":
        advice = Advice("Use Linux, WSL 2 ou a imagem Docker.", "Use Linux, WSL 2 or the Docker image.")
        return Diagnosis("python", "error", found, advice)
    return Diagnosis("python", "ok", found)


async def _data(patient: Patient) -> Diagnosis:
    path = patient.data.absolute()
    try:
        prepare_data(path)
    except DataDirectoryUnusable as error:
        return Diagnosis("data", "error", str(path), Advice(error.text("pt"), error.text("en")))
    mode = path.stat().st_mode & 0o777
    found = f"{path} ({mode:04o})"
    if mode & 0o077:
        advice = Advice(f"Outros usuários podem ler: chmod 700 {path}", f"Other users can read it: chmod 700 {path}")
        return Diagnosis("data", "warning", found, advice)
    return Diagnosis("data", "ok", found)


async def _disk(patient: Patient) -> Diagnosis:
    place = patient.data.absolute()
    there = next(path for path in (place, *place.parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    found = f"{free / _GB:.1f} GB"
    if free < patient.upkeep.min_free_disk_bytes:
        advice = Advice("Libere espaço: novos envios são recusados.", "Free some space: new uploads are refused.")
        return Diagnosis("disk", "error", found, advice)
    return Diagnosis("disk", "ok", found)


async def _memory(patient: Patient) -> Diagnosis:
    limit = patient.upkeep.max_rss_bytes or memory_limit()
    found = f"{limit / _GB:.1f} GB"
    if limit < _MIN_MEMORY:
        advice = Advice(
            "Dê ao menos 1,5 GB; com modelos de linguagem na mesma máquina, 4 GB.",
            "Give it at least 1.5 GB; 4 GB with language models on the same machine.",
        )
        return Diagnosis("memory", "warning", found, advice)
    return Diagnosis("memory", "ok", found)


async def _database(patient: Patient) -> Diagnosis:
    kind = "SQLite" if patient.database.is_sqlite else "PostgreSQL"
    advice = Advice(
        "Confira EMENTA_DATABASE_URL, a rede e a senha (ou o disco, no SQLite).",
        "Check EMENTA_DATABASE_URL, the network and the password (or the disk, for SQLite).",
    )
    try:
        async with patient.database.read() as session:
            function = "sqlite_version()" if patient.database.is_sqlite else "current_setting('server_version')"
            number = await session.scalar(text(f"SELECT {function}"))
    except Exception as error:  # every driver has its own
        return Diagnosis("database", "error", f"{kind}: {type(error).__name__}", advice)
    return Diagnosis("database", "ok", f"{kind} {number}")


async def _ocr(patient: Patient) -> Diagnosis:
    install = Advice(
        "Instale: sudo apt install tesseract-ocr tesseract-ocr-por tesseract-ocr-eng",
        "Install: sudo apt install tesseract-ocr tesseract-ocr-por tesseract-ocr-eng",
    )
    try:
        place = await asyncio.to_thread(find_tessdata, patient.extraction.tessdata)
        languages, missing = choose_languages(place, patient.extraction.ocr_languages)
    except OcrUnavailable as error:
        return Diagnosis("ocr", "error", error.code, install)
    if missing:
        return Diagnosis("ocr", "warning", f"{languages}; missing: {', '.join(missing)}", install)
    return Diagnosis("ocr", "ok", f"{languages} ({place})")


async def _sandbox(patient: Patient) -> Diagnosis:
    hello = await patient.pool.isolation()
    found = f"network: {hello.network}, seccomp: {hello.seccomp}"
    if hello.network == "open" or not hello.seccomp:
        advice = Advice(
            "O kernel não isola os processos de leitura; os limites de memória e tempo continuam valendo. "
            "Em contêiner, permita seccomp.",
            "The kernel does not isolate the reading processes; memory and time limits still hold. "
            "In a container, allow seccomp.",
        )
        return Diagnosis("sandbox", "warning", found, advice)
    return Diagnosis("sandbox", "ok", found)


async def _key(patient: Patient) -> Diagnosis:
    if patient.identity.key is None or not patient.identity.key.get_secret_value():
        return Diagnosis("key", "ok", "data/admin.key")
    try:
        require_strong(patient.identity.key.get_secret_value())
    except KeyTooWeak as error:
        return Diagnosis("key", "error", "EMENTA_KEY", Advice(error.text("pt"), error.text("en")))
    return Diagnosis("key", "ok", "EMENTA_KEY")


async def _port(patient: Patient) -> Diagnosis:
    found = f"{patient.host}:{patient.port}"
    with socket.socket(socket.AF_INET6 if ":" in patient.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((patient.host, patient.port))
        except OSError as error:
            advice = Advice(
                "Em uso: talvez o Ementa já esteja no ar. Senão, escolha outra com --port.",
                "In use: perhaps Ementa is already running. If not, choose another with --port.",
            )
            return Diagnosis("port", "warning", f"{found}: {error.strerror}", advice)
    return Diagnosis("port", "ok", found)


async def _servers(patient: Patient) -> Diagnosis:
    """Those that administrators added; the check of the models that follows counts them in."""
    try:
        async with patient.database.read() as session:
            stored = await load_config(session, patient.secrets, list_kinds(patient.plugins))
    except DBAPIError:
        return Diagnosis("servers", "ok", "0")  # a database that no server has used yet
    await patient.gateway.apply(stored.config)
    found = ", ".join(server.name for server in stored.config.servers) or "0"
    if stored.problems:
        errors = list(stored.problems.values())
        advice = Advice(" ".join(error.text("pt") for error in errors), " ".join(error.text("en") for error in errors))
        return Diagnosis("servers", "warning", found, advice)
    return Diagnosis("servers", "ok", found)


async def _models(patient: Patient) -> Diagnosis:
    health = await patient.gateway.health()
    silent = [server["host"] for server in health["servers"] if not server["reachable"]]
    names = [model.name for model in await patient.gateway.models()]
    found = ", ".join(names[:20])
    if silent:
        hosts = ", ".join(silent)
        advice = Advice(
            f"Sem resposta de {hosts}: inicie o Ollama (`ollama serve`) e confira OLLAMA_HOST. "
            "Sem ele, o modelo ementa-reader continua funcionando.",
            f"No answer from {hosts}: start Ollama (`ollama serve`) and check OLLAMA_HOST. "
            "Without it the model ementa-reader still works.",
        )
        return Diagnosis("models", "warning", found, advice)
    if patient.default_model not in names:
        pull = f"ollama pull {patient.default_model}"
        return Diagnosis(
            "models", "warning", found, Advice(f"Baixe o modelo padrão: {pull}", f"Get the default model: {pull}")
        )
    return Diagnosis("models", "ok", found)
