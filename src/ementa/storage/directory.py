"""The data directory: made when missing, private, and refused with a reason when it cannot be used."""

import errno
import os
from pathlib import Path

from ementa.storage.errors import DataDirectoryUnusable


def prepare_data(path: Path) -> None:
    """Make the data directory (0700) unless it is there; raises `DataDirectoryUnusable`."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise DataDirectoryUnusable(path=str(path), cause=error.strerror or type(error).__name__) from error
    if not os.access(path, os.W_OK | os.X_OK):
        number = errno.EROFS if os.statvfs(path).f_flag & os.ST_RDONLY else errno.EACCES
        raise DataDirectoryUnusable(path=str(path), cause=os.strerror(number))
