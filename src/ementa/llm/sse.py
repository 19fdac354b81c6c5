"""Reads server-sent events as they arrive, wherever the network cuts them.

`read_events` is for most; `EventReader` is the same without a loop of its own, for whoever passes bytes on and only
looks at what goes by. Data stays bytes: it is cut at ends of lines alone, so a character split between chunks is whole
again, and JSON is decoded (and its UTF-8 checked) straight from it.
"""

from collections.abc import AsyncGenerator, AsyncIterable

import msgspec

from ementa.llm.ndjson import LineBroken

MAX_EVENT_BYTES = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event. `name` is empty where the stream names none."""

    data: bytes
    """Its data lines, joined by line feeds."""
    name: str = ""


async def read_events(chunks: AsyncIterable[bytes], max_bytes: int = MAX_EVENT_BYTES) -> AsyncGenerator[Event, None]:
    """Each event of a stream of bytes. Raises `LineBroken` for one larger than `max_bytes`."""
    reader = EventReader(max_bytes)
    async for chunk in chunks:
        for event in reader.feed(chunk):
            yield event
    for event in reader.finish():
        yield event


class EventReader:
    """What has come of a stream and is no whole event yet."""

    def __init__(self, max_bytes: int = MAX_EVENT_BYTES) -> None:
        """`max_bytes` bounds one event."""
        self._max_bytes = max_bytes
        self._pending = bytearray()
        """The beginning of a line."""
        self._data: list[bytes] = []
        self._size = 0
        self._name = ""
        self._begun = False
        self._after_return = False

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes. Raises `LineBroken` for an event that grows too large."""
        if self._after_return and chunk:
            self._after_return = False
            if chunk.startswith(b"\n"):  # the second half of a line end whose first was taken as one already
                chunk = chunk[1:]
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        if not end:
            self._pending += chunk
            if len(self._pending) + self._size > self._max_bytes:
                raise self._too_large()
            return []
        self._after_return = chunk.endswith(b"\r")
        lines = chunk[:end]
        if self._pending:
            lines = bytes(self._pending) + lines
            self._pending.clear()
        self._pending += chunk[end:]
        if not self._begun:
            self._begun = True
            lines = lines.removeprefix(_BOM)
        return self._read(lines.splitlines())

    def finish(self) -> list[Event]:
        """The event that the end of the stream completes: one whose blank line, or even whose line end, never came."""
        lines = bytes(self._pending) if self._begun else bytes(self._pending).removeprefix(_BOM)
        self._pending.clear()
        return self._read([*lines.splitlines(), b""])

    def _read(self, lines: list[bytes]) -> list[Event]:
        events: list[Event] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._add(line[6:] if line.startswith(b" ", 5) else line[5:])
            elif line:
                self._field(line)
            else:
                if self._data:
                    data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                    events.append(Event(data, self._name))
                    self._data.clear()
                    self._size = 0
                self._name = ""
        return events

    def _field(self, line: bytes) -> None:
        """A line that is no `data:`: the event's name, a comment, or what does not concern us."""
        field, _, value = line.partition(b":")
        if field == b"event":
            self._name = value.removeprefix(b" ").decode("utf-8", "replace")
        elif field == b"data":
            self._add(value)

    def _add(self, value: bytes) -> None:
        self._size += len(value) + 1
        if self._size > self._max_bytes + 1:
            raise self._too_large()
        self._data.append(value)

    def _too_large(self) -> LineBroken:
        self._pending.clear()  # whoever is told may remember this reader for a while
        self._data.clear()
        return LineBroken(f"an event is larger than {self._max_bytes} bytes")
