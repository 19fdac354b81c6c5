"""One real server for these tests, with small limits; each test leaves it as it found it."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ementa.testing.server import RunningServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    environment = {
        "EMENTA_EXTRACTION__MAX_UPLOAD_BYTES": "3000000",
        "EMENTA_APP__BODY_TIMEOUT_SECONDS": "1",
        "EMENTA_APP__MAX_HEADER_BYTES": "40000",
        "EMENTA_APP__FORM_BYTES": "100000",
    }
    with RunningServer(tmp_path_factory.mktemp("app") / "data", environment) as running:
        yield running


class Raw:
    """Bytes sent as they are, and the answer taken apart."""

    def __init__(self, port: int) -> None:
        self._port = port

    def send(self, data: bytes, *, half_close: bool = False) -> tuple[int, dict[str, str], Any]:
        """Status, headers (lower case) and JSON of the first answer."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=20) as connection:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            while chunk := connection.recv(65_536):
                received += chunk
                head, separator, body = received.partition(b"\r\n\r\n")
                if separator and len(body) >= _length(head):
                    break
        head, _, body = received.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(status_line.split()[1]), headers, json.loads(body) if body else None


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


@pytest.fixture
def raw(server: RunningServer) -> Raw:
    return Raw(server.port)
