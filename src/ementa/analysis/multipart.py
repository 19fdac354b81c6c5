"""A multipart upload read as it arrives: the file goes straight to the blob store, small fields are kept.

The usual form parser would first spool the whole file to a temporary directory and only then hand it over.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, cast

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ementa.analysis.errors import FieldRepeated, MultipartInvalid

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FIELD_BYTES = 1_000_000
"""Largest small field; prompt, format and example have tighter limits of their own."""
MAX_PARTS = 50


class MultipartUpload:
    """One multipart body with one file in the field `file`.

    Read `file_chunks()` to its end first; then `fields` holds every other field, and `filename` the file's own name.
    """

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        """Raises `MultipartInvalid` when the content type names no usable boundary."""
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if not 0 < len(boundary) <= 200:
            raise MultipartInvalid(cause="boundary")
        self._body = body
        self._file: list[bytes] = []
        self._headers: dict[str, bytes] = {}
        self._header_name = b""
        self._header_value = b""
        self._name = ""
        self._in_file = False
        self._value = bytearray()
        self._parts = 0
        self._ended = False
        self._parser = MultipartParser(boundary, _callbacks(self))
        self.fields: list[tuple[str, str]] = []
        self.filename: str | None = None
        self.has_file = False

    async def file_chunks(self) -> AsyncIterator[bytes]:
        """The file's bytes as they arrive; ends when the whole body was read."""
        try:
            async for chunk in self._body:
                self._parser.write(chunk)
                while self._file:
                    yield self._file.pop(0)
            self._parser.finalize()
        except FormParserError as error:
            raise MultipartInvalid(cause=str(error)[:200]) from error
        if not self._ended:
            raise MultipartInvalid(cause={"pt": "o corpo terminou antes do fim", "en": "the body ended too early"})

    def on_part_begin(self) -> None:
        """A new part starts."""
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise MultipartInvalid(cause={"pt": f"mais de {MAX_PARTS} partes", "en": f"more than {MAX_PARTS} parts"})
        self._headers, self._value = {}, bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        """A piece of a header's name."""
        self._header_name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        """A piece of a header's value."""
        self._header_value += data[start:end]

    def on_header_end(self) -> None:
        """A header is complete."""
        self._headers[self._header_name.decode("latin-1").lower()] = self._header_value
        self._header_name = self._header_value = b""

    def on_headers_finished(self) -> None:
        """The part's data follows."""
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._in_file = self._name == "file"
        if not self._name:
            raise MultipartInvalid(cause="Content-Disposition")
        if self._in_file:
            if self.has_file:
                raise FieldRepeated(name="file")
            self.has_file = True
            self.filename = options.get(b"filename", b"").decode("utf-8", "replace") or None

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """A piece of the part's data."""
        if self._in_file:
            self._file.append(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > FIELD_BYTES:
            raise MultipartInvalid(
                cause={"pt": f"o campo {self._name} é longo demais", "en": f"field {self._name} is too long"}
            )

    def on_part_end(self) -> None:
        """The part is complete."""
        if not self._in_file:
            self.fields.append((self._name, self._value.decode("utf-8", "replace")))

    def on_end(self) -> None:
        """The closing boundary came."""
        self._ended = True


def _callbacks(upload: MultipartUpload) -> "MultipartCallbacks":
    names = (
        "on_part_begin",
        "on_part_data",
        "on_part_end",
        "on_header_field",
        "on_header_value",
        "on_header_end",
        "on_headers_finished",
        "on_end",
    )
    return cast("MultipartCallbacks", {name: getattr(upload, name) for name in names})
