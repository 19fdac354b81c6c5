"""What the children are told of a document: plain data, so that the parent needs none of the readers."""

import msgspec

from ementa.extraction.base import Limits


class Task(msgspec.Struct, frozen=True):
    """What the children need to know of a document. Travels as a map."""

    path: str
    filename: str
    media_type: str
    limits: Limits
    languages: str = "por+eng"
    tessdata: str = ""
    plugins: tuple[str, ...] = ()
