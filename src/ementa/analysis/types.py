"""The words of the main job: kinds of value, candidates with evidence, and the proof of a leaf."""

from enum import StrEnum
from typing import Any

import msgspec

from ementa.extraction.types import Box


class Kind(StrEnum):
    """What a field holds. Decides the reader that looks for it and the form of its value."""

    CNPJ = "cnpj"
    CPF = "cpf"
    CPF_OR_CNPJ = "cpf_cnpj"
    ACCESS_KEY = "access_key"  # NF-e, NFC-e, CT-e, MDF-e: 44 characters
    BOLETO = "boleto"
    PIX = "pix"
    DATE = "date"
    MONEY = "money"
    NUMBER = "number"
    INTEGER = "integer"
    PERCENT = "percent"
    CODE = "code"  # the number of a document: digits and letters, not a quantity
    EMAIL = "email"
    PHONE = "phone"
    CEP = "cep"
    PLATE = "plate"
    PIS = "pis"
    CNH = "cnh"
    RENAVAM = "renavam"
    VOTER_ID = "voter_id"
    STATE = "state"  # UF
    NAME = "name"
    ADDRESS = "address"
    BOOLEAN = "boolean"
    TEXT = "text"
    ANSWER = "answer"  # an open question: sentences with citations


class How(StrEnum):
    """How a value was found, from the strongest proof to none."""

    EXACT = "exact"  # these characters stand on the page
    NORMALISED = "normalised"  # the same value written otherwise (mask, date form, decimal comma)
    OCR_REPAIRED = "ocr_repaired"  # one unique repair of misread characters satisfies the check digits
    COMPUTED = "computed"  # follows from values that stand on the page
    UNPROVEN = "unproven"  # a model said so; nothing on the page shows it


class Evidence(msgspec.Struct, frozen=True):
    """Where a value stands: the quoted text and the boxes of its words, one page."""

    page: int
    boxes: tuple[Box, ...]
    text: str


class Candidate(msgspec.Struct, frozen=True):
    """A value that a reader proposes, with its proof."""

    kind: Kind
    value: Any
    """In the canonical form of its kind: `12.345.678/0001-95`, `2026-03-31`, `1234.56`…"""
    evidence: Evidence
    how: How = How.EXACT
    checks: tuple[str, ...] = ()
    """Names of the checks it passed: `cnpj_digits`, `key_matches_cnpj`, …"""
    confidence: float = 1.0
    label: str = ""
    """The words of the document that name this value (left of it, above it, or its column)."""
    label_score: float = 0.0
    """How surely `label` belongs to the value by geometry, 0 to 1."""
    reader: str = ""
    row: str = ""
    """The same for candidates of one row of one table (`p1t2r3`), empty outside tables."""
    party: str = ""
    """The section or party of the document it stands in (`emitente`, `destinatario`…), as headings say it."""


class LeafProof(msgspec.Struct, frozen=True):
    """The proof of one leaf of the answer. `path` is a JSON Pointer (RFC 6901)."""

    path: str
    value: Any
    how: How
    page: int | None = None
    boxes: tuple[Box, ...] = ()
    text: str = ""
    checks: tuple[str, ...] = ()
    confidence: float = 0.0
    page_width: float | None = None
    page_height: float | None = None
    citations: tuple[Evidence, ...] = ()
    """For open answers: the passages that each sentence stands on, in order."""


class Usage(msgspec.Struct, frozen=True):
    """What the answer cost. Tokens of the model, cost in R$ (0 for local models without a price), milliseconds."""

    tokens: int = 0
    cost: float = 0.0
    latency_ms: int = 0


class Outcome(msgspec.Struct, frozen=True):
    """The answer in the asked form, the proof of every leaf, and the model that really answered."""

    response: Any
    proof: tuple[LeafProof, ...]
    model: str
    usage: Usage = Usage()
    warnings: tuple[str, ...] = ()
