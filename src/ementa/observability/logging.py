"""Logs as JSON lines: to the console always, to a rotated file in the data directory when asked.

Every line carries time, level, logger, message, the ids of `context.py` and whatever `extra` gives. Secrets are taken
out whatever way they came in; prompts and answers are logged by nobody.
"""

import logging
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO, cast

import orjson

from ementa.observability import context
from ementa.observability.lines import ConsoleLines, FileLines, LineHandler
from ementa.observability.settings import ObservabilitySettings

LOG_DIRECTORY = "logs"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_HIDDEN = "***"
_SECRET_NAMES = frozenset(
    {"key", "api_key", "apikey", "authorization", "cookie", "set-cookie", "password", "passwd", "senha", "secret",
     "token", "proxy-authorization", "x-api-key"}
)  # fmt: skip
_SECRETS = (
    (re.compile(r"(?P<keep>[a-z][a-z0-9+.\-]*://[^/\s:@]*:)[^@/\s]+(?=@)", re.IGNORECASE), rf"\g<keep>{_HIDDEN}"),
    (re.compile(r"(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=\-]{8,}", re.IGNORECASE), rf"\g<keep>{_HIDDEN}"),
    (re.compile(r"\bementa_[A-Za-z0-9_\-]{20,}"), f"ementa_{_HIDDEN}"),
    (
        re.compile(r"(?P<keep>\b(?:key|authorization|password|senha|api[_-]?key|token)['\"]?\s*[:=]\s*['\"]?)[^\s'\",;&]{6,}",
                   re.IGNORECASE),
        rf"\g<keep>{_HIDDEN}",
    ),
)  # fmt: skip
_SECRET_WORDS = ("key", "authorization", "password", "senha", "token")


def redact(text: str) -> str:
    """`text` without the passwords of URLs, keys and tokens."""
    if not _may_hold_secret(text):
        return text
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def _may_hold_secret(text: str) -> bool:
    """Whether any of the patterns could match: looking for a few words costs a tenth of them."""
    if "://" in text or "ementa_" in text:
        return True
    folded = text.casefold()
    if "bearer" in folded or "basic" in folded:
        return True
    return (":" in text or "=" in text) and any(word in folded for word in _SECRET_WORDS)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        for name, variable in (("request_id", context.request_id), ("job_id", context.job_id)):
            if variable.get():
                line[name] = variable.get()
        for name, value in vars(record).items():
            if name not in _STANDARD:
                line[name] = _HIDDEN if name.lower() in _SECRET_NAMES else _clean(value)
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def tell(logger: logging.Logger, level: int, message: str, told: dict[str, Any]) -> None:
    """A line of a logger on the event loop, written a moment later with others.

    For the one line of every request: a tenth of what `logger.log` costs. The texts in `told` must be redacted already
    where they may hold a secret.
    """
    if not logger.isEnabledFor(level):
        return
    handlers = logging.root.handlers
    ours = [handler for handler in handlers if isinstance(handler, LineHandler)]
    if len(ours) != len(handlers):  # somebody else listens too, and is told in the usual way
        logger.log(level, message, extra=told)
        return
    line: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": logging.getLevelName(level),
        "logger": logger.name,
        "message": message,
    }
    if request := context.request_id.get():
        line["request_id"] = request
    if job := context.job_id.get():
        line["job_id"] = job
    line |= told
    written = orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    for handler in ours:
        handler.put(written)


def configure_logging(
    settings: ObservabilitySettings, data: Path | None, *, name: str = "ementa", console: TextIO | None = None
) -> None:
    """Set up logging for this process. `data` is the data directory (None: no file); `name` names the file, so that a
    worker beside a server has its own."""
    handlers: list[logging.Handler] = [ConsoleLines(console or sys.stderr)]
    if data is not None and settings.log_file:
        directory = data / LOG_DIRECTORY
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        handlers.append(FileLines(directory / f"{name}.log", settings.log_file_bytes, settings.log_files))
    for handler in handlers:
        handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(settings.log_level)
    # These tell every statement or step; at DEBUG they would drown what we say ourselves, and print bound values.
    for noisy in ("aiosqlite", "asyncio", "sqlalchemy", "alembic", "procrastinate", "httpcore", "psycopg"):
        logging.getLogger(noisy).setLevel(max(logging.getLevelNamesMapping()[settings.log_level], logging.WARNING))
    logging.captureWarnings(capture=True)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value)
        return {name: _HIDDEN if str(name).lower() in _SECRET_NAMES else _clean(part) for name, part in pairs.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(part) for part in cast("list[Any]", value)]
    return value
