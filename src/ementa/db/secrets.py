"""Secrets at rest: encrypted with a key that is not in the database, so that a copy of it gives nothing away.

The key is `EMENTA_SECRET_KEY`, which servers that share a PostgreSQL database must share too, or, when that is not set,
the file `secret.key` of the data directory (0600), made when the first secret is stored. Either may hold several keys,
separated by commas or lines: the first encrypts, all decrypt. To replace a key, put the new one first and start again:
what was encrypted with the old one is encrypted anew (`llm.service.renew_secrets`), and the old one may go.

What is stored: one byte of format, eight that tell the key, a nonce of twelve, and the text under AES-256-GCM, bound to
the row it belongs to: copied into another row it cannot be read.
"""

import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ementa.db.errors import SecretKeyWeak, SecretUnreadable

KEY_FILE = "secret.key"
MIN_CHARS = 32
_FORMAT = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12
_HEAD_BYTES = len(_FORMAT) + _ID_BYTES + _NONCE_BYTES
_ABSENT = {
    "pt": "a chave com que foi gravado não está aqui",
    "en": "the key that it was written with is not here",
}
_SPOILT = {"pt": "o conteúdo foi alterado", "en": "its content was altered"}


class SecretBox:
    """Encrypts and decrypts. Reads its key at first use, and never shows it."""

    def __init__(self, data: Path, configured: SecretStr | None = None) -> None:
        """`data` is the data directory; `configured` comes before its file. Raises `SecretKeyWeak`."""
        self._file = data / KEY_FILE
        self._configured = _split(configured.get_secret_value()) if configured else []
        for text in self._configured:
            if len(text) < MIN_CHARS:
                raise SecretKeyWeak(least=MIN_CHARS)
        self._ciphers: dict[bytes, Any] = {}
        self._texts: list[str] = []

    def seal(self, text: str, owner: str) -> bytes:
        """`text` encrypted for `owner`, the name of what it belongs to. Makes the key file when there is no key."""
        if not self._texts:
            self._load(make=True)
        key = _key_id(self._texts[0])
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + key + nonce + self._ciphers[key].encrypt(nonce, text.encode(), owner.encode())

    def is_old(self, sealed: bytes) -> bool:
        """Whether it was sealed with a key that is no longer the first."""
        if not self._texts:
            self._load()
        return bool(self._texts) and sealed[len(_FORMAT) :][:_ID_BYTES] != _key_id(self._texts[0])

    def unseal(self, sealed: bytes, owner: str) -> str:
        """What was sealed for `owner`; raises `SecretUnreadable`."""
        key = sealed[len(_FORMAT) : len(_FORMAT) + _ID_BYTES]
        if not sealed.startswith(_FORMAT) or len(sealed) <= _HEAD_BYTES:
            raise SecretUnreadable(cause=_SPOILT)
        if key not in self._ciphers:
            self._load()  # another process may have made the file, or an administrator put it back
        cipher = self._ciphers.get(key)
        if cipher is None:
            raise SecretUnreadable(cause=_ABSENT)
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see `_cipher`

        try:
            nonce = sealed[_HEAD_BYTES - _NONCE_BYTES : _HEAD_BYTES]
            return cipher.decrypt(nonce, sealed[_HEAD_BYTES:], owner.encode()).decode()
        except InvalidTag as error:
            raise SecretUnreadable(cause=_SPOILT) from error

    def _load(self, *, make: bool = False) -> None:
        texts = self._configured or self._read_file()
        if not texts and make:
            self._make_file()
            texts = self._read_file()
        self._ciphers = {_key_id(text): _cipher(text) for text in texts}
        self._texts = texts

    def _read_file(self) -> list[str]:
        try:
            return _split(self._file.read_text(encoding="ascii", errors="replace"))
        except FileNotFoundError:
            return []

    def _make_file(self) -> None:
        """Appears whole or not at all; of two processes that make it at once, the first wins."""
        temporary = self._file.with_name(f"{KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                stream.write(f"{secrets.token_urlsafe(32)}\n")
                stream.flush()
                os.fsync(stream.fileno())
            try:
                os.link(temporary, self._file)
            except FileExistsError:
                return
            except OSError:  # a file system without hard links
                if not self._file.exists():
                    temporary.replace(self._file)
        finally:
            temporary.unlink(missing_ok=True)


def _split(text: str) -> list[str]:
    return [part for part in re.split(r"[\s,]+", text) if part]


def _key_id(text: str) -> bytes:
    return hashlib.sha256(b"ementa secret key id\0" + text.encode()).digest()[:_ID_BYTES]


def _cipher(text: str) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - 9 MB that few servers need

    # The text has its full entropy already (`MIN_CHARS`): one hash makes it 256 bits, and no slow one is called for.
    return AESGCM(hashlib.sha256(b"ementa secret key\0" + text.encode()).digest())
