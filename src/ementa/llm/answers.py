"""The cache of answers, as the gateway sees it. Its stores are in `answer_stores/`."""

from typing import Protocol


class AnswerStore(Protocol):
    """Remembers bytes by key for a while. A store that fails or is full loses answers, never requests."""

    async def get(self, key: str) -> bytes | None:
        """What was put under `key`, or None when it was not, is too old, or the store does not answer."""
        ...

    async def put(self, key: str, tenant: str, content: bytes, seconds: float) -> None:
        """Remember `content` for `seconds`; `tenant` tells whose it is, for erasure."""
        ...

    async def forget(self, tenant: str) -> None:
        """Erase everything of a tenant."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
