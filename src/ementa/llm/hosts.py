"""Addresses of model servers, in every form that people write them."""

from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit

from ementa.llm.errors import ModelHostInvalid

OLLAMA_PORT = 11434


def parse_host(text: str) -> str:
    """The base URL (no trailing slash) of a server written as `host`, `host:port`, `[::1]:port` or a whole URL.

    Follows Ollama's reading of OLLAMA_HOST: without a scheme the port is 11434, with one it is 80 or 443; an address
    that means "every interface" (0.0.0.0, ::) is one to listen on, so we connect to the loopback instead. Raises
    `ModelHostInvalid`, where Ollama would fall back to a default in silence.
    """
    written = text.strip()
    scheme, separator, rest = written.partition("://")
    if not separator:
        scheme, rest = "http", written
    if _is_bare_ipv6(rest):
        rest = f"[{rest}]"
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        port = parts.port
    except ValueError as error:
        raise ModelHostInvalid(host=display_host(written)) from error
    name = parts.hostname or ("127.0.0.1" if not separator else "")
    if scheme not in ("http", "https") or not name or any(c.isspace() for c in name) or parts.query or parts.fragment:
        raise ModelHostInvalid(host=display_host(written))
    if port is None:
        port = OLLAMA_PORT if not separator else {"http": 80, "https": 443}[scheme]
    credentials, at, _ = parts.netloc.rpartition("@")
    return urlunsplit((scheme, f"{credentials}{at}{_connectable(name)}:{port}", parts.path.rstrip("/"), "", ""))


def display_host(url: str) -> str:
    """The address as it may be shown: without user and password."""
    scheme, separator, rest = url.rpartition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def _is_bare_ipv6(text: str) -> bool:
    try:
        return ip_address(text).version == 6
    except ValueError:
        return False


def _connectable(name: str) -> str:
    try:
        address = ip_address(name)
    except ValueError:
        return name
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return f"[{address}]" if address.version == 6 else str(address)
