"""What a model thought before it called a tool, kept for the turn that brings the tool's result.

Anthropic and Google sign a model's thoughts and want them back with the calls that they led to, but the dialects that
our clients speak have no place for a signature. So they stay here, by the id of the call. A conversation that goes on
in another process, or much later, finds nothing: providers then go on without, as far as their server allows.
"""

from collections import OrderedDict
from typing import Any

import msgspec

MOST_BYTES = 16 * 1024 * 1024


class Thoughts:
    """Thoughts of one server's models; the oldest leave first when `most_bytes` is reached."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def keep(self, call_id: str, thought: Any) -> None:
        """Remember what led to a call, as any JSON value."""
        data = msgspec.json.encode(thought)
        self._bytes += len(data) - len(self._kept.pop(call_id, b""))
        self._kept[call_id] = data
        while self._bytes > self._most_bytes:
            self._bytes -= len(self._kept.popitem(last=False)[1])

    def of(self, call_id: str) -> Any:
        """What led to a call; None when it is not known."""
        data = self._kept.get(call_id)
        return None if data is None else msgspec.json.decode(data)
