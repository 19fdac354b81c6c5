"""What a GGUF file says of its model, read from its header alone: what it is for, and how much it holds."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

Kind = Literal["chat", "embedding", "rerank"]
MAX_ITEMS = 4096
"""Entries of the header that are looked at; real ones have a few dozen before the vocabulary."""
_MAX_TEXT = 1024 * 1024
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9
_RANK = 4
"""`pooling_type` of a model that scores."""
# general.file_type, as llama.h numbers it
_QUANTIZATIONS = {
    **{0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S"},
    **{12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 32: "BF16"},
}
_ENCODERS = ("bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert")


class NotGguf(ValueError):
    """The file is no GGUF file, or a broken one."""


@dataclass(frozen=True)
class GgufFacts:
    """What is known of the model without loading it."""

    kind: Kind
    context_tokens: int
    """What it was trained for; 0 when the file does not say."""
    architecture: str
    size_bytes: int
    digest: str
    """Changes when the file does."""
    pools: bool = False
    """Whether the file says how vectors of tokens become one of the text."""
    parameter_size: str = ""
    quantization: str = ""


def read_facts(path: Path) -> GgufFacts:
    """Raises `OSError` and `NotGguf`."""
    status = path.stat()
    with path.open("rb") as file:
        try:
            items = _read_items(file)
        except (struct.error, UnicodeDecodeError, OverflowError, MemoryError) as error:
            raise NotGguf(f"a broken header ({error})") from error
    architecture = str(items.get("general.architecture", ""))
    pooling = items.get(f"{architecture}.pooling_type")
    context = items.get(f"{architecture}.context_length", 0)
    kind: Kind = "chat"
    if pooling == _RANK:
        kind = "rerank"
    elif pooling or architecture in _ENCODERS:
        kind = "embedding"
    return GgufFacts(
        kind=kind,
        context_tokens=context if isinstance(context, int) else 0,
        architecture=architecture,
        size_bytes=status.st_size,
        pools=bool(pooling),
        digest=f"{status.st_size:x}-{status.st_mtime_ns:x}",
        parameter_size=str(items.get("general.size_label", "")),
        quantization=_QUANTIZATIONS.get(cast("int", items.get("general.file_type", -1)), ""),
    )


def _read_items(file: BinaryIO) -> dict[str, Any]:
    """The header up to the vocabulary, which every writer puts last."""
    magic, version, _, count = struct.unpack("<4sIQQ", file.read(24))
    if magic != b"GGUF" or version not in (2, 3):
        raise NotGguf("not a GGUF file of version 2 or 3")
    items: dict[str, Any] = {}
    for name, value in _pairs(file, min(count, MAX_ITEMS)):
        if name.startswith("tokenizer."):
            break
        items[name] = value
    return items


def _pairs(file: BinaryIO, count: int) -> Iterator[tuple[str, Any]]:
    for _ in range(count):
        name = _text(file)
        if name.startswith("tokenizer."):
            yield name, None
            return
        (kind,) = struct.unpack("<I", file.read(4))
        yield name, _value(file, kind)


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _TEXT:
        return _text(file)
    if kind == _LIST:
        inner, length = struct.unpack("<IQ", file.read(12))
        if length > MAX_ITEMS:
            raise NotGguf("a list too long for a header")
        return [_value(file, inner) for _ in range(length)] if inner != _LIST else None
    if kind not in _NUMBERS:
        raise NotGguf(f"a value of unknown type {kind}")
    form = f"<{_NUMBERS[kind]}"
    return struct.unpack(form, file.read(struct.calcsize(form)))[0]


def _text(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > _MAX_TEXT:
        raise NotGguf("a text too long for a header")
    data = file.read(length)
    if len(data) < length:
        raise NotGguf("a header that ends in the middle")
    return data.decode()
