"""Misbehaviour scripted by the name of the model, so that any client can ask for it.

| name | what happens |
|---|---|
| `delay-500:1b` | the first byte comes after 500 ms |
| `pace-20:1b` | 20 ms between pieces |
| `slow-headers-500:1b` | the status line itself comes after 500 ms |
| `fail-before:1b` | status 500 with an error |
| `fail-after-3:1b` | an error line after 3 pieces, under status 200 |
| `status-429:1b` | that status with an error |
| `busy:1b` | status 503, Ollama's words for a full queue |
| `hang:1b` | no answer at all |
| `hang-mid:1b` | three pieces, then nothing |
| `cut:1b` | the connection breaks after three pieces |
| `no-answer:1b` | the connection closes before any answer |
| `loop:1b` | repeats itself until the limit of tokens |
| `repeat:1b` | repeats one token; Ollama stops it and the stream ends without its `done` line |
| `invalid-json:1b` | an answer that breaks the schema asked for |
| `broken-line:1b` | a line that is no JSON |
| `not-utf8:1b` | a line whose bytes are no UTF-8 |
| `split-utf8:1b` | packets end in the middle of characters |
| `no-newline:1b` | the last line has no line end |
| `context-overflow:1b` | the error for a prompt that does not fit |
| `empty:1b` | an answer of no text at all, counters left out |
| `redirect:1b` | status 307, to the same address |
| `endless-headers:1b` | a status line and headers, without end |
| `long-line:1b` | a line of 17 MiB |
| `fail-pull…` | a download that breaks off in the middle (only of `/api/pull`) |
| `slow-pull…` | a download of a second (only of `/api/pull`) |
| `not-found…` | status 404, whatever the catalogue says |
"""

import re
from dataclasses import dataclass

_NUMBERED = re.compile(r"^(delay|pace|slow-headers|fail-after|status)-(\d+)$")
_PLAIN = frozenset(
    {
        "fail-before",
        "busy",
        "hang",
        "hang-mid",
        "cut",
        "no-answer",
        "loop",
        "repeat",
        "invalid-json",
        "broken-line",
        "not-utf8",
        "split-utf8",
        "no-newline",
        "context-overflow",
        "empty",
        "redirect",
        "endless-headers",
        "long-line",
    }
)


@dataclass(frozen=True)
class Mode:
    """What a model's name asks for; `kind` is empty for a model that behaves."""

    kind: str = ""
    number: int = 0

    def milliseconds(self, kind: str) -> float:
        """Seconds to wait when this is the mode `kind`, counted in milliseconds by its name; else 0."""
        return self.number / 1000 if self.kind == kind else 0.0


def read_mode(model: str) -> Mode | None:
    """The mode that a model's name scripts; None when it scripts none."""
    name = model.partition(":")[0]
    if name in _PLAIN:
        return Mode(name)
    found = _NUMBERED.match(name)
    return Mode(found[1], int(found[2])) if found else None
