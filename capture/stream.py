"""Raw bytes from a descriptor, in order, waiting in a way that another thread can end."""

from __future__ import annotations

import os
import select
import stat
from typing import Final

CHUNK: Final = 256 << 10


class RawInput:
    """Reads a file or pipe in pieces; `cancel` from any thread ends the waiting. Takes the descriptor over."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        self.regular = stat.S_ISREG(status.st_mode)
        self.bytes_total = status.st_size if self.regular else None
        self._ahead = b""  # looked at, not yet read
        self._wake_read, self._wake_write = os.pipe()
        self._cancelled = False
        self._closed = False
        self.bytes_read = 0

    def peek(self, count: int) -> bytes:
        """The next `count` bytes (fewer at the end), which `read` will give again."""
        while len(self._ahead) < count and (piece := self._wait_and_read(count - len(self._ahead))):
            self._ahead += piece
        return self._ahead[:count]

    def read(self, count: int = CHUNK) -> bytes:
        """What there is, at least one byte and at most `count`; empty at the end or when cancelled."""
        piece = self._ahead or self._wait_and_read(count)
        piece, self._ahead = piece[:count], piece[count:]
        self.bytes_read += len(piece)
        return piece

    def ready(self) -> bool:
        """Whether `read` would return at once."""
        return bool(self._ahead) or self._cancelled or self.regular or self._readable(0)

    def _wait_and_read(self, count: int) -> bytes:
        while not self._cancelled:
            if not self.regular and not self._readable(None):
                continue  # woken by `cancel`
            try:
                return os.read(self._descriptor, count)
            except BlockingIOError:
                continue  # someone else read from the same pipe meanwhile
        return b""

    def _readable(self, timeout: int | None) -> bool:
        """Whether there is something to read (or the end) after at most `timeout` ms; `cancel` ends the waiting."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        return any(descriptor == self._descriptor for descriptor, _ in poll.poll(timeout))

    def cancel(self) -> None:
        """End the waiting, now and later."""
        self._cancelled = True
        if not self._closed:
            os.write(self._wake_write, b"x")

    def detach(self) -> int:
        """Give the descriptor to someone else, who reads it from wherever they like."""
        descriptor, self._descriptor = self._descriptor, os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self.close()
        return descriptor

    def close(self) -> None:
        """Give the descriptors back. Not while another thread reads: cancel first, and wait for it."""
        if not self._closed:
            self._closed = True
            for descriptor in (self._descriptor, self._wake_read, self._wake_write):
                os.close(descriptor)
