"""What a user asks of a document: the fields of `POST /upload`, read from headers, form or query and checked.

A header cannot carry every character, so a value may be raw UTF-8, Latin-1 or percent-encoded UTF-8. It is taken for
percent-encoded only when nothing in it would have had to be encoded: "desconto de 10%" keeps its sign.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec

from ementa.analysis.errors import CallbackRefused, FieldInvalid, FieldMissing, FieldRepeated
from ementa.analysis.settings import AnalysisSettings
from ementa.kit.errors import TooLarge

_ENCODED = re.compile(r"[A-Za-z0-9\-._~!'()*;,/?:@&=+$#]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9\-._~!'()*;,/?:@&=+$#]*)+")
_PRIORITIES = {"low": -10, "normal": 0, "high": 10}

FIELDS = (
    "prompt",
    "format-response",
    "example",
    "model",
    "ttl",
    "idempotency-key",
    "priority",
    "callback-url",
    "filename",
)
"""The fields of an upload, as header names in lower case; a form or query may write `_` for `-`."""


class FieldTooLong(TooLarge):
    """A field is longer than its limit."""

    code = "HEADER_TOO_LARGE"
    pt = "O campo {name} passa do limite de {limit} caracteres. Campos longos podem vir no formulário multipart."
    en = "Field {name} is longer than its limit of {limit} characters. Long fields may come in the multipart form."


class Ask(NamedTuple):
    """A checked request, before the file."""

    prompt: str
    format_text: str
    example_text: str | None
    model: str
    ttl_seconds: int
    priority: int
    idempotency_key: str | None
    callback_url: str | None
    filename: str | None

    def fingerprint(self, sha256: str) -> str:
        """What must be equal for a repeated Idempotency-Key to be the same request."""
        parts = (sha256, self.prompt, self.format_text, self.example_text, self.model, self.callback_url)
        return hashlib.sha256(msgspec.msgpack.encode(parts)).hexdigest()


def decode_header(raw: bytes) -> str:
    """A header's value as the user meant it; see the module's text for the rule."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    text = text.strip()
    if not _ENCODED.fullmatch(text):
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text


def collect_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The upload fields found among raw headers; raises `FieldRepeated`."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        if name in FIELDS:
            _put(found, name, decode_header(raw_value))
    return found


def collect_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The upload fields found among form or query pairs; raises `FieldRepeated`."""
    found: dict[str, str] = {}
    for raw_name, value in pairs:
        name = raw_name.lower().replace("_", "-")
        if name in FIELDS:
            _put(found, name, value)
    return found


def read_ask(fields: Mapping[str, str], settings: AnalysisSettings) -> Ask:
    """The request that `fields` make; raises the first problem found, naming the field and what to send."""
    prompt = _required(
        fields,
        "Prompt",
        pt="diga o que procurar, por exemplo: Extraia o CNPJ do emitente.",
        en="say what to find, for example: Extract the issuer's CNPJ.",
    )
    format_text = _required(
        fields,
        "Format-Response",
        pt='um exemplo JSON da resposta, como [{"CNPJ": ""}].',
        en='a JSON example of the answer, such as [{"CNPJ": ""}].',
    )
    model = _required(
        fields,
        "Model",
        pt="por exemplo gemma3:1b, ou ementa-reader (sem modelo).",
        en="for example gemma3:1b, or ementa-reader (no model).",
    )
    _within("Prompt", prompt, settings.max_prompt_chars)
    _within("Model", model, 200)
    _within("Idempotency-Key", fields.get("idempotency-key", ""), 200)
    return Ask(
        prompt=prompt,
        format_text=format_text,
        example_text=fields.get("example") or None,
        model=model,
        ttl_seconds=_ttl(fields.get("ttl"), settings),
        priority=_priority(fields.get("priority")),
        idempotency_key=fields.get("idempotency-key") or None,
        callback_url=_callback(fields.get("callback-url"), settings),
        filename=fields.get("filename") or None,
    )


def clean_filename(name: str | None) -> str:
    """A file name fit to store and show: no directories, no control characters, at most 255 characters."""
    base = re.split(r"[/\\]", name or "")[-1]
    base = "".join(character for character in base if character.isprintable()).strip().strip(".") or "documento"
    if len(base) <= 255:
        return base
    stem, dot, extension = base.rpartition(".")
    return base[:255] if not dot or len(extension) > 20 else f"{stem[: 254 - len(extension)]}.{extension}"


def _put(found: dict[str, str], name: str, value: str) -> None:
    if "\x00" in value:
        raise FieldInvalid(name=name, hint={"pt": "contém o caractere nulo.", "en": "it contains the null character."})
    if name in found:
        raise FieldRepeated(name=name)
    found[name] = value


def _required(fields: Mapping[str, str], name: str, *, pt: str, en: str) -> str:
    value = fields.get(name.lower(), "").strip()
    if not value:
        raise FieldMissing(details={"header": name}, name=name, hint={"pt": pt, "en": en})
    return value


def _within(name: str, value: str, limit: int) -> None:
    if len(value) > limit:
        raise FieldTooLong(details={"header": name, "limit": limit}, name=name, limit=limit)


def _ttl(text: str | None, settings: AnalysisSettings) -> int:
    if not text:
        return settings.ttl_seconds
    if not re.fullmatch(r"\d{1,9}", text.strip(), re.ASCII) or not 1 <= int(text) <= settings.max_ttl_seconds:
        most = settings.max_ttl_seconds
        hint = {"pt": f"use segundos inteiros, de 1 a {most}.", "en": f"use whole seconds, from 1 to {most}."}
        raise FieldInvalid(name="TTL", hint=hint)
    return int(text)


def _priority(text: str | None) -> int:
    if not text:
        return 0
    value = text.strip().lower()
    if value in _PRIORITIES:
        return _PRIORITIES[value]
    if re.fullmatch(r"-?\d{1,3}", value, re.ASCII) and -100 <= int(value) <= 100:
        return int(value)
    raise FieldInvalid(
        name="Priority",
        hint={
            "pt": "use low, normal, high ou um inteiro de -100 a 100.",
            "en": "use low, normal, high or an integer from -100 to 100.",
        },
    )


def _callback(text: str | None, settings: AnalysisSettings) -> str | None:
    if not text:
        return None
    _within("Callback-Url", text, 2000)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise FieldInvalid(
            name="Callback-Url", hint={"pt": "não é um endereço.", "en": "it is not an address."}
        ) from error
    named = {host, f"{host}:{port}"}
    if parts.scheme not in ("http", "https") or not host or parts.username or not named & set(settings.callback_hosts):
        raise CallbackRefused
    return text
