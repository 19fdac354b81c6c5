"""The exit code of each category of errors (those of `sysexits.h` where one fits)."""

from ementa.kit.errors import (
    Conflict,
    EmentaError,
    Forbidden,
    Invalid,
    LimitExceeded,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UpstreamFailed,
)

EXITS: dict[type[EmentaError], int] = {
    Invalid: 65,  # EX_DATAERR
    Unauthenticated: 77,  # EX_NOPERM
    Forbidden: 77,
    NotFound: 66,  # EX_NOINPUT
    Conflict: 73,  # EX_CANTCREAT
    TooLarge: 65,
    LimitExceeded: 75,  # EX_TEMPFAIL
    UpstreamFailed: 76,  # EX_PROTOCOL
    Unavailable: 69,  # EX_UNAVAILABLE
    EmentaError: 70,  # EX_SOFTWARE
}


def exit_code(kind: type[EmentaError]) -> int:
    """The exit code of an error; the nearest ancestor counts."""
    return next(EXITS[ancestor] for ancestor in kind.__mro__ if ancestor in EXITS)
