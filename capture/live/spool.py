"""The temporary file of a capture that nobody has saved: stretches of it can be given back to the disk.

What was given back is a hole (fallocate(2), FALLOC_FL_PUNCH_HOLE), which reads as zeros; so whoever reads asks the file
system for holes afterwards (lseek(2), SEEK_HOLE) and takes no zero for a byte that was captured. A hole is never filled
again. Not every file system makes holes: `Spool.gives_back` says whether this one does.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
import tempfile
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from capture.temporary import folder

if TYPE_CHECKING:
    from collections.abc import Iterator

SPOOL_BYTES: Final = 1 << 30
"""What is kept of a capture that nobody asked to save, unless told."""
PAGE: Final = 4096
"""Holes begin and end at multiples of this."""
_KEEP_SIZE_PUNCH_HOLE: Final = 0x01 | 0x02


@dataclass(frozen=True, slots=True)
class Left:
    """How many packets are no longer whole in the spool, of how many connections they were, and bytes given back."""

    packets: int = 0
    connections: int = 0
    bytes: int = 0


class Spool:
    """A file without a name. `descriptor` is the one to write with. Any thread may read. Raises OSError when made."""

    def __init__(self) -> None:
        self.descriptor, path = tempfile.mkstemp(prefix="netviz-", dir=folder())
        try:
            self._apart = os.open(path, os.O_RDWR | os.O_CLOEXEC)  # has a position of its own, apart from the writer's
        finally:
            os.unlink(path)  # noqa: PTH108 - it was never a Path
        self.left = Left()
        """Kept by whoever gives stretches back."""
        self.steady = threading.Lock()
        """Held by whoever reads stretches and must not meet a hole that was none before; and while holes are made."""
        self._lock = threading.Lock()  # of the position of `_apart`
        self.gives_back = sys.platform == "linux" and self._makes_holes()

    def _makes_holes(self) -> bool:
        """Try it, on a file of two pages; it is empty again after that."""
        os.pwrite(self._apart, bytes(2 * PAGE), 0)
        try:
            self.punch(0, PAGE)
            return os.lseek(self._apart, 0, os.SEEK_HOLE) == 0 and os.lseek(self._apart, 0, os.SEEK_DATA) == PAGE
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENXIO}:
                raise
            return False
        finally:
            os.ftruncate(self._apart, 0)

    @property
    def size(self) -> int:
        """Bytes written, those that were given back included."""
        return os.fstat(self.descriptor).st_size

    @property
    def occupied(self) -> int:
        """Bytes that it takes on the disk."""
        return os.fstat(self.descriptor).st_blocks * 512

    def punch(self, begin: int, end: int) -> None:
        """Give the whole pages from `begin` to `end` back. Raises OSError."""
        library = ctypes.CDLL(None, use_errno=True)
        sizes = ctypes.c_int64(begin), ctypes.c_int64(end - begin)
        if library.fallocate64(self._apart, _KEEP_SIZE_PUNCH_HOLE, *sizes):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    def stretches(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Where there are bytes between two places: from, to, ascending."""
        while begin < end:
            with self._lock:
                at = self._seek(begin, os.SEEK_DATA)
                stop = self._seek(at, os.SEEK_HOLE)
            if at >= end or at == stop:
                return
            yield at, min(stop, end)
            begin = stop

    def is_hole(self, at: int) -> bool:
        """Whether the byte at a place was given back."""
        with self._lock:
            return at < self.size and self._seek(at, os.SEEK_HOLE) == at

    def whole(self, offset: int, data: bytes) -> bytes:
        """Of what was read at a place, the bytes before the first hole. To be asked after reading."""
        if not self.gives_back or not data:
            return data
        with self._lock:
            return data[: max(self._seek(offset, os.SEEK_HOLE) - offset, 0)]

    def _seek(self, at: int, what: int) -> int:
        """The next place of a kind; the end of the file where there is no more."""
        try:
            return os.lseek(self._apart, at, what)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return self.size

    def close(self) -> None:
        """Let go of it; then it is gone."""
        self.gives_back = False
        os.close(self.descriptor)
        os.close(self._apart)
