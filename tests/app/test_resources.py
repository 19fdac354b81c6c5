"""A server short of disk or memory: alive, not ready, and refusing only what would make it worse."""

import json
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from ementa.testing.server import RunningServer


class LivingServer(RunningServer):
    """Up as soon as it answers at all, ready or not."""

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/live", timeout=1):
                return True
        except (OSError, urllib.error.URLError):
            return False


def call(server: RunningServer, method: str, path: str, **headers: str) -> tuple[int, Any, Any]:
    """Status, headers and JSON."""
    data = b"CNPJ: 11.222.333/0001-81" if method == "POST" else None
    request = urllib.request.Request(
        server.url + path, data, {"Key": server.key, "Accept-Language": "en", **headers}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, json.load(error)


def upload(server: RunningServer) -> tuple[int, Any, Any]:
    asked = {"Prompt": "CNPJ", "Format-Response": '{"cnpj": ""}', "Model": "ementa-reader", "Filename": "nota.txt"}
    return call(server, "POST", "/upload", **asked)


@pytest.mark.parametrize(
    ("setting", "value", "status", "code", "dependency"),
    [
        ("EMENTA_UPKEEP__MIN_FREE_DISK_BYTES", str(10**18), 507, "DISK_LOW", "disk"),
        ("EMENTA_UPKEEP__MAX_RSS_BYTES", "1000000", 503, "MEMORY_LOW", "memory"),
    ],
)
def test_a_server_short_of_something_refuses_uploads_and_says_so(
    tmp_path: Path, setting: str, value: str, status: int, code: str, dependency: str
) -> None:
    with LivingServer(tmp_path / "data", {setting: value}) as server:
        answered, headers, body = upload(server)
        assert (answered, body["code"]) == (status, code)
        assert setting in body["error"]
        assert int(headers["Retry-After"]) > 0
        assert [path for path in (server.data / "blobs").rglob("*") if path.is_file()] == []
        answered, _, body = call(server, "GET", "/health/ready")
        assert (answered, body["code"]) == (503, "NOT_READY")
        assert dependency in body["error"]
        assert body["details"]["dependencies"][dependency]["state"] == "down"
        assert call(server, "GET", "/queue")[0] == 200


def test_a_server_short_of_disk_is_not_ready(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data", {"EMENTA_UPKEEP__MIN_FREE_DISK_BYTES": str(10**18)})
    with pytest.raises(RuntimeError, match="did not become ready"):
        server.start(timeout=4)


def test_models_are_listed_also_while_a_model_server_hangs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"  # takes connections, answers nothing
        with RunningServer(tmp_path / "data", {"OLLAMA_HOST": host}) as server:
            status, _, body = call(server, "GET", "/models")
            assert status == 200
            assert body["default"] == "gemma3:1b"
            (reader,) = body["models"]
            assert reader["name"] == "ementa-reader"
            assert reader["capabilities"] != []
            health = call(server, "GET", "/health")[2]
            assert health["status"] == "degraded"
            assert health["dependencies"]["models"]["state"] != "ok"


def test_the_servers_own_addresses_are_documented(server: RunningServer) -> None:
    document = call(server, "GET", "/openapi.json")[2]
    for path in ("/models", "/health", "/health/live", "/health/ready", "/metrics"):
        operation = document["paths"][path]["get"]
        assert operation["tags"] == ["server"]
        assert operation["description"]
        assert operation["responses"]["200"]["content"]
    assert document["paths"]["/models"]["get"]["security"]
    properties = document["components"]["schemas"]["ModelRead"]["properties"]
    assert all(told.get("description") for told in properties.values()), properties
    assert "503" in document["paths"]["/health"]["get"]["responses"]
    assert list(document["paths"]["/metrics"]["get"]["responses"]["200"]["content"]) == ["text/plain"]
