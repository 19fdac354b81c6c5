"""Functions that do on purpose what a hostile file would make a parser do. For tests of the sandbox only."""

import ctypes
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from ementa.extraction.errors import FileCorrupt


def echo(value: Any) -> Any:
    """Behave."""
    return value


def environment() -> dict[str, str]:
    """Everything in the process environment."""
    return dict(os.environ)


def process_id() -> int:
    """Of the child."""
    return os.getpid()


def fail_clearly() -> None:
    """Raise an error of ours."""
    raise FileCorrupt(cause="on purpose")


def fail_unclearly() -> None:
    """Raise something that nobody expects."""
    raise ZeroDivisionError("on purpose")


def loop_for_ever() -> None:
    """Never come back, using the CPU."""
    while True:
        pass


def sleep(seconds: float) -> float:
    """Come back late, using nothing."""
    time.sleep(seconds)
    return seconds


def hog_memory() -> int:
    """Ask for memory until there is none."""
    held: list[bytearray] = []
    while True:
        held.append(bytearray(50_000_000))


def hog_native_memory() -> int:
    """The same in C, ending as native engines do when an allocation fails: by abort."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
    while True:
        block = libc.malloc(20_000_000)
        if not block:
            os.abort()
        libc.memset(block, 1, 20_000_000)
        time.sleep(0.1)  # it is looked at five times a second


def dereference_null() -> str:
    """Crash as a broken parser does."""
    return ctypes.string_at(0).decode()


def exit_at_once() -> None:
    """End the process without a word."""
    os._exit(3)


def shout(bytes_: int) -> int:
    """Fill stderr and stdout, as chatty libraries do."""
    os.write(1, b"x" * 1000)
    for _ in range(bytes_ // 1000):
        os.write(2, b"x" * 1000)
    return bytes_


def return_something_else() -> object:
    """Give back what no message can carry."""
    return object()


def attempt(what: str) -> str:
    """Try something forbidden; the name of the error that stopped it, or `allowed`."""
    attempts = {
        "fork": os.fork,
        "exec": lambda: os.execv("/bin/true", ["/bin/true"]),
        "spawn": lambda: subprocess.run(["/bin/true"], check=True),
        "connect": lambda: socket.create_connection(("127.0.0.1", 9), timeout=2),
        "socket": lambda: socket.socket(socket.AF_UNIX),
        "write": lambda: Path("/tmp/ementa-sandbox-attempt").write_bytes(b"x"),
        "remove": lambda: Path("/tmp/ementa-sandbox-absent").unlink(),
        "kill_parent": lambda: os.kill(os.getppid(), 0),
        "raise_limit": lambda: _raise_limit(),
    }
    try:
        attempts[what]()
    except (OSError, ValueError) as error:
        return type(error).__name__
    return "allowed"


def _raise_limit() -> None:
    import resource  # noqa: PLC0415

    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
