"""What every log line of one request or job carries, kept in context variables so that no function passes it on."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The `X-Request-Id` of the request being served, or of the one that caused the job being run."""
job_id: ContextVar[str] = ContextVar("job_id", default="")
"""The job being run."""
client_address: ContextVar[str] = ContextVar("client_address", default="")
"""Where the request being served came from."""


@contextmanager
def bound(*, request: str = "", job: str = "", client: str = "") -> Generator[None]:
    """Set them while the block lasts."""
    tokens = (request_id.set(request), job_id.set(job), client_address.set(client))
    try:
        yield
    finally:
        for variable, token in zip((request_id, job_id, client_address), tokens, strict=True):
            variable.reset(token)
