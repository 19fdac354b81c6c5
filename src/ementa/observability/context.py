"""What every log line of one request or job carries, kept in context variables so that no function passes it on."""

from contextvars import ContextVar, Token
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The `X-Request-Id` of the request being served, or of the one that caused the job being run."""
job_id: ContextVar[str] = ContextVar("job_id", default="")
"""The job being run."""
client_address: ContextVar[str] = ContextVar("client_address", default="")
"""Where the request being served came from."""

request_line: ContextVar[dict[str, Any] | None] = ContextVar("request_line", default=None)
"""What the one line about the request being served will say, for whoever knows more of it; None where no line comes."""


class bound:
    """Set them while a block lasts: `with bound(request=…)`. A class, for a generator costs as much as the rest."""

    __slots__ = ("_tokens", "_values")

    def __init__(self, *, request: str = "", job: str = "", client: str = "") -> None:
        self._values = (request, job, client)
        self._tokens: tuple[Token[str], Token[str], Token[str]] | None = None

    def __enter__(self) -> None:
        request, job, client = self._values
        self._tokens = (request_id.set(request), job_id.set(job), client_address.set(client))

    def __exit__(self, *_: object) -> None:
        if self._tokens is not None:
            request, job, client = self._tokens
            request_id.reset(request)
            job_id.reset(job)
            client_address.reset(client)
