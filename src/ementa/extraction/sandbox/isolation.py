"""What a child gives up before it reads anything: memory, time, files, processes, the network and every way to write.

Linux only, where Ementa runs. Three layers, each useful alone: rlimits (setrlimit(2)); an empty network namespace
(unshare(2), where the kernel lets an ordinary user make one); and a seccomp filter (seccomp(2)) that refuses programs,
processes, sockets, signals to others and opening files for writing. A kernel or container without the second still has
the third; what is in force is reported, never assumed.
"""

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from ementa.extraction.sandbox.wire import Hello

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 38, 22
_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000
_CLONE_THREAD = 0x0001_0000
_OPEN_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_MAX_OPEN_FILES = 128
_MAX_ANONYMOUS_FILE = 200_000_000  # attachments are handed on in memory (memfd_create(2)); no other file opens to write

_libc = ctypes.CDLL(None, use_errno=True)


class _Calls(NamedTuple):
    """System call numbers of one machine architecture (asm/unistd.h), by what the filter does with them."""

    audit: int
    refused: tuple[int, ...]
    clone: int
    clone3: int
    own_process: tuple[int, ...]  # kill, tgkill: to oneself only
    open: int | None
    openat: int


_X86_64 = _Calls(
    audit=0xC000_003E,
    refused=(
        *(41, 42, 49, 50, 53),  # socket connect bind listen socketpair
        *(57, 58, 59, 322),  # fork vfork execve execveat
        *(101, 310, 311, 321, 323, 425, 426, 427),  # ptrace process_vm_* bpf userfaultfd io_uring_*
        *(155, 161, 165, 166, 272, 308),  # pivot_root chroot mount umount2 unshare setns
        *(200, 424, 434, 438),  # tkill pidfd_send_signal pidfd_open pidfd_getfd
        *(76, 82, 83, 84, 85, 86, 87, 88, 90, 92, 94),  # truncate rename mkdir rmdir creat link unlink symlink ch*
        *(133, 258, 259, 260, 263, 264, 265, 266, 268, 316, 437),  # the same, *at, and openat2
        *(248, 249, 250),  # keys
    ),
    clone=56,
    clone3=435,
    own_process=(62, 234),
    open=2,
    openat=257,
)
_AARCH64 = _Calls(
    audit=0xC000_00B7,
    refused=(
        *(198, 199, 200, 201, 203),
        *(221, 281),
        *(117, 270, 271, 280, 282, 425, 426, 427),
        *(39, 40, 41, 51, 97, 268),
        *(130, 424, 434, 438),
        *(33, 34, 35, 36, 37, 38, 45, 52, 53, 54, 55, 276, 437),
        *(217, 218, 219),
    ),
    clone=220,
    clone3=435,
    own_process=(129, 131),
    open=None,
    openat=56,
)


def apply(memory_bytes: int, cpu_seconds: int) -> Hello:
    """Give everything up, for good; says what is in force. Call once, in a process with a single thread.

    `memory_bytes` is address space beyond what the process already uses.
    """
    os.nice(5)  # the API must answer while pages are read
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")  # the kernel should take a child before the server
    namespaced = _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0
    die_with_parent()  # after unshare, which clears it
    address_space = _limit(memory_bytes)
    limit_cpu(cpu_seconds)
    filtered = _filter()
    network: Literal["namespace", "seccomp", "open"] = "open"
    if filtered:
        network = "seccomp"
    if namespaced:
        network = "namespace"
    return Hello(network=network, seccomp=filtered, address_space_limit=address_space)


def die_with_parent() -> None:
    """Be killed when the parent ends, however it ends (prctl(2), PR_SET_PDEATHSIG)."""
    parent = os.getppid()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended in between
        os._exit(1)


def limit_cpu(seconds: int) -> None:
    """Let the process use `seconds` of CPU time more; past that the kernel sends SIGXCPU, which ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, resource.RLIM_INFINITY))


def address_space_bytes() -> int:
    """Address space in use by this process."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def resident_bytes() -> int:
    """Memory of this process that is in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _limit(memory_bytes: int) -> int:
    address_space = address_space_bytes() + memory_bytes
    for kind, value in (
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
        (resource.RLIMIT_FSIZE, _MAX_ANONYMOUS_FILE),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (allowed, allowed))
    return address_space


# -- seccomp: a program for the kernel's packet filter machine over (number, arch, arguments); linux/seccomp.h ---------

_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF_0000, 0x0005_0000, 0x8000_0000
_NUMBER, _ARCH, _ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data; an argument's low half comes first
_X32 = 0x4000_0000  # numbers of the x32 ABI start here


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _argument(index: int) -> int:
    return _ARGUMENT + 8 * index


def _program(calls: _Calls, pid: int) -> bytes:
    """Each rule stands alone: skip it unless the number matches, so no jump goes farther than its own rule."""
    refuse = _instruction(_RETURN, _ERRNO | errno.EPERM)
    allow = _instruction(_RETURN, _ALLOW)

    def on(number: int, *body: bytes) -> list[bytes]:
        return [_instruction(_EQUAL, number, 0, len(body)), *body]

    def unless(index: int, test: int, value: int, *, refuse_when: bool) -> tuple[bytes, ...]:
        to_refusal, to_allowance = (1, 0) if refuse_when else (0, 1)
        return (
            _instruction(_LOAD, _argument(index)),
            _instruction(test, value, to_refusal, to_allowance),
            allow,
            refuse,
        )

    rules: list[bytes] = [
        _instruction(_LOAD, _ARCH),
        _instruction(_EQUAL, calls.audit, 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
        _instruction(_AT_LEAST, _X32, 0, 1),
        refuse,
    ]
    for number in calls.refused:
        rules += on(number, refuse)
    rules += on(calls.clone3, _instruction(_RETURN, _ERRNO | errno.ENOSYS))  # the C library then uses clone
    rules += on(calls.clone, *unless(0, _ANY_BIT, _CLONE_THREAD, refuse_when=False))
    for number in calls.own_process:
        rules += on(number, *unless(0, _EQUAL, pid, refuse_when=False))
    if calls.open is not None:
        rules += on(calls.open, *unless(1, _ANY_BIT, _OPEN_TO_WRITE, refuse_when=True))
    rules += on(calls.openat, *unless(2, _ANY_BIT, _OPEN_TO_WRITE, refuse_when=True))
    return b"".join([*rules, allow])


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_void_p))


def _filter() -> bool:
    calls = {"x86_64": _X86_64, "aarch64": _AARCH64}.get(platform.machine())
    if calls is None:
        return False
    program = _program(calls, os.getpid())
    buffer = ctypes.create_string_buffer(program, len(program))
    described = _Filter(len(program) // 8, ctypes.addressof(buffer))
    prctl: Callable[..., int] = _libc.prctl
    if prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return prctl(_PR_SET_SECCOMP, 2, ctypes.byref(described), 0, 0) == 0
