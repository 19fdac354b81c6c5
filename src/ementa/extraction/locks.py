"""Office files under a password, and those that only look so.

Excel writes workbooks that are merely protected against change under a password of its own, known to everybody
([MS-OFFCRYPTO] 2.4.2.3); those open without asking anyone.
"""

import io
import re
from typing import Any, cast

from msoffcrypto import OfficeFile  # pyright: ignore[reportUnknownVariableType]

from ementa.extraction.archives import Ole
from ementa.extraction.errors import FileEncrypted

_PASSWORD = "VelvetSweatshop"  # noqa: S105
_MAX_SPINS = 1_000_000
"""Hash rounds a file may ask for; it could ask for years."""
_SPINS = re.compile(rb'spinCount="(\d{1,20})"')


def is_locked_package(ole: Ole) -> bool:
    """Whether this OLE file holds an encrypted Office Open XML package."""
    return "EncryptedPackage" in ole or "EncryptionInfo" in ole


def unlock(data: bytes, ole: Ole) -> bytes:
    """The file without its lock when the lock is the public one; raises `FileEncrypted` for any other."""
    if "EncryptionInfo" in ole:
        spins = _SPINS.search(ole.read("EncryptionInfo"))
        if spins and int(spins[1]) > _MAX_SPINS:
            raise FileEncrypted
    opened = io.BytesIO()
    try:
        office = cast("Any", OfficeFile(io.BytesIO(data)))
        office.load_key(password=_PASSWORD)
        office.decrypt(opened)
    except Exception as error:  # whatever the library meets, the file stays closed
        raise FileEncrypted from error
    return opened.getvalue()
