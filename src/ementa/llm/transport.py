"""The one HTTP client session that every provider of a gateway shares."""

import aiohttp

READ_BUFFER_BYTES = 256 * 1024


class Transport:
    """Opens its session on first use, inside the running loop. Never uses a proxy or netrc that nobody configured."""

    def __init__(self, connect_timeout_seconds: float) -> None:
        """`connect_timeout_seconds` bounds reaching a server; the whole call is bounded by whoever makes it."""
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The shared session. Concurrency is bounded by the gateway, so the pool itself has no limit."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=30),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=READ_BUFFER_BYTES,
                trust_env=False,
            )
        return self._session

    async def close(self) -> None:
        """Close every connection. Safe to call twice."""
        if self._session is not None:
            await self._session.close()
            self._session = None
