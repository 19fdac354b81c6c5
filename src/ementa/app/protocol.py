"""uvicorn's HTTP protocol with what it lacks: a limit on headers while they arrive, a time limit for them, and our
error form for what is not HTTP at all."""

from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ementa.app.cycle import Cycle
from ementa.app.errors import BodyTimeout, HeadersTooLarge, RequestMalformed, status_at
from ementa.kit.errors import EmentaError
from ementa.kit.ids import new_id
from ementa.serving.forms import error_body, face_of
from ementa.settings import ServerSettings

_NOT_HTTP = {"pt": "não é HTTP válido", "en": "it is not valid HTTP"}
_PIPELINED = 65_536
_ROUND_SECONDS = 1.0


def make_protocol(settings: ServerSettings) -> type[HttpToolsProtocol]:
    """The protocol class for uvicorn's `http` option, with these limits."""

    class Protocol(_BoundedProtocol):
        limits = settings
        rounds = _Rounds()

    return Protocol


class _Rounds:
    """Whether somebody looks at the heads that are awaited."""

    running = False


class _BoundedProtocol(HttpToolsProtocol):
    """Answers and hangs up on heads that are malformed, too large or too slow. These are answered in Portuguese: the
    head that would tell the language never came."""

    limits: ServerSettings
    rounds: "_Rounds"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._in_head = True
        self._head_due = 0.0
        """Until when the head that has begun must be whole, by the clock of the loop; 0 when none has."""

    def connection_made(self, transport: Any) -> None:
        """Start the clock for the first head."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._head_due = 0.0
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head before it is parsed and kept."""
        if self._in_head:
            if not self._head_due:
                self._expect_head()
            self._head_bytes += len(data)
        super().data_received(data)
        # What is parsed here may end with a body, so only a head still open after the limit is surely too large.
        if self._in_head and self._head_bytes > self.limits.max_header_bytes + _PIPELINED:
            self._refuse(HeadersTooLarge(limit=self.limits.max_header_bytes))

    def on_headers_complete(self) -> None:
        """The head is whole; what follows is a body."""
        self._in_head = False
        self._head_due = 0.0
        super().on_headers_complete()
        if type(self.cycle) is RequestResponseCycle:  # made just now; it runs from the loop's next turn on
            self.cycle.__class__ = Cycle

    def on_message_complete(self) -> None:
        """What follows is another head."""
        super().on_message_complete()
        self._in_head = True
        self._head_bytes = 0

    def send_400_response(self, msg: str) -> None:
        """What the parser could not understand."""
        del msg
        self._refuse(RequestMalformed(cause=_NOT_HTTP))

    def _expect_head(self) -> None:
        self._head_due = self.loop.time() + self.limits.body_timeout_seconds
        if not self.rounds.running:
            self._go_round()

    def _go_round(self) -> None:
        """Look at all connections of the process whose heads are awaited, and again in a moment while there are any. A
        timer for each head would cost as much as reading it."""
        now, awaited = self.loop.time(), False
        for connection in list(self.connections):
            if isinstance(connection, _BoundedProtocol) and connection._head_due:
                if connection._head_due <= now:
                    seconds = self.limits.body_timeout_seconds
                    connection._refuse(BodyTimeout(seconds=round(seconds, 1)))
                else:
                    awaited = True
        self.rounds.running = awaited
        if awaited:
            pause = min(_ROUND_SECONDS, self.limits.body_timeout_seconds / 10)
            self.loop.call_later(pause, self._go_round)

    def _refuse(self, error: EmentaError) -> None:
        self._head_due = 0.0
        if self.transport.is_closing():
            return
        idle = self._head_bytes == 0
        if not idle and self._may_answer():  # nobody waits for an answer on an idle connection
            face = face_of(getattr(self, "url", b"").decode("latin-1"))  # known once the first line was read
            body = error_body(error, "pt", face)
            status = HTTPStatus(status_at(error, face))
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\nx-request-id: {new_id()}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode("ascii") + body)
        self.transport.close()

    def _may_answer(self) -> bool:
        """Whether an answer now would be taken for that of the request that is being read: nothing is under way, or it
        is this request, still in its body and not yet answered. The application then finds its client gone."""
        if not self.cycle or self.cycle.response_complete:
            return True
        if self._in_head or self.pipeline or self.cycle.response_started:
            return False
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        return True
