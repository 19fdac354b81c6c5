"""Making keys, hashing them, and refusing those that could be guessed."""

import hashlib
import secrets

from ementa.identity.errors import KeyTooWeak

MIN_CHARS = 16
"""Shorter keys are refused. 16 random characters of base64 are 96 bits."""
PREFIX_CHARS = 12
_MIN_DIFFERENT = 6
_PLACEHOLDERS = (
    "change-me", "change_me", "changeme", "changethis", "change-this", "your-key", "your_key", "yourkey", "sua-chave",
    "sua_chave", "suachave", "minha-chave", "troque", "trocar", "altere", "placeholder", "example", "exemplo",
    "password", "senha", "secret-key", "default", "insira", "insert", "12345678", "abcdefgh", "qwerty",
)  # fmt: skip


def new_key() -> str:
    """A new random key: 256 bits, recognisable by its prefix when it leaks into a log or a repository."""
    return f"ementa_{secrets.token_urlsafe(32)}"


def hash_key(key: str) -> str:
    """What is stored and looked up instead of the key (SHA-256, hex)."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def require_strong(key: str) -> None:
    """Raise `KeyTooWeak` for a key that is short, repetitive, a known placeholder or unfit for a header."""
    lowered = key.lower()
    if len(key) < MIN_CHARS:
        cause = {"pt": f"tem menos de {MIN_CHARS} caracteres", "en": f"it has fewer than {MIN_CHARS} characters"}
    elif any(word in lowered for word in _PLACEHOLDERS):
        cause = {"pt": "parece um texto de exemplo", "en": "it looks like a placeholder"}
    elif len(set(key)) < _MIN_DIFFERENT:
        cause = {"pt": "repete os mesmos caracteres", "en": "it repeats the same characters"}
    elif not (key.isascii() and key.isprintable()) or " " in key:
        cause = {
            "pt": "tem espaços ou caracteres que não cabem em um cabeçalho HTTP",
            "en": "it has spaces or characters that do not fit an HTTP header",
        }
    else:
        return
    raise KeyTooWeak(cause=cause)
