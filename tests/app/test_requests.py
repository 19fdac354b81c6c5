"""What a real server answers to requests that are broken, slow, huge, or merely unusual."""

import json
import socket
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from ementa.testing.server import RunningServer

GET = b"GET /models HTTP/1.1\r\nHost: x\r\n"


def assert_form(body: Any, code: str) -> None:
    assert set(body) == {"error", "code", "details", "timestamp"}
    assert body["code"] == code
    assert body["error"]


def blobs(server: RunningServer) -> list[Path]:
    return [path for path in (server.data / "blobs").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"NONSENSE\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (b"GET / HTTP/9.9\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "REQUEST_MALFORMED"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (
            b"GET /models HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            400,
            "REQUEST_MALFORMED",
        ),
        (b"GET /models HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (b"GET /%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n", 400, "REQUEST_MALFORMED"),
        (b"GET /nothing/here HTTP/1.1\r\nHost: x\r\n\r\n", 404, "ROUTE_NOT_FOUND"),
        (b"GET /queue/%00 HTTP/1.1\r\nHost: x\r\n\r\n", 404, "ROUTE_NOT_FOUND"),
        (b"DELETE /models HTTP/1.1\r\nHost: x\r\n\r\n", 405, "METHOD_NOT_ALLOWED"),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405, "METHOD_NOT_ALLOWED"),
        (GET + b"\r\n", 401, "UNAUTHENTICATED"),
        (GET + b"Key: \xff\xfe\xfd\r\n\r\n", 401, "UNAUTHENTICATED"),
        (GET + b"Key: " + b"k" * 600 + b"\r\n\r\n", 401, "UNAUTHENTICATED"),
        (GET + b"Authorization: Basic YTpi\r\n\r\n", 401, "UNAUTHENTICATED"),
        (GET + b"Key: a\r\nKey: b\r\n\r\n", 401, "CREDENTIAL_REPEATED"),
        (GET + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 401, "CREDENTIAL_REPEATED"),
        (GET + b"X-Big: " + b"x" * 50_000 + b"\r\n\r\n", 431, "HEADERS_TOO_LARGE"),
    ],
)
def test_broken_requests_get_the_one_form(raw: Any, request_bytes: bytes, status: int, code: str) -> None:
    answered, headers, body = raw.send(request_bytes)
    assert answered == status
    assert_form(body, code)
    assert headers["x-request-id"]
    if status == 401:
        assert headers["www-authenticate"].startswith("Bearer")
    if status == 405:
        assert headers["allow"]


def test_headers_without_end_are_cut_off(raw: Any) -> None:
    status, _, body = raw.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Endless: " + b"x" * 300_000)
    assert status == 431
    assert_form(body, "HEADERS_TOO_LARGE")


def test_a_head_that_never_ends_is_given_up(raw: Any) -> None:
    started = time.monotonic()
    status, _, body = raw.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
    assert status == 408
    assert_form(body, "BODY_TIMEOUT")
    assert time.monotonic() - started < 10


def test_the_key_opens_by_either_header(raw: Any, server: RunningServer) -> None:
    for header in (f"Key: {server.key}", f"kEy:   {server.key}  ", f"Authorization: bearer {server.key}"):
        status, _, body = raw.send(GET + header.encode() + b"\r\n\r\n")
        assert status == 200
        assert "ementa-reader" in [model["name"] for model in body["models"]]


def test_language_follows_the_header(raw: Any) -> None:
    _, portuguese, first = raw.send(GET + b"\r\n")
    _, english, second = raw.send(GET + b"Accept-Language: en-GB,en;q=0.9\r\n\r\n")
    assert (portuguese["content-language"], english["content-language"]) == ("pt-BR", "en")
    assert first["error"] != second["error"]


def test_a_sane_request_id_is_kept_and_another_replaced(raw: Any) -> None:
    _, headers, _ = raw.send(GET + b"X-Request-Id: abc-123.X_y\r\n\r\n")
    assert headers["x-request-id"] == "abc-123.X_y"
    for bad in (b"a b", b"x" * 65, b"\xff", b"<script>"):
        _, headers, _ = raw.send(GET + b"X-Request-Id: " + bad + b"\r\n\r\n")
        assert len(headers["x-request-id"]) == 36


