"""What the main job answers over HTTP. The names are the users' own: never change one."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, PlainSerializer

from ementa.kit.clock import rfc3339
from ementa.kit.errors import Language

Instant = Annotated[datetime, PlainSerializer(rfc3339, return_type=str)]

LABELS: dict[str, dict[Language, str]] = {
    "uploaded": {"pt": "Upload realizado", "en": "Uploaded"},
    "text_extracted": {"pt": "Texto extraído", "en": "Text extracted"},
    "prompt_processed": {"pt": "Prompt processado", "en": "Prompt processed"},
    "done": {"pt": "Concluído", "en": "Done"},
    "error": {"pt": "Erro", "en": "Error"},
    "cancelled": {"pt": "Cancelado", "en": "Cancelled"},
}
"""Every status with its label, in both languages."""


class UploadAccepted(BaseModel):
    """The document was stored durably and waits its turn."""

    id: str
    status: str
    status_label: str
    queue_url: str
    response_url: str
    expires_at: Instant


class QueueError(BaseModel):
    """Why a document ended in error."""

    error: str
    code: str
    details: Any


class QueueItem(BaseModel):
    """One document in the queue."""

    id: str
    filename: str
    model: str
    status: str
    status_label: str
    progress: Annotated[float, Field(ge=0, le=1, description="Of the whole way, 0 to 1.")]
    position: Annotated[int | None, Field(description="Its place in its queue, from 1; null when it does not wait.")]
    error: QueueError | None
    created_at: Instant
    updated_at: Instant
    expires_at: Instant


class QueuePage(BaseModel):
    """A page of the queue, newest first."""

    documents: list[QueueItem]
    total: int
    next: Annotated[str | None, Field(description="Cursor of the next page; null on the last.")]


class Citation(BaseModel):
    """A passage that a sentence stands on."""

    page: int
    boxes: list[tuple[float, float, float, float]]
    text: str


class ProofRead(BaseModel):
    """The proof of one leaf. Boxes are in points of the page, origin at its top left corner."""

    path: Annotated[str, Field(description="JSON Pointer (RFC 6901) into `response`.")]
    value: Any
    page: int | None
    boxes: list[tuple[float, float, float, float]]
    text: Annotated[str, Field(description="The words of the document that show the value.")]
    how: Annotated[str, Field(description="exact, normalised, ocr_repaired, computed or unproven.")]
    checks: list[str]
    confidence: float
    page_width: float | None
    page_height: float | None
    citations: list[Citation]


class UsageRead(BaseModel):
    """What the answer cost."""

    tokens: int
    cost: float
    latency_ms: int


class AnswerRead(BaseModel):
    """The answer in the asked form, with the proof of every value."""

    id: str
    status: str
    model: Annotated[str, Field(description="The model that really answered.")]
    response: Any
    proof: list[ProofRead]
    usage: UsageRead
    warnings: list[str]
    expires_at: Instant


class Working(BaseModel):
    """The answer is not ready yet: ask again after `Retry-After` seconds."""

    id: str
    status: str
    status_label: str
    progress: float
