"""Room on the disk itself that only business may use: a file of nothing, given up when the disk is full.

A full outbox lets telemetry give way; a full disk (somebody else's logs, a map) would stop business as well. So some
megabytes are held from the beginning, and released for the commit that needs them.
"""

import errno
import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

ROOM = 4
"""The ballast is taken (again) only while so many times its size is free."""


class Ballast:
    """`size` bytes beside the outbox, in a file of their own; 0 for none."""

    def __init__(self, file: Path, size: int) -> None:
        self._file = file
        self._size = size

    @property
    def is_held(self) -> bool:
        return self._size > 0 and self._file.exists()

    def take(self) -> bool:
        """Holds the room if there is plenty; True when it is held."""
        if self._size == 0 or self.is_held:
            return self.is_held
        disk = os.statvfs(self._file.parent)
        if disk.f_bavail * disk.f_frsize < ROOM * self._size:
            return False
        try:
            with self._file.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError as error:
            self._file.unlink(missing_ok=True)
            if error.errno not in (errno.ENOSPC, errno.EOPNOTSUPP):
                log.warning("event=ballast_not_taken error=%r", str(error))
            return False
        return True

    def release(self) -> bool:
        """Gives the room up; False when none was held."""
        if not self.is_held:
            return False
        self._file.unlink()
        log.error("event=disk_full ballast_released_mb=%.1f", self._size / 1e6)
        return True
