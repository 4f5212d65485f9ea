"""The bytes of a capture, in order for the reader and at any place for those who look at one packet.

A plain file is read where it lies. A stream, or what a decompressor gives, is copied to a temporary file without a
name as it is read, so that it can be read again; the operating system removes it with the process.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from typing import TYPE_CHECKING, Final, Protocol

from capture.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.fingerprint import Fingerprint
    from capture.stream import RawInput

SPOOL_LIMIT: Final = 64 << 30
"""The most bytes kept of a stream or a compressed file: a small file can unpack to any size."""

SPOOL_RESERVE: Final = 1 << 30
"""Bytes of free disk space that the copy leaves to others."""

_CHECK_EVERY: Final = 64 << 20


class DamagedStoreError(Exception):
    """The bytes cannot be had any further; the message completes "… at byte N of the capture: "."""


class ByteStore(Protocol):
    """What readers and `CaptureSource` ask of a store. Offsets are those of the uncompressed capture."""

    def fill(self, view: memoryview) -> int:
        """Put the next bytes into `view` and say how many; 0 at the end. Raises `DamagedStoreError`."""

    def ready(self) -> bool:
        """Whether `fill` would return without waiting for someone else."""

    def read(self, offset: int, length: int) -> bytes:
        """Bytes already passed by `fill`, from any thread; fewer, if the file has shrunk or the store is closed."""

    @property
    def bytes_read(self) -> int:
        """How much has been read of the input as it is stored."""

    @property
    def bytes_total(self) -> int | None:
        """The size that the stored input had when it was opened; None for a stream."""

    def cancel(self) -> None:
        """Make a `fill` that waits return soon, as if at the end."""

    def close(self) -> None:
        """Give the file back."""


class _Readable:
    """A file descriptor that any thread may read at any offset until it is closed."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor
        self._lock = threading.Lock()  # or a read could meet a descriptor that was closed and given out anew

    def read(self, offset: int, length: int) -> bytes:
        with self._lock:
            if self._descriptor is None or length <= 0 or offset < 0:
                return b""
            return os.pread(self._descriptor, length, offset)

    def close(self) -> None:
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._descriptor = None


class FileStore:
    """A plain file, read where it lies. Takes the descriptor over."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._readable = _Readable(descriptor)
        self._position = 0
        self._size = os.fstat(descriptor).st_size

    def fill(self, view: memoryview) -> int:
        """The next bytes, as `ByteStore` says."""
        try:
            count = os.preadv(self._descriptor, [view], self._position)
        except OSError as error:
            raise DamagedStoreError(f"the operating system says “{error.strerror}”") from error
        self._position += count
        return count

    def ready(self) -> bool:
        """Whether `fill` would not wait."""
        return True

    def pass_to(self, position: int) -> None:
        """Go on at this place: what lies before it was read by somebody else."""
        self._position = position

    def fingerprint(self) -> Fingerprint:
        """Which file this is. Raises OSError."""
        return fingerprint(self._descriptor)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes at any place that `fill` has passed."""
        return self._readable.read(offset, length)

    @property
    def bytes_read(self) -> int:
        """Progress, in bytes of the input."""
        return self._position

    @property
    def bytes_total(self) -> int | None:
        """The size of the input."""
        return self._size

    def cancel(self) -> None:
        """Nothing to do: reading a file does not wait."""

    def close(self) -> None:
        """Give the file back."""
        self._readable.close()


class SpoolStore:
    """Pieces of bytes as they come (from a stream or a decompressor), kept in an unnamed temporary file."""

    def __init__(self, source: RawInput, pieces: Iterator[bytes]) -> None:
        self._source = source
        self._pieces = pieces
        self._piece = memoryview(b"")
        with tempfile.TemporaryFile(prefix="netviz-") as spool:
            self._descriptor = os.dup(spool.fileno())
        self._readable = _Readable(self._descriptor)
        self._written = 0
        self._limit = 0

    def fill(self, view: memoryview) -> int:
        """The next bytes, as `ByteStore` says."""
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._piece = memoryview(piece)
        count = min(len(view), len(self._piece))
        self._keep(self._piece[:count])
        view[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    def _keep(self, piece: memoryview) -> None:
        if self._written + len(piece) > self._limit:
            self._raise_limit(len(piece))
        try:
            while piece:
                count = os.pwrite(self._descriptor, piece, self._written)
                self._written += count
                piece = piece[count:]
        except OSError as error:
            raise DamagedStoreError(f"it cannot be kept in {tempfile.gettempdir()} (“{error.strerror}”)") from error

    def _raise_limit(self, count: int) -> None:
        """Allow another stretch, if the disk has room for it."""
        if self._written + count > SPOOL_LIMIT:
            raise DamagedStoreError(f"it is larger than the {SPOOL_LIMIT >> 30} GiB that are kept of it")
        place = tempfile.gettempdir()
        if shutil.disk_usage(place).free < SPOOL_RESERVE + count + _CHECK_EVERY:
            raise DamagedStoreError(
                f"less than {SPOOL_RESERVE >> 30} GiB would remain free in {place}, where it is kept"
            )
        self._limit = min(SPOOL_LIMIT, self._written + count + _CHECK_EVERY)

    def ready(self) -> bool:
        """Whether `fill` would not wait."""
        return bool(self._piece) or self._source.ready()

    def read(self, offset: int, length: int) -> bytes:
        """Bytes at any place that `fill` has passed."""
        return self._readable.read(offset, length)

    @property
    def bytes_read(self) -> int:
        """Progress, in bytes of the input."""
        return self._source.bytes_read

    @property
    def bytes_total(self) -> int | None:
        """The size of the input."""
        return self._source.bytes_total

    def cancel(self) -> None:
        """End the waiting."""
        self._source.cancel()

    def close(self) -> None:
        """Give the file back."""
        self._readable.close()
        self._source.close()