def test_a_declared_gigabyte_is_refused_before_it_comes(raw: Any, server: RunningServer) -> None:
    head = f"POST /upload HTTP/1.1\r\nHost: x\r\nKey: {server.key}\r\nContent-Length: 1073741824\r\n\r\n".encode()
    status, headers, body = raw.send(head + b"x" * 1000)
    assert status == 413
    assert headers["connection"] == "close"
    assert_form(body, "FILE_TOO_LARGE")


def test_a_body_where_none_belongs_is_bounded(raw: Any) -> None:
    head = b"DELETE /queue/x HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"
    status, _, body = raw.send(head)
    assert status == 413
    assert_form(body, "BODY_TOO_LARGE")


def test_a_gigabyte_in_chunks_is_cut_short_and_leaves_nothing(server: RunningServer) -> None:
    head = (
        f"POST /upload HTTP/1.1\r\nHost: x\r\nKey: {server.key}\r\nPrompt: x\r\nModel: ementa-reader\r\n"
        'Format-Response: {"a":""}\r\nTransfer-Encoding: chunked\r\n\r\n'
    )
    sent, block = 0, b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.encode())
        try:
            while sent < 1024:
                connection.sendall(block)
                sent += 1
        except OSError:
            pass  # the server hung up, as it should
        answer = b""
        try:
            while chunk := connection.recv(65_536):
                answer += chunk
        except OSError:
            pass
    assert sent < 200
    if answer:
        assert b" 413 " in answer.split(b"\r\n")[0]
    assert blobs(server) == []


def test_a_trickling_upload_is_given_up_and_leaves_nothing(raw: Any, server: RunningServer) -> None:
    head = (
        f"POST /upload HTTP/1.1\r\nHost: x\r\nKey: {server.key}\r\nPrompt: x\r\nModel: ementa-reader\r\n"
        'Format-Response: {"a":""}\r\nContent-Length: 100000\r\n\r\nab'
    )
    status, _, body = raw.send(head.encode())
    assert status == 408
    assert_form(body, "BODY_TIMEOUT")
    assert blobs(server) == []


def test_a_client_that_leaves_in_the_middle_leaves_nothing(server: RunningServer) -> None:
    head = (
        f"POST /upload HTTP/1.1\r\nHost: x\r\nKey: {server.key}\r\nPrompt: x\r\nModel: ementa-reader\r\n"
        'Format-Response: {"a":""}\r\nContent-Length: 100000\r\n\r\nab'
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.encode())
        time.sleep(0.2)
    deadline = time.monotonic() + 5
    while blobs(server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert blobs(server) == []


def test_documentation_asks_nothing_of_another_host(server: RunningServer) -> None:
    with urllib.request.urlopen(f"{server.url}/docs", timeout=10) as answer:
        page = answer.read().decode()
        assert "http://" not in page
        assert "https://" not in page
        assert "connect-src 'self'" in answer.headers["Content-Security-Policy"]
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css"):
        with urllib.request.urlopen(f"{server.url}/docs/{asset}", timeout=10) as answer:
            assert len(answer.read()) > 50_000


def test_the_api_document_declares_the_error_form_everywhere(server: RunningServer) -> None:
    with urllib.request.urlopen(f"{server.url}/openapi.json", timeout=10) as answer:
        document = json.load(answer)
    assert {"/upload", "/queue", "/queue/{analysis_id}", "/response/{analysis_id}", "/health", "/models"} <= set(
        document["paths"]
    )
    names = {"v1": "OpenAIError", "api": "OllamaError"}
    for path, operations in document["paths"].items():
        name = names.get(path.split("/")[1], "Error")
        for operation in operations.values():
            schema = operation["responses"]["default"]["content"]["application/json"]["schema"]
            assert schema == {"$ref": f"#/components/schemas/{name}"}
    assert "HTTPValidationError" not in json.dumps(document)


def test_metrics_count_by_route_template(server: RunningServer, raw: Any) -> None:
    raw.send(GET + b"\r\n")
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    assert 'ementa_http_requests_total{method="GET",route="/models",status="401"}' in text
    assert "process_resident_memory_bytes" in text
