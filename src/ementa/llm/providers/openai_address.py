"""Where an OpenAI-compatible server is, and with which key it is called."""

import base64
from urllib.parse import unquote, urlsplit, urlunsplit

from ementa.llm.servers import ServerConfig


def split_address(server: ServerConfig) -> tuple[str, dict[str, str]]:
    """The base URL without credentials, and the header that they become.

    A URL without a path gets `/v1`, unless the option `exact_url` says to keep it.
    """
    parts = urlsplit(server.url)
    authority = parts.netloc.rpartition("@")[2]
    path = parts.path.rstrip("/")
    if not path and not server.options.get("exact_url"):
        path = "/v1"
    url = urlunsplit((parts.scheme, authority, path, "", ""))
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if server.secret or not (user and password):
        key = server.secret or password or user
        return url, {"Authorization": f"Bearer {key}"} if key else {}
    return url, {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def origin_of(url: str) -> str:
    """The same server without a path."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))
