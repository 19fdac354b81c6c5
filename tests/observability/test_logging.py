"""Log lines: JSON, with ids, rotated, and without secrets."""

import asyncio
import io
import json
import logging
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ementa.observability import context
from ementa.observability.logging import _SECRETS, configure_logging, redact, tell
from ementa.observability.settings import ObservabilitySettings


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def lines(console: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in console.getvalue().splitlines()]


def test_a_line_carries_its_request_and_job() -> None:
    console = io.StringIO()
    configure_logging(ObservabilitySettings(), None, console=console)
    with context.bound(request="req-1", job="job-1"):
        logging.getLogger("x").info("olá %s", "mundo", extra={"pages": 3})
    logging.getLogger("x").info("after")
    first, second = lines(console)
    assert (first["message"], first["request_id"], first["job_id"], first["pages"]) == (
        "olá mundo",
        "req-1",
        "job-1",
        3,
    )
    assert first["level"] == "INFO"
    assert "request_id" not in second


def test_debug_is_silent_by_default() -> None:
    console = io.StringIO()
    configure_logging(ObservabilitySettings(), None, console=console)
    logging.getLogger("x").debug("a prompt")
    assert console.getvalue() == ""


def test_secrets_never_reach_a_line() -> None:
    console = io.StringIO()
    configure_logging(ObservabilitySettings(log_level="DEBUG"), None, console=console)
    log = logging.getLogger("x")
    secret = "s3cr3t-9f8e7d6c5b4a"
    log.info("connecting to postgresql://ementa:%s@db/ementa", secret)
    log.info("headers", extra={"headers": {"Key": secret, "authorization": f"Bearer {secret}"}, "key": secret})
    log.info("Authorization: Bearer %s", secret)
    log.info("Key: %s", secret)
    log.info("made ementa_%s", secret * 2)
    try:
        raise ValueError(f"https://user:{secret}@host/path?token={secret}")
    except ValueError:
        log.exception("failed", extra={"urls": [f"http://a:{secret}@b"]})
    assert secret not in console.getvalue()
    assert len(lines(console)) == 6


def test_the_file_is_rotated_and_private(tmp_path: Path) -> None:
    settings = ObservabilitySettings(log_file_bytes=2000, log_files=2)
    configure_logging(settings, tmp_path, console=io.StringIO())
    for number in range(200):
        logging.getLogger("x").info("line %s", number)
    files = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert files == ["ementa.log", "ementa.log.1", "ementa.log.2"]
    for path in (tmp_path / "logs").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.stat().st_size <= 2000


@given(st.text(max_size=300))
def test_redacting_any_text_ends_and_keeps_its_lines(text: str) -> None:
    assert redact(redact(text)) == redact(text) or "***" in redact(text)


PIECES = st.sampled_from(
    [
        "://",
        "http",
        "user",
        ":",
        "=",
        "@",
        " ",
        "Bearer",
        "BASIC",
        "ementa_",
        "Key",
        "SENHA",
        "api-key",
        "token",
        "x" * 25,
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_the_look_before_redacting_misses_nothing(text: str) -> None:
    expected = text
    for pattern, replacement in _SECRETS:
        expected = pattern.sub(replacement, expected)
    assert redact(text) == expected


async def test_a_line_that_may_wait_is_written_soon_and_in_its_order() -> None:
    console = io.StringIO()
    configure_logging(ObservabilitySettings(), None, console=console)
    log = logging.getLogger("x")
    with context.bound(request="req-1"):
        tell(log, logging.INFO, "first", {"pages": 3})
        tell(log, logging.DEBUG, "never", {})
    log.info("second")
    tell(log, logging.INFO, "third", {})
    assert [line["message"] for line in lines(console)] == ["first", "second"]
    assert lines(console)[0] | {"time": ""} == {
        "time": "", "level": "INFO", "logger": "x", "message": "first", "request_id": "req-1", "pages": 3,
    }  # fmt: skip
    for _ in range(1000):
        if len(lines(console)) == 3:
            break
        await asyncio.sleep(0.02)
    assert lines(console)[2]["message"] == "third"


async def test_what_waits_is_written_when_the_process_ends(tmp_path: Path) -> None:
    configure_logging(ObservabilitySettings(), tmp_path, console=io.StringIO())
    tell(logging.getLogger("x"), logging.INFO, "last words", {})
    logging.shutdown(list(map(weakref.ref, logging.getLogger().handlers)))
    assert "last words" in (tmp_path / "logs" / "ementa.log").read_text()


async def test_other_listeners_hear_of_it_too(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger().addHandler(caplog.handler)
    with caplog.at_level(logging.INFO):
        tell(logging.getLogger("x"), logging.INFO, "heard", {"pages": 3})
    assert [(record.message, vars(record)["pages"]) for record in caplog.records] == [("heard", 3)]
