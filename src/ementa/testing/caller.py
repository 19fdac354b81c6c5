"""Somebody with a key who asks a running Ementa one thing after the other, from a test without an event loop."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any


class Caller:
    """Somebody with a key, who asks one thing after the other."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Key": self.key, "Content-Type": "application/json", **headers}
        request = urllib.request.Request(self.url + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        return status, json.loads(content) if content else None

    def done(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of an answer that must be a success."""
        status, content = self.ask(method, path, body)
        assert status < 300, (status, content)
        return content

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """The status and code of a refusal, in our form."""
        status, content = self.ask(method, path, body)
        assert status >= 400, (status, content)
        assert set(content) == {"error", "code", "details", "timestamp"}
        return status, content["code"]

    def eventually(self, check: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.1)

    def models(self) -> list[str]:
        """The names of the models that there are."""
        return [model["name"] for model in self.done("GET", "/models")["models"]]
