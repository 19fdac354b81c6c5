"""E-mail addresses: the dot-atom form of RFC 5322 with the length limits of RFC 5321."""

import re

PATTERN = r"[A-Za-z0-9](?:[A-Za-z0-9._%+\-]{0,63})@[A-Za-z0-9](?:[A-Za-z0-9\-]{0,62})(?:\.[A-Za-z0-9\-]{1,63}){1,6}"
_FORM = re.compile(PATTERN)


def parse_email(text: str) -> str | None:
    """The address as written, without surrounding signs; None for what cannot be one."""
    address = text[:320].strip(" <>()[],;:\"'").removesuffix(".")
    if len(address) > 254 or not _FORM.fullmatch(address) or ".." in address:
        return None
    local, _, domain = address.partition("@")
    last = domain.rpartition(".")[2]
    if len(local) > 64 or local.endswith(".") or not last.isalpha() or len(last) < 2:
        return None
    return address
